#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixtures *.json: loss, metrics, every parameter gradient and sampler outputs of both methods in JAX
float64, for given weights, data, noise and times. It shares no code with the library. Needs jax and numpy;
see README.md."""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
HERE = os.path.dirname(os.path.abspath(__file__))


# ---- the network: src/nn/mlp.c says the formula in words

def embed(s, model):
    k = model["embed"] // 2
    w = 8.0 * jnp.arange(1, k + 1) / k
    a = s[:, None] * w[None, :]
    return jnp.concatenate([s[:, None], jnp.sin(a), jnp.cos(a)], axis=1)


def mlp(p, model, x, conditions, label):
    batch = x.shape[0]
    flat = x.reshape(batch, -1)
    c = [embed(s, model) for s in conditions]
    if model["classes"]:
        index = jnp.full((batch,), model["classes"]) if label is None else label
        c.append(p["label/weight"][index])
    c = jnp.concatenate(c, axis=1)
    d, e = flat.shape[1], c.shape[1]
    h = jnp.concatenate([flat * jnp.sqrt((d + e) / (2.0 * d)), c * jnp.sqrt((d + e) / (2.0 * e))], axis=1)
    for k in range(model["depth"]):
        y = jax.nn.silu(h @ p[f"hidden/{k}/weight"] + p[f"hidden/{k}/bias"])
        h = h + y if model["residual"] and k > 0 else y
    y = h @ p["head/0/weight"] + p["head/0/bias"]
    if model["gate"]:
        q = jax.nn.silu(c @ p["gate/0/weight"] + p["gate/0/bias"])
        scale = q @ p["scale/0/weight"] + p["scale/0/bias"]
        y = (1.0 + scale) * y + (q @ p["skip/0/weight"] + p["skip/0/bias"]) * flat
    return y.reshape(x.shape)


def shapes(model, d, conditions):
    n = d + conditions * (1 + model["embed"]) + (model["embed"] if model["classes"] else 0)
    out = {}
    if model["classes"]:
        out["label/weight"] = (model["classes"] + 1, model["embed"])
    for k in range(model["depth"]):
        out[f"hidden/{k}/weight"] = (n if k == 0 else model["width"], model["width"])
        out[f"hidden/{k}/bias"] = (model["width"],)
    out["head/0/weight"] = (model["width"], d)
    out["head/0/bias"] = (d,)
    if model["gate"]:
        e = n - d
        out.update({"gate/0/weight": (e, 64), "gate/0/bias": (64,)})
        for name in ("scale", "skip"):
            out.update({f"{name}/0/weight": (64, d), f"{name}/0/bias": (d,)})
    return out


# ---- the methods

def times(raw, o):
    return raw if o["time"] == "uniform" else 1.0 / (1.0 + jnp.exp(-(o["P_mean"] + o["P_std"] * raw)))


def wide(t, x):
    return t.reshape((-1,) + (1,) * (x.ndim - 1))


def flow_loss(p, model, o, f):
    t = times(f["time"], o)
    a, b = f["data"], f["noise"]
    x = (1 - wide(t, a)) * a + wide(t, a) * b
    v = mlp(p, model, x, [t], f.get("label"))
    return jnp.mean((v - (b - a)) ** 2), {}


def mean_velocity(p, model, o, z, t, h, label):
    out = mlp(p, model, z, [t, h], label)
    if o["prediction"] == "u":
        return out
    return (z - out) / wide(jnp.clip(t, 0.05, 1.0), z)


def meanflow_loss(p, model, o, f):
    t1, t2 = times(f["time"], o), times(f["time/r"], o)
    t, r = jnp.maximum(t1, t2), jnp.minimum(t1, t2)
    same = np.arange(t.shape[0]) >= np.floor(o["ratio"] * t.shape[0] + 0.5)  # rows beyond a fixed share
    r = jnp.where(same, t, r)
    a, b = f["data"], f["noise"]
    z = (1 - wide(t, a)) * a + wide(t, a) * b
    v = b - a if o["prediction"] == "u" else (z - a) / wide(jnp.clip(t, 0.05, 1.0), z)

    def u_of(z_, r_, t_):
        return mean_velocity(p, model, o, z_, t_, t_ - r_, f.get("label"))

    u, rate = jax.jvp(u_of, (z, r, t), (v, jnp.zeros_like(r), jnp.ones_like(t)))
    target = jax.lax.stop_gradient(v - wide(t - r, z) * rate)
    axes = tuple(range(1, z.ndim))
    e2 = jnp.sum((u - target) ** 2, axis=axes)
    loss = jnp.mean(e2 / jax.lax.stop_gradient((e2 + o["norm_eps"]) ** o["norm_p"]))
    d = z[0].size
    fm = jnp.sum(jnp.where(same, jnp.sum((u - v) ** 2, axis=axes), 0.0)) / jnp.maximum(jnp.sum(same), 1) / d
    return loss, {"fm_error": fm, "u_error": jnp.mean(e2) / d, "jvp_norm": jnp.sqrt(jnp.mean(rate[~same] ** 2))}


def flow_velocity(p, model, o, x, t, label):
    return mlp(p, model, x, [jnp.full(x.shape[:1], t)], label)


def meanflow_velocity(p, model, o, x, t, label):
    t = jnp.full(x.shape[:1], t)
    return mean_velocity(p, model, o, x, t, 0.0 * t, label)


def meanflow_map(p, model, o, x, t, r, label):
    full = jnp.full(x.shape[:1], 1.0)
    return x - (t - r) * mean_velocity(p, model, o, x, t * full, (t - r) * full, label)


# ---- fixtures

def dyadic(rng, shape, scale=1.0):
    """Normal numbers in steps of 2^-10: exact in fp32, short as text."""
    return np.round(rng.standard_normal(shape) * scale * 1024) / 1024


def tensor(x):
    x = np.asarray(x)
    return {"shape": list(x.shape), "data": [float(v) for v in x.ravel()]}


def write(name, seed, method, options, model, sample, batch):
    rng = np.random.default_rng(seed)
    model = {"width": 8, "depth": 2, "embed": 4, "residual": False, "gate": False, "classes": 0, **model}
    defaults = {"time": "uniform", "P_mean": -0.4, "P_std": 1.0}
    if method == "meanflow":
        defaults = {"ratio": 0.75, "time": "logit-normal", "P_mean": -0.4, "P_std": 1.0, "norm_p": 0.75,
                    "norm_eps": 1e-3, "prediction": "u"}
    o = {**defaults, **options}
    d = int(np.prod(sample))
    table = shapes(model, d, 1 if method == "flow" else 2)
    p = {k: jnp.asarray(dyadic(rng, s, 0.3 if k.endswith("bias") else 1.5 / np.sqrt(s[0]))) for k, s in table.items()}

    def draw(law):
        if law == "uniform":
            return np.floor(rng.random(batch) * 1024) / 1024 + 1 / 2048
        return dyadic(rng, batch)

    f = {"data": dyadic(rng, (batch, *sample)), "noise": dyadic(rng, (batch, *sample)), "time": draw(o["time"])}
    if method == "meanflow":
        f["time/r"] = draw(o["time"])
    if o.get("prediction") == "x" and o["time"] == "logit-normal":
        f["time"][3], f["time/r"][3] = -1.5, -2.0  # t below the clip
    if model["classes"]:
        f["label"] = rng.integers(0, model["classes"] + 1, batch)
    loss_of = flow_loss if method == "flow" else meanflow_loss
    (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, model, o, f)
    x, t, r = f["noise"], 0.875, 0.25
    velocity = flow_velocity if method == "flow" else meanflow_velocity
    v = velocity(p, model, o, x, t, f.get("label"))
    evaluated = v if method == "flow" else meanflow_map(p, model, o, x, t, r, f.get("label"))
    text = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    out = {
        "name": name, "method": method, "sample": list(sample), "batch": batch, "classes": model["classes"],
        "options": {"method": {k: text(v_) for k, v_ in o.items()},
                    "model": {k: text(v_) for k, v_ in model.items() if k != "classes"}},
        "parameters": {k: tensor(w) for k, w in p.items()},
        "given": {k: tensor(w) for k, w in f.items()},
        "loss": float(loss), "metrics": {k: float(m) for k, m in metrics.items()},
        "gradients": {k: tensor(w) for k, w in gradient.items()},
        "sampler": {"t": t, "r": r, "evaluate": tensor(evaluated), "velocity": tensor(v)},
    }
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")
    print(f"{name}: loss {loss:.6f}")


def main():
    write("flow-uniform", 1, "flow", {}, {"depth": 3}, (2,), 8)
    write("flow-logit-normal", 2, "flow", {"time": "logit-normal", "P_std": 1.5}, {}, (5,), 6)
    write("flow-label-residual", 3, "flow", {}, {"depth": 3, "residual": True, "classes": 3}, (2,), 7)
    write("flow-image", 4, "flow", {}, {}, (2, 3, 1), 6)
    write("meanflow-u-p0", 5, "meanflow", {"norm_p": 0}, {}, (2,), 8)
    write("meanflow-u-p075", 6, "meanflow", {}, {"depth": 3}, (5,), 7)
    write("meanflow-u-p1", 7, "meanflow", {"norm_p": 1, "norm_eps": 1e-2}, {"width": 16}, (2,), 8)
    write("meanflow-x", 8, "meanflow", {"prediction": "x", "P_mean": -1.5, "P_std": 2}, {"depth": 3}, (5,), 8)
    write("meanflow-x-image", 9, "meanflow", {"prediction": "x", "time": "uniform", "norm_p": 0.5},
          {"residual": True, "classes": 2}, (2, 2, 1), 6)
    write("meanflow-x-gate", 10, "meanflow", {"prediction": "x", "norm_p": 0.5}, {"gate": True}, (3,), 6)


if __name__ == "__main__":
    main()
