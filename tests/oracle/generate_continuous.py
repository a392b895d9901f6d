#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixtures continuous-*.json: continuous-time consistency models on the linear path (Song et al. 2023, appendix B)
and TrigFlow's (Lu & Song 2024), in JAX float64, written from the papers' formulas. Needs jax and numpy; see README.md."""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np

from generate import HERE, dyadic, mlp, tensor, times, wide
from generate_consistency import parameters

stop = jax.lax.stop_gradient


def norm(x):
    return jnp.sqrt(jnp.sum(x**2, axis=tuple(range(1, x.ndim)), keepdims=True))


def linear_end(p, model, x, t, label):
    return x - wide(t, x) * mlp(p, model, x, [t], label)


def trig_end(p, model, o, x, angle, label):
    sd = o["sigma_data"]
    return jnp.cos(wide(angle, x)) * x - jnp.sin(wide(angle, x)) * sd * mlp(p, model, x / sd, [angle], label)


def regression(f, tangent, o, log_weight=None):
    metrics = {"tangent_norm": jnp.sqrt(jnp.mean(tangent**2))}
    if o["normalise"]:
        tangent = tangent / (norm(tangent) + o["c"])
    error = (f - stop(f + tangent)) ** 2
    if log_weight is None:
        return jnp.mean(error), metrics
    metrics["log_weight"] = jnp.mean(log_weight)
    each = jnp.sum(error, axis=tuple(range(1, f.ndim))) / f[0].size
    return jnp.mean(jnp.exp(-log_weight) * each + log_weight), metrics


def learnt_log(p, angle):
    features = [angle] + [fn(k * angle) for fn in (jnp.sin, jnp.cos) for k in (1, 2, 3, 4)]
    return (jnp.stack(features, axis=1) @ p["log_weight/weight"] + p["log_weight/bias"])[:, 0]


def loss_of(p, model, o, f, teach):
    t, a, b, label, r = times(jnp.asarray(f["time"]), o), f["data"], f["noise"], f.get("label"), f["step/warmup"]
    x = (1 - wide(t, a)) * a + wide(t, a) * b
    v = b - a if o["velocity"] == "data" else teach(x, t, label)
    if o["form"] == "full":  # d f(x_t, t) / dt itself, differentiated
        rate = jax.jvp(lambda x_, t_: linear_end(p, model, x_, t_, label), (x, t), (v, jnp.ones_like(t)))[1]
        loss = jnp.mean(rate**2)
        return loss, {"tangent_norm": jnp.sqrt(loss)}
    if o["form"] == "stopgrad":
        out, rate = jax.jvp(lambda x_, t_: mlp(p, model, x_, [t_], label), (x, t), (v, jnp.ones_like(t)))
        return regression(out, v - out - r * wide(t, x) * rate, o)
    sd = o["sigma_data"]
    angle = jnp.arctan(t / (1 - t) / sd)
    cos, sin = jnp.cos(wide(angle, a)), jnp.sin(wide(angle, a))
    z = sd * b
    x = cos * a + sin * z
    if o["velocity"] == "data":
        dx = cos * z - sin * a
    else:
        flat = x / (cos + sd * sin)  # on the linear path
        u = teach(flat, t, label)
        mean_a, mean_b = flat - wide(t, a) * u, flat + (1 - wide(t, a)) * u
        dx = cos * sd * mean_b - sin * mean_a
    out, rate = jax.jvp(lambda y, s: mlp(p, model, y, [s], label), (x / sd, angle),
                        (cos * sin * dx / sd, jnp.cos(angle) * jnp.sin(angle)))
    whole = jax.jvp(lambda x_, s: trig_end(p, model, o, x_, s, label), (x, angle), (dx, jnp.ones_like(angle)))[1]
    rearranged = -(cos**2) * (sd * out - dx) - (cos * sin * x + sd * rate)
    jax.debug.callback(lambda e: np.testing.assert_array_less(e, 1e-12), jnp.max(jnp.abs(cos * whole - rearranged)))
    return regression(out, -(cos**2) * (sd * out - dx) - r * (cos * sin * x + sd * rate), o,
                      learnt_log(p, angle) if o["adaptive"] else None)


def sample(p, model, o, x, t, r, fresh, label):
    full = jnp.full(x.shape[:1], t)
    if o["form"] != "trigflow":
        end = linear_end(p, model, x, full, label)
    else:
        angle = jnp.arctan(full / (1 - full) / o["sigma_data"])
        grow = wide(jnp.cos(angle) + o["sigma_data"] * jnp.sin(angle), x)
        end = trig_end(p, model, o, x * grow, angle, label)
    return (1 - r) * end + r * fresh


DEFAULTS = {"form": "stopgrad", "velocity": "data", "time": "logit-normal", "P_mean": -0.4, "P_std": 1.4, "H": -1,
            "normalise": True, "c": 0.1, "adaptive": False, "sigma_data": 1.0}


def write(name, seed, options, model, sample_shape, batch, warmup, teacher=None):
    rng = np.random.default_rng(seed)
    small = {"width": 8, "depth": 2, "embed": 4, "residual": False, "gate": False, "classes": 0}
    model, o = {**small, **model}, {**DEFAULTS, **options}
    d = int(np.prod(sample_shape))
    p = parameters(rng, model, d)
    if o["adaptive"]:
        p["log_weight/weight"] = jnp.asarray(dyadic(rng, (9, 1), 0.2))
        p["log_weight/bias"] = jnp.asarray(dyadic(rng, (1,), 0.2))
    teacher_model = {**small, **teacher, "classes": model["classes"]} if teacher else None
    teacher_p = parameters(rng, teacher_model, d) if teacher else {}
    raw = dyadic(rng, batch) if o["time"] != "uniform" else np.floor(rng.random(batch) * 1024) / 1024 + 1 / 2048
    shape = (batch, *sample_shape)
    f = {"data": dyadic(rng, shape), "noise": dyadic(rng, shape), "time": raw, "noise/renew": dyadic(rng, shape),
         "step/warmup": warmup}
    if model["classes"]:
        f["label"] = rng.integers(0, model["classes"] + 1, batch)
    teach = lambda x, t, label: mlp(teacher_p, teacher_model, x, [t], label)
    (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, model, o, f, teach)
    t, r = 0.875, 0.25
    evaluated = sample(p, model, o, jnp.asarray(f["noise"]), t, r, f["noise/renew"], f.get("label"))
    text = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    options_of = lambda m: {k: text(v) for k, v in m.items() if k != "classes"}
    out = {
        "name": name, "method": "continuous", "sample": list(sample_shape), "batch": batch, "classes": model["classes"],
        "options": {"method": {k: text(v) for k, v in o.items()}, "model": options_of(model)},
        "parameters": {k: tensor(w) for k, w in p.items()},
        "teacher": {k: tensor(w) for k, w in teacher_p.items()},
        "given": {k: tensor(w) for k, w in f.items()},
        "loss": float(loss), "metrics": {k: float(m) for k, m in metrics.items()},
        "gradients": {k: tensor(w) for k, w in gradient.items()},
        "sampler": {"t": t, "r": r, "evaluate": tensor(evaluated)},
    }
    if teacher:
        out["teacher_options"] = {"model": options_of(teacher_model)}
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")
    print(f"{name}: loss {loss:.6f}")


def main():
    taught = {"velocity": "teacher"}
    write("continuous-full", 31, {"form": "full", **taught}, {"depth": 3}, (2,), 7, 1.0, {"width": 12})
    write("continuous-full-gate", 32, {"form": "full", "time": "uniform", **taught}, {"gate": True, "classes": 2}, (3,), 5, 1.0,
          {"depth": 1})
    write("continuous-stopgrad", 33, {}, {}, (2, 2, 1), 6, 0.5)
    write("continuous-stopgrad-taught", 34, {"normalise": False, **taught}, {"residual": True, "classes": 3}, (2,), 6, 1.0,
          {"width": 6})
    write("continuous-trig", 35, {"form": "trigflow", "sigma_data": 0.5, "normalise": False, "P_mean": -1.0}, {}, (3,), 8, 0.75)
    write("continuous-trig-taught", 36, {"form": "trigflow", "time": "uniform", **taught}, {"depth": 3}, (2,), 8, 1.0,
          {"width": 12})
    write("continuous-trig-adaptive", 37, {"form": "trigflow", "adaptive": True, "P_mean": -1.0}, {"classes": 2}, (3,), 7, 1.0)


if __name__ == "__main__":
    main()
