#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixtures meanflow-improved-*, -taught, -full*, -map*, -guided and pixelmeanflow*.json: improved MeanFlow (arXiv 2512.02012),
Pixel MeanFlow (arXiv 2601.22158) and E |dg/dt|^2 with its whole gradient, in JAX float64, written from the papers' formulas.
Needs jax and numpy; see README.md."""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np

from generate import HERE, dyadic, mlp, shapes, tensor, times, wide

stop = jax.lax.stop_gradient


def parameters(rng, model, d, conditions, heads):
    table = shapes(model, d, conditions)
    for name in [k for k in table if k.split("/")[0] in ("head", "scale", "skip")]:
        for i in range(1, heads):
            table[name.replace("/0/", f"/{i}/")] = table[name]
    return {k: jnp.asarray(dyadic(rng, s, 0.3 if k.endswith("bias") else 1.5 / np.sqrt(s[0]))) for k, s in table.items()}


def head(p, model, index, x, conditions, label):
    """One head of the network."""
    chosen = {k: v for k, v in p.items() if k.split("/")[0] not in ("head", "scale", "skip") or k.split("/")[1] == str(index)}
    return mlp({k.replace(f"/{index}/", "/0/") if k.split("/")[0] in ("head", "scale", "skip") else k: v for k, v in chosen.items()},
               model, x, conditions, label)


def clip(t, o, x):
    return wide(jnp.clip(t, o.get("clip", 0.05), 1.0), x)


def velocity_of(p, model, o, index, z, t, r, label):
    """A head as a velocity: u(z, r, t) for index 0, the instantaneous one for index 1."""
    out = head(p, model, index, z, [t, t - r], label)
    return (z - out) / clip(t, o, z) if o["prediction"] == "x" else out


def draw_times(method, o, f):
    t, r = times(jnp.asarray(f["time"]), o), times(jnp.asarray(f["time/r"]), o)
    same = np.arange(t.shape[0]) >= np.floor(o["ratio"] * t.shape[0] + 0.5)  # rows beyond a fixed share
    if method == "meanflow":  # sorted first
        t, r = jnp.maximum(t, r), jnp.minimum(t, r)
        return t, jnp.where(same, t, r), same
    if o["uniform"] > 0:
        chosen = f["time/mask"] < o["uniform"]
        t, r = jnp.where(chosen, f["time/uniform"], t), jnp.where(chosen, f["time/uniform/r"], r)
    r = jnp.where(same, t, r)
    return jnp.maximum(t, r), jnp.minimum(t, r), same


def guided(p, model, o, z, t, v, label):
    """The velocity to regress: of labelled rows inside the interval mixed with the network's own, with and without their label."""
    omega, kappa = o.get("omega", 1), o.get("kappa", 0)
    if omega == 1 and kappa == 0:
        return v
    own = lambda y: stop(velocity_of(p, model, o, int(o["tangent"] == "head"), z, t, t, y))
    mixed = omega * v + kappa * own(label) + (1 - omega - kappa) * own(jnp.full_like(label, model["classes"]))
    inside = (t >= o.get("guide_from", 0)) & (t <= o.get("guide_to", 1)) & (label < model["classes"])
    return jnp.where(wide(inside, z), mixed, v)


def loss_of(p, method, model, o, f, teach):
    a, b, label = f["data"], f["noise"], f.get("label")
    t, r, same = draw_times(method, o, f)
    z = (1 - wide(t, a)) * a + wide(t, a) * b
    axes, d = tuple(range(1, z.ndim)), z[0].size
    squares = lambda e: jnp.sum(e**2, axis=axes)
    adaptive = lambda e: e / stop((e + o["norm_eps"]) ** o["norm_p"])
    v = teach(z, t, label) if o["velocity"] == "teacher" else b - a
    if o["prediction"] == "x":
        v = v * wide(t, z) / clip(t, o, z)
    v = guided(p, model, o, z, t, v, label)
    if o["prediction"] == "map":
        out, rate = jax.jvp(lambda z_, t_: mlp(p, model, z_, [t_, t_ - r], label), (z, t), (v, jnp.ones_like(t)))
        end = jnp.where(same, squares(out - z), 0)
        e = jnp.where(same, o["boundary"] * end, squares(rate))
        return jnp.mean(adaptive(e)), {"map_rate": jnp.sqrt(jnp.mean(rate[~same] ** 2)), "boundary_error": jnp.sum(end) / np.sum(same) / d}
    u_of = lambda z_, t_: velocity_of(p, model, o, 0, z_, t_, r, label)
    along = v
    if o["tangent"] != "velocity":
        along = stop(velocity_of(p, model, o, int(o["tangent"] == "head"), z, t, t, label))
    u, rate = jax.jvp(u_of, (z, t), (along, jnp.ones_like(t)))
    h = wide(t - r, z)
    if o["form"] == "full":  # of g = z - h u
        whole = jax.jvp(lambda z_, t_: z_ - wide(t_ - r, z_) * u_of(z_, t_), (z, t), (v, jnp.ones_like(t)))[1]
        e = squares(whole)
    else:
        e = squares(u + h * stop(rate) - v)
    each = adaptive(e)
    fm = jnp.sum(jnp.where(same, squares(u - v), 0)) / np.sum(same) / d
    metrics = {"fm_error": fm, "u_error": jnp.mean(e) / d, "jvp_norm": jnp.sqrt(jnp.mean(rate[~same] ** 2))}
    if o["tangent"] == "head":
        e = squares(velocity_of(p, model, o, 1, z, t, r, label) - v)
        each = each + adaptive(e)
        metrics["head_error"] = jnp.mean(e) / d
    return jnp.mean(each), metrics


def sample(p, model, o, x, t, r, label):
    """The map from t to r, and the velocity at t."""
    full = jnp.ones(x.shape[:1])
    if o["prediction"] == "map":
        map_to = lambda r_: mlp(p, model, x, [t * full, (t - r_) * full], label)
        return map_to(r), jax.jvp(map_to, (t,), (1.0,))[1]
    u = velocity_of(p, model, o, 0, x, t * full, r * full, label)
    return x - (t - r) * u, velocity_of(p, model, o, 0, x, t * full, t * full, label)


MEANFLOW = {"ratio": 0.75, "time": "logit-normal", "P_mean": -0.4, "P_std": 1.0, "norm_p": 0.75, "norm_eps": 1e-3,
            "prediction": "u", "tangent": "velocity", "form": "stopgrad", "velocity": "data", "boundary": 0.0}
PIXEL = {"ratio": 0.5, "time": "logit-normal", "P_mean": 0.8, "P_std": 0.8, "uniform": 0.0, "norm_p": 1.0, "norm_eps": 0.01,
         "tangent": "head", "clip": 0.05}


def write(name, seed, options, model, shape, batch, teacher=None):
    rng = np.random.default_rng(seed)
    method = name.split("-")[0]
    small = {"width": 8, "depth": 2, "embed": 4, "residual": False, "gate": False, "classes": 0}
    model, o = {**small, **model}, {**(MEANFLOW if method == "meanflow" else PIXEL), **options}
    d = int(np.prod(shape))
    p = parameters(rng, model, d, 2, 2 if o["tangent"] == "head" else 1)
    teacher_model = {**small, **teacher, "classes": model["classes"]} if teacher is not None else None
    teacher_p = parameters(rng, teacher_model, d, 1, 1) if teacher is not None else {}
    uniform = lambda: np.floor(rng.random(batch) * 1024) / 1024 + 1 / 2048
    draw = uniform if o["time"] == "uniform" else lambda: dyadic(rng, batch)
    f = {"data": dyadic(rng, (batch, *shape)), "noise": dyadic(rng, (batch, *shape)), "time": draw(), "time/r": draw()}
    if o.get("uniform", 0) > 0:
        f.update({"time/mask": uniform(), "time/uniform": uniform(), "time/uniform/r": uniform()})
    if o.get("prediction") == "x" or (method == "pixelmeanflow" and o["time"] == "logit-normal"):
        low = 0.02 if o["time"] == "uniform" else (np.log(0.03 / 0.97) - o["P_mean"]) / o["P_std"]
        f["time"][1] = f["time"][batch - 1] = np.round(low * 1024) / 1024  # t below the clip, of both kinds of rows
        f["time/r"][1] = f["time/r"][batch - 1] = np.round((0.5 * low if o["time"] == "uniform" else low - 0.5) * 1024) / 1024
    if model["classes"]:
        f["label"] = rng.integers(0, model["classes"] + 1, batch)
    data = {"data": {"labels": "true", "label_drop": "0.1"}} if "omega" in o else {}  # the labels come with some dropped
    teach = lambda x, t, label: mlp(teacher_p, teacher_model, x, [t], label)
    all_o = {**MEANFLOW, "prediction": "x", **o} if method == "pixelmeanflow" else o
    (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, method, model, all_o, f, teach)
    t, r = 0.875, 0.25
    evaluated, velocity = sample(p, model, all_o, jnp.asarray(f["noise"]), t, r, f.get("label"))
    text = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    options_of = lambda m: {k: text(v) for k, v in m.items() if k != "classes"}
    out = {
        "name": name, "method": method, "sample": list(shape), "batch": batch, "classes": model["classes"],
        "options": {"method": {k: text(v) for k, v in o.items()}, "model": options_of(model), **data},
        "parameters": {k: tensor(w) for k, w in p.items()},
        "teacher": {k: tensor(w) for k, w in teacher_p.items()},
        "given": {k: tensor(w) for k, w in f.items()},
        "loss": float(loss), "metrics": {k: float(m) for k, m in metrics.items()},
        "gradients": {k: tensor(w) for k, w in gradient.items()},
        "sampler": {"t": t, "r": r, "evaluate": tensor(evaluated), "velocity": tensor(velocity)},
    }
    if teacher is not None:
        out["teacher_options"] = {"model": options_of(teacher_model)}
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")
    print(f"{name}: loss {loss:.6f}")


def main():
    full = {"form": "full", "velocity": "teacher"}
    write("meanflow-improved-u", 51, {"tangent": "u", "norm_p": 1, "norm_eps": 0.01}, {"classes": 3}, (2,), 8)
    write("meanflow-improved-u-x", 52, {"tangent": "u", "prediction": "x", "norm_p": 0.5}, {"depth": 3}, (5,), 7)
    write("meanflow-improved-head", 53, {"tangent": "head", "norm_p": 0.5}, {"depth": 3, "residual": True}, (2,), 8)
    write("meanflow-taught-x", 56, {"velocity": "teacher", "prediction": "x"}, {}, (3,), 6, {"depth": 1})
    write("meanflow-full", 57, {**full, "norm_p": 0}, {"depth": 3}, (2,), 7, {"width": 12})
    write("meanflow-full-x", 58, {**full, "prediction": "x"}, {"gate": True, "classes": 2}, (3,), 6, {})
    write("meanflow-map", 59, {**full, "prediction": "map", "norm_p": 0, "ratio": 0.5, "boundary": 0.75}, {}, (2,), 7, {})
    write("meanflow-guided", 64, {"omega": 0.5, "kappa": 0.75, "guide_from": 0.4, "guide_to": 0.6875}, {"classes": 3}, (2,), 12)
    write("pixelmeanflow-head", 61, {}, {"depth": 3}, (3,), 8)
    write("pixelmeanflow-image", 62, {"tangent": "u", "uniform": 0.5, "clip": 0.125, "norm_p": 0.5}, {"classes": 2, "residual": True}, (2, 2, 1), 8)
    write("pixelmeanflow-velocity", 63, {"tangent": "velocity", "time": "uniform", "ratio": 0.75}, {"gate": True}, (2,), 7)
    write("pixelmeanflow-guided", 65, {"omega": 1, "kappa": 0.5, "guide_to": 0.75}, {"classes": 2, "depth": 3}, (3,), 12)


if __name__ == "__main__":
    main()
