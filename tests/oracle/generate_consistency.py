#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the fixtures consistency-*.json: discrete consistency models (Song et al. 2023; Song & Dhariwal 2023; Geng et
al. 2024) on the linear path, in JAX float64, written from the papers' formulas. Needs jax and numpy; see README.md."""
import json
import os

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

from generate import HERE, dyadic, mlp, shapes, tensor, times, wide

S_MIN, S_MAX, RHO = 0.002, 80.0, 7.0


# ---- neighbouring times

def levels(n):
    i = np.arange(n) / (n - 1)
    return (S_MIN ** (1 / RHO) + i * (S_MAX ** (1 / RHO) - S_MIN ** (1 / RHO))) ** RHO


def grid_times(s):
    t = s / (1 + s)
    return (t - t[0]) / (t[-1] - t[0])


def share(s, o):
    """Of each interval: erf((ln s_(n+1) - P_mean) / (sqrt 2 P_std)) - erf((ln s_n - P_mean) / (sqrt 2 P_std)), normalised."""
    e = np.asarray(erf((np.log(s) - o["P_mean"]) / (np.sqrt(2) * o["P_std"])))
    p = e[1:] - e[:-1]
    return p / p.sum()


def interval(raw, o, f):
    """t, r and the width of the interval of each sample."""
    if o["curriculum"] == "ect":
        t = times(raw, o)
        s = t / (1 - t)
        r = np.maximum(0, s * (1 - f["step/gap"] * (1 + o["k"] / (1 + np.exp(o["b"] * s)))))
        return t, r / (1 + r), s - r
    n = int(f["step/levels"])
    if o["grid"] == "uniform":
        index = np.floor(times(raw, o) * (n - 1)).astype(int)
        return (index + 1) / (n - 1), index / (n - 1), np.full(len(raw), 1 / (n - 1))
    if o["time"] == "uniform":
        index = np.floor(raw * (n - 1)).astype(int)
    else:
        index = np.searchsorted(np.cumsum(share(levels(n), o)), raw)
    s = levels(n)
    t = grid_times(s)
    return t[index + 1], t[index], s[index + 1] - s[index]


# ---- the consistency function and its loss

def end_of(p, model, o, x, t, label):
    if o["parametrisation"] == "free":
        return mlp(p, model, x, [t], label)
    if o["parametrisation"] == "linear":
        return x - wide(t, x) * mlp(p, model, x, [t], label)
    # EDM's c_skip, c_out and c_in at y = a + s b = x / (1 - t), s = t / (1 - t), without dividing by zero at t = 1
    sd = o["sigma_data"]
    t_ = wide(t, x)
    root = jnp.sqrt(t_**2 + sd**2 * (1 - t_) ** 2)
    return sd**2 * (1 - t_) / root**2 * x + sd * t_ / root * mlp(p, model, x / root, [t], label)


def loss_of(p, model, o, f, target_p, teacher_p, teacher_model):
    t, r, width = interval(np.asarray(f["time"]), o, f)
    a, b, label = f["data"], f["noise"], f.get("label")
    at = lambda s: (1 - wide(s, a)) * a + wide(s, a) * b
    x = at(t)
    if o["form"] == "training":
        x_r = at(r)
    else:
        v = lambda x_, s: mlp(teacher_p, teacher_model, x_, [s], label)
        h = wide(r - t, a)
        k1 = v(x, t)
        x_r = x + h * k1
        if o["solver"] == "heun":
            x_r = x + h / 2 * (k1 + v(x_r, r))
    behind = end_of(target_p if o["mu"] > 0 else p, model, o, x_r, r, label)
    d = end_of(p, model, o, x, t, label) - jax.lax.stop_gradient(behind)
    d2 = jnp.sum(d**2, axis=tuple(range(1, d.ndim)))
    size = d[0].size
    if o["distance"] == "square":
        each = d2 / size
    else:
        c = o["huber_c"] * np.sqrt(size)
        each = jnp.sqrt(d2 + c**2) - c
    if o["weight"] == "interval":
        each = each / width
    loss = jnp.mean(each)
    metrics = {"consistency_error": jnp.mean(d2) / size,
               "levels": f["step/gap"] if o["curriculum"] == "ect" else f["step/levels"]}
    if o["boundary"] > 0:
        metrics["boundary_error"] = jnp.mean((end_of(p, model, o, a, 0.0 * t, label) - a) ** 2)
        loss = loss + o["boundary"] * metrics["boundary_error"]
    return loss, metrics


# ---- fixtures

DEFAULTS = {"form": "training", "solver": "heun", "mu": 0.0, "curriculum": "ict", "N": 18, "stages": 8, "q": 2.0, "k": 8.0,
            "b": 1.0, "grid": "edm", "time": "logit-normal", "P_mean": -1.1, "P_std": 2.0, "distance": "huber",
            "huber_c": 0.00054, "weight": "interval", "parametrisation": "linear", "sigma_data": 1.0, "boundary": 0.0}


def parameters(rng, model, d):
    return {k: jnp.asarray(dyadic(rng, s, 0.3 if k.endswith("bias") else 1.5 / np.sqrt(s[0])))
            for k, s in shapes(model, d, 1).items()}


def write(name, seed, options, model, sample, batch, level, teacher=None):
    rng = np.random.default_rng(seed)
    small = {"width": 8, "depth": 2, "embed": 4, "residual": False, "gate": False, "classes": 0}
    model, o = {**small, **model}, {**DEFAULTS, **options}
    d = int(np.prod(sample))
    p = parameters(rng, model, d)
    target_p = parameters(rng, model, d) if o["mu"] > 0 else {}
    teacher_model = {**small, **teacher, "classes": model["classes"]} if teacher else None
    teacher_p = parameters(rng, teacher_model, d) if teacher else {}
    normal = (o["curriculum"] == "ect" or o["grid"] == "uniform") and o["time"] != "uniform"
    raw = dyadic(rng, batch) if normal else np.floor(rng.random(batch) * 1024) / 1024 + 1 / 2048
    if normal:
        raw[0] = -2.5  # r = 0 and t near it
    f = {"data": dyadic(rng, (batch, *sample)), "noise": dyadic(rng, (batch, *sample)), "time": raw,
         "noise/renew": dyadic(rng, (batch, *sample))}
    if not normal:
        raw[:2] = [1 / 2048, 1 - 1 / 2048]  # the first interval and the last
    f["step/gap" if o["curriculum"] == "ect" else "step/levels"] = level
    if model["classes"]:
        f["label"] = rng.integers(0, model["classes"] + 1, batch)
    (loss, metrics), gradient = jax.value_and_grad(loss_of, has_aux=True)(p, model, o, f, target_p, teacher_p,
                                                                          teacher_model)
    x, t, r = f["noise"], 0.875, 0.25
    evaluated = (1 - r) * end_of(p, model, o, x, jnp.full(batch, t), f.get("label")) + r * f["noise/renew"]
    text = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    options_of = lambda m: {k: text(v) for k, v in m.items() if k != "classes"}
    out = {
        "name": name, "method": "consistency", "sample": list(sample), "batch": batch, "classes": model["classes"],
        "options": {"method": {k: text(v) for k, v in o.items()}, "model": options_of(model)},
        "parameters": {k: tensor(w) for k, w in p.items()},
        "target": {k: tensor(w) for k, w in target_p.items()},
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
    write("consistency-ict", 21, {}, {}, (2,), 8, 21.0)
    write("consistency-uniform", 22, {"grid": "uniform", "time": "uniform", "curriculum": "constant", "distance": "square",
                                      "weight": "none"}, {"residual": True, "classes": 3, "depth": 3}, (5,), 6, 18.0)
    write("consistency-ema-edm", 23, {"curriculum": "original", "mu": 0.9, "distance": "square", "parametrisation": "edm",
                                      "sigma_data": 0.5, "time": "uniform"}, {}, (2, 2, 1), 6, 7.0)
    write("consistency-ect", 24, {"curriculum": "ect", "huber_c": 1e-3, "P_mean": -0.5, "P_std": 1.5}, {"gate": True}, (3,), 8,
          0.125)
    write("consistency-free", 25, {"grid": "uniform", "curriculum": "constant", "distance": "square",
                                   "parametrisation": "free", "boundary": 0.5}, {}, (2,), 8, 9.0)
    distil = {"form": "distillation", "curriculum": "constant", "N": 40, "weight": "none"}
    write("consistency-distil-euler", 26, {**distil, "solver": "euler", "distance": "square", "time": "uniform"}, {}, (2,), 8,
          40.0, {"width": 12, "depth": 3, "residual": True})
    write("consistency-distil-heun", 27, {**distil, "mu": 0.95, "huber_c": 0.03}, {"classes": 2}, (3,), 7, 10.0,
          {"width": 6, "depth": 1, "embed": 8})


if __name__ == "__main__":
    main()
