# SPDX-License-Identifier: MIT
"""The networks, losses and the optimiser of our training steps, written once more for the peers; and the step in PyTorch."""
import functools
import os
import subprocess

import numpy as np
import torch

import peer

torch.set_num_threads(peer.THREADS)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CASES = {
    "2d": {"config": "2d-meanflow.ini", "data": ["make", "8gaussians"], "set": [], "shape": (1024, 2)},
    "784": {"config": "2d-meanflow.ini", "data": ["make", "strokes", "--size", "28"],
            "set": ["model.width=1024", "model.depth=3", "train.batch=256"], "shape": (256, 784)},
}
LR, B1, B2, EPS, CLIP, EMA = 1e-3, 0.9, 0.999, 1e-8, 1.0, 0.999


def load(folder, about, batch, d):
    flat = np.fromfile(f"{folder}/params.f32", np.float32)
    params = {}
    for p in about["params"]:
        n = int(np.prod(p["shape"]))
        params[p["path"]] = flat[p["offset"]:p["offset"] + n].reshape(p["shape"])
    read = lambda name, shape: np.fromfile(f"{folder}/{name}.f32", np.float32).reshape(shape)
    given = {"a": read("data", (batch, d)), "b": read("noise", (batch, d)), "t1": read("time", (batch,)),
             "t2": read("time_r", (batch,)), "w": np.arange(1, 9, dtype=np.float32)}
    return params, given


# ---- the same formulas twice: xp is jax.numpy or torch

def embed(xp, s, w):
    s = s.reshape(-1, 1)
    angle = s * w.reshape(1, -1)
    return xp.concatenate([s, xp.sin(angle), xp.cos(angle)], 1)


def network(xp, silu, p, x, conditions, w):
    c = xp.concatenate([embed(xp, s, w) for s in conditions], 1)
    d, e = x.shape[1], c.shape[1]
    h = xp.concatenate([x * ((d + e) / (2.0 * d)) ** 0.5, c * ((d + e) / (2.0 * e)) ** 0.5], 1)
    k = 0
    while f"hidden/{k}/weight" in p:
        h = silu(h @ p[f"hidden/{k}/weight"] + p[f"hidden/{k}/bias"])
        k += 1
    return h @ p["head/0/weight"] + p["head/0/bias"]


def flow_loss(xp, silu, _jvp, _stop, p, f, _ratio):
    t = f["t1"]
    z = (1 - t)[:, None] * f["a"] + t[:, None] * f["b"]
    v = network(xp, silu, p, z, [t], f["w"])
    return ((v - (f["b"] - f["a"])) ** 2).mean()


def meanflow_loss(xp, silu, jvp, stop, p, f, ratio):
    """As the authors' code: the tangent of the rows that move alone."""
    moving = int(ratio * f["t1"].shape[0] + 0.5)
    t = xp.maximum(f["t1"], f["t2"])
    r = xp.concatenate([xp.minimum(f["t1"], f["t2"])[:moving], t[moving:]], 0)
    h = t - r
    v = f["b"] - f["a"]
    z = (1 - t)[:, None] * f["a"] + t[:, None] * f["b"]
    one = xp.ones_like(t[:moving])
    net = lambda z_, t_, h_: network(xp, silu, p, z_, [t_, h_], f["w"])
    u, rate = jvp(net, (z[:moving], t[:moving], h[:moving]), (v[:moving], one, one))
    target = v[:moving] - h[:moving, None] * rate
    if moving < t.shape[0]:
        u = xp.concatenate([u, net(z[moving:], t[moving:], h[moving:])], 0)
        target = xp.concatenate([target, v[moving:]], 0)
    e2 = ((u - stop(target)) ** 2).sum(1)
    return (e2 / stop((e2 + 1e-3) ** 0.5)).mean()


def start(case, method, ratio, folder):
    """Our trainer on made data; and its weights and first batch, for the peers."""
    c = CASES[case]
    data = f"{folder}/data.h5"
    subprocess.run([os.environ["PF_PEERS_PROGRAM"], "data", *c["data"], data], check=True, capture_output=True)
    pairs = [*c["set"], f"method.name={method}", "train.warmup=0", "train.schedule=constant"]
    if method == "meanflow":
        pairs.append(f"method.ratio={ratio}")
    ours = peer.Ours("step", os.path.join(ROOT, "examples", c["config"]), data, folder, *pairs)
    params, given = load(folder, ours.about, *c["shape"])
    return ours, params, given, meanflow_loss if method == "meanflow" else flow_loss


# ---- PyTorch

def torch_jvp(function, primals, tangents):
    """Views as inputs trip an assertion within torch.compile; copies do not."""
    return torch.func.jvp(function, tuple(x.clone() for x in primals), tuple(x.clone() for x in tangents))


def torch_side(loss_of, params, given, ratio, compiled):
    params = {k: torch.tensor(v) for k, v in params.items()}
    f = {k: torch.tensor(v) for k, v in given.items()}
    loss_fn = functools.partial(loss_of, torch, torch.nn.functional.silu, torch_jvp, lambda x: x.detach())
    gradient = torch.func.grad_and_value(lambda p, f: loss_fn(p, f, ratio))
    m, v = ({k: torch.zeros_like(w) for k, w in params.items()} for _ in range(2))
    ema = {k: w.clone() for k, w in params.items()}
    names = list(params)

    def step(params, m, v, ema, f, c1, c2):
        g, loss = gradient(params, f)
        norm = torch.sqrt(sum((g[k] * g[k]).sum() for k in names))
        scale = torch.clamp(CLIP / (norm + 1e-6), max=1.0)
        for k in names:
            x = g[k] * scale
            m[k].mul_(B1).add_(x, alpha=1 - B1)
            v[k].mul_(B2).addcmul_(x, x, value=1 - B2)
            params[k].sub_(LR * (m[k] * c1) / ((v[k] * c2).sqrt() + EPS))
            ema[k].mul_(EMA).add_(params[k], alpha=1 - EMA)
        return loss

    loss = float(gradient(params, f)[1])
    if compiled:
        step = torch.compile(step)
    count = [0]

    def work():
        count[0] += 1
        c1, c2 = 1 / (1 - B1 ** count[0]), 1 / (1 - B2 ** count[0])
        with torch.no_grad():
            step(params, m, v, ema, f, torch.tensor(c1), torch.tensor(c2))

    return loss, peer.Function(work)
