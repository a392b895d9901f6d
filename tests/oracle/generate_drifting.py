#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixtures drifting-*.json: drifting models (Deng et al. 2026, arXiv 2602.04770) in JAX float64, written from
the paper's formulas: weights by softmax, normalisation by mean distance and by temperature. Needs jax and numpy; see
README.md."""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np

from generate import HERE, dyadic, shapes, tensor

DEFAULTS = {"form": "two-sided", "tau": [0.05, 0.2, 0.5], "kernel": "laplace", "scale": "none", "normalize": False,
            "floor": 0.0, "mask": True, "generated": 0, "groups": 1}


def mlp(p, model, x, label=None, shape=None):
    """x [B, ...] to samples of a shape, those of x where it is None."""
    shape = x.shape if shape is None else (x.shape[0], *shape)
    h = x.reshape(x.shape[0], -1)
    if label is not None:
        c = p["label/weight"][label]
        d, e = h.shape[1], c.shape[1]
        h = jnp.concatenate([h * jnp.sqrt((d + e) / (2.0 * d)), c * jnp.sqrt((d + e) / (2.0 * e))], axis=1)
    for k in range(model["depth"]):
        y = jax.nn.silu(h @ p[f"hidden/{k}/weight"] + p[f"hidden/{k}/bias"])
        h = h + y if model["residual"] and k > 0 else y
    return (h @ p["head/0/weight"] + p["head/0/bias"]).reshape(shape)


# ---- the field of one group

def distances(x, y):
    return jnp.sqrt(jnp.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=-1))


def field(x, positive, tau, o, extra, weight):
    """x [N,D] with itself as negatives, extra [E,D] that count weight times, positive [M,D]: V [N,D]."""
    n = x.shape[0]
    negative = jnp.concatenate([x, extra])
    k = negative.shape[0]
    times = jnp.concatenate([jnp.ones(n), jnp.full(extra.shape[0], weight), jnp.ones(positive.shape[0])])
    y = jnp.concatenate([negative, positive])
    d = distances(x, y)
    logit = -d / tau if o["kernel"] == "laplace" else -d ** 2 / (2 * tau ** 2)
    if o["mask"]:
        logit = jnp.where(jnp.arange(n)[:, None] == jnp.arange(len(y))[None, :], -jnp.inf, logit)
    if o["form"] == "one-sided":
        many = logit + jnp.log(times)
        return jax.nn.softmax(many[:, k:], axis=1) @ positive - jax.nn.softmax(many[:, :k], axis=1) @ negative
    a = times * jnp.sqrt(jnp.maximum(jax.nn.softmax(logit, axis=1) * jax.nn.softmax(logit, axis=0), o["floor"]))
    to, off = a[:, k:], a[:, :k]
    w_to = to * jnp.sum(off, axis=1, keepdims=True)
    w_off = off * jnp.sum(to, axis=1, keepdims=True)
    return w_to @ positive - w_off @ negative


def loss_of(p, model, o, f):
    groups = o["groups"] or max(model["classes"], 1)
    label = None
    if model["classes"]:  # of the generated: that of their group
        label = jnp.repeat(f["label"].reshape(groups, -1)[:, 0], f["noise"].shape[0] // groups)
    x = mlp(p, model, f["noise"], label, f["data"].shape[1:])
    dim = x[0].size
    generated = x.reshape(groups, -1, dim)
    fixed = jax.lax.stop_gradient(generated)
    data = f["data"].reshape(groups, -1, dim)
    own = data.shape[1] - o.get("unconditional", 0)
    extra, data = data[:, own:].reshape(-1, dim), data[:, :own]
    all_others = (o.get("alpha", 1) - 1) * (fixed.shape[1] - 1)
    weight = all_others / max(len(extra), 1)
    scale, unit = 1.0, 1.0
    metrics = {}
    if o["scale"] == "distance":
        d = jnp.stack([jnp.concatenate([distances(a, jnp.concatenate([a, b])), weight * distances(a, extra)], axis=1)
                       for a, b in zip(fixed, data)])
        mean = jnp.mean(d) * (d.shape[2] / (d.shape[2] - len(extra) + all_others))
        scale, unit = jnp.maximum(mean, 1e-3), jnp.maximum(mean / jnp.sqrt(dim), 1e-3)
        metrics["scale"] = scale
    total, raw = 0.0, 0.0
    for tau in o["tau"]:
        v = jnp.stack([field(a, b, tau * scale, o, extra, weight) for a, b in zip(fixed, data)])
        raw = raw + v
        v = v / unit
        if o["normalize"]:
            v = v / jnp.sqrt(jnp.maximum(jnp.mean(v ** 2), 1e-8))
        total = total + v
    target = jax.lax.stop_gradient(generated / unit + total)
    metrics["drift"] = jnp.mean(jnp.sum(raw ** 2, axis=-1))
    return jnp.mean((generated / unit - target) ** 2), metrics


def write(name, seed, options, model, sample, batch):
    rng = np.random.default_rng(seed)
    model = {"width": 8, "depth": 2, "embed": 4, "residual": False, "gate": False, "classes": 0, **model}
    o = {**DEFAULTS, **options}
    generated = o["generated"] or batch
    source = (o["noise"],) if o.get("noise") else sample
    table = shapes(model, int(np.prod(source)), 0)
    table["head/0/weight"] = (model["width"], int(np.prod(sample)))
    table["head/0/bias"] = (int(np.prod(sample)),)
    p = {k: jnp.asarray(dyadic(rng, s, 0.3 if k.endswith("bias") else 1.5 / np.sqrt(s[0]))) for k, s in table.items()}
    f = {"data": dyadic(rng, (batch, *sample)), "noise": dyadic(rng, (generated, *source))}
    if model["classes"]:
        groups = o["groups"] or model["classes"]
        f["label"] = np.repeat(rng.permutation(max(groups, model["classes"]))[:groups] % model["classes"], batch // groups)
    (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, model, o, f)
    x = f["noise"]
    given = dict(f)
    if generated > batch:  # rows beyond the batch have streams of their own
        given["noise"] = x[:batch]
        for i in range(1, -(-generated // batch)):
            given[f"noise/{i}"] = x[i * batch:(i + 1) * batch]
    text = lambda v: str(v).lower() if isinstance(v, bool) else ",".join(map(str, v)) if isinstance(v, list) else str(v)
    out = {
        "name": name, "method": "drifting", "sample": list(sample), "batch": batch, "classes": model["classes"],
        "options": {"method": {k: text(v) for k, v in o.items()},
                    "model": {k: text(v) for k, v in model.items() if k != "classes"}},
        "parameters": {k: tensor(w) for k, w in p.items()},
        "given": {k: tensor(w) for k, w in given.items()},
        "loss": float(loss), "metrics": {k: float(m) for k, m in metrics.items()},
        "gradients": {k: tensor(w) for k, w in gradient.items()},
        "sampler": {"t": 1.0, "r": 0.0, "evaluate": tensor(mlp(p, model, given["noise"], given.get("label"), sample))},
    }
    with open(os.path.join(HERE, name + ".json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")
    print(f"{name}: loss {loss:.6f}")


def main():
    write("drifting-two-sided", 41, {}, {}, (2,), 16)
    write("drifting-one-sided", 42, {"form": "one-sided", "tau": [0.5, 2.0]}, {"depth": 3, "residual": True}, (3,), 12)
    write("drifting-gauss-groups", 43, {"form": "one-sided", "kernel": "gauss", "tau": [0.8], "groups": 2, "mask": False},
          {}, (2, 2, 1), 12)
    write("drifting-authors", 44, {"tau": [0.02, 0.05, 0.2], "scale": "distance", "normalize": True, "floor": 1e-6,
                                   "generated": 30, "groups": 2}, {"width": 12}, (5,), 20)
    write("drifting-labels", 45, {"tau": [0.1, 0.4], "scale": "distance", "floor": 1e-6, "noise": 5, "generated": 28,
                                  "groups": 4, "alpha": 2.5, "unconditional": 2}, {"classes": 3}, (2,), 24)
    write("drifting-labels-one-sided", 46, {"form": "one-sided", "tau": [0.6], "groups": 0, "alpha": 1.5, "unconditional": 1},
          {"classes": 3}, (2,), 15)


if __name__ == "__main__":
    main()
