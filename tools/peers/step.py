# SPDX-License-Identifier: MIT
"""A whole training step: the same network, batch, weights and loss here, in JAX (jit) and in PyTorch (eager and
compiled). Losses are compared before anything is timed. Our side includes the loader, the random numbers and the metrics;
the peers work on one given batch with given noise and times."""
import argparse
import functools
import os
import subprocess
import tempfile

import peer

os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={peer.THREADS}")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(peer.THREADS)
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CASES = {
    "2d": {"config": "2d-meanflow.ini", "data": ["make", "8gaussians"], "set": []},
    "784": {"config": "2d-meanflow.ini", "data": ["make", "strokes", "--size", "28"],
            "set": ["model.width=1024", "model.depth=3", "train.batch=256"]},
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


# ---- JAX

def jax_side(loss_of, params, given, ratio):
    params = jax.tree.map(jnp.asarray, params)
    f = jax.tree.map(jnp.asarray, given)
    loss_fn = functools.partial(loss_of, jnp, jax.nn.silu, jax.jvp, jax.lax.stop_gradient)
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = [(params, zeros, jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.array, params), jnp.float32(1))]

    @functools.partial(jax.jit, donate_argnums=0)
    def step(s, f):
        p, m, v, ema, k = s
        loss, g = jax.value_and_grad(lambda q: loss_fn(q, f, ratio))(p)
        norm = jnp.sqrt(sum(jnp.sum(x * x) for x in jax.tree.leaves(g)))
        scale = jnp.minimum(1.0, CLIP / (norm + 1e-6))
        g = jax.tree.map(lambda x: x * scale, g)
        m = jax.tree.map(lambda a, b: B1 * a + (1 - B1) * b, m, g)
        v = jax.tree.map(lambda a, b: B2 * a + (1 - B2) * b * b, v, g)
        p = jax.tree.map(lambda w, a, b: w - LR * (a / (1 - B1 ** k)) / (jnp.sqrt(b / (1 - B2 ** k)) + EPS), p, m, v)
        ema = jax.tree.map(lambda e, w: EMA * e + (1 - EMA) * w, ema, p)
        return (p, m, v, ema, k + 1), loss

    loss = float(jax.jit(lambda q: loss_fn(q, f, ratio))(params))

    def work():
        state[0], last = step(state[0], f)
        jax.block_until_ready((state[0], last))

    return loss, peer.Function(work)


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


def compare(case, method, ratio, sides, rounds):
    c = CASES[case]
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/data.h5"
        subprocess.run([os.environ["PF_PEERS_PROGRAM"], "data", *c["data"], data], check=True, capture_output=True)
        pairs = [*c["set"], f"method.name={method}", "train.warmup=0", "train.schedule=constant"]
        if method == "meanflow":
            pairs.append(f"method.ratio={ratio}")
        ours = peer.Ours("step", os.path.join(ROOT, "examples", c["config"]), data, folder, *pairs)
        d, batch = (2, 1024) if case == "2d" else (784, 256)
        params, given = load(folder, ours.about, batch, d)
    loss_of = meanflow_loss if method == "meanflow" else flow_loss
    made = {"ours": (ours.about["loss"], ours)}
    if "jax" in sides:
        made["jax jit"] = jax_side(loss_of, params, given, ratio)
    if "torch" in sides:
        made["torch compiled"] = torch_side(loss_of, params, given, ratio, True)
    if "eager" in sides:
        made["torch eager"] = torch_side(loss_of, params, given, ratio, False)
    for name, (loss, _) in made.items():
        if abs(loss - ours.about["loss"]) > 1e-4 * abs(loss):
            raise SystemExit(f"{case} {method}: the loss of {name} is {loss}, ours is {ours.about['loss']}")
    seconds = peer.alternate({name: side for name, (_, side) in made.items()}, window=0.4, rounds=rounds)
    ours.close()
    return ours.about, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", default="jax,torch,eager")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    limit = peer.limits()
    rows, result = [["step", "ours ms", "jax jit", "torch compiled", "torch eager", "ratio", "Gflop/s", "% of peak", "launches"]], []
    for case in options.cases.split(","):
        base = None
        for method, ratio in [("flow", None), ("meanflow", 0.25), ("meanflow", 0.75), ("meanflow", 1.0)]:
            about, seconds = compare(case, method, ratio, options.sides.split(","), options.rounds)
            best = min([s for n, s in seconds.items() if n in ("jax jit", "torch compiled")], default=float("nan"))
            rate = about["flops"] / seconds["ours"] * 1e-9
            ms = lambda n: f"{1e3 * seconds[n]:.2f}" if n in seconds else "-"
            name = f"{case} {method}" + (f" {ratio:.0%}" if ratio else "")
            rows.append([name, ms("ours"), ms("jax jit"), ms("torch compiled"), ms("torch eager"),
                         f"{best / seconds['ours']:.2f}", f"{rate:.0f}", f"{100 * rate / limit['gflops']:.0f}",
                         about["launches"]])
            base = base or (about["flops"], seconds["ours"])
            result.append({"case": case, "method": method, "ratio": ratio, "seconds": seconds, "flops": about["flops"],
                           "launches": about["launches"], "faster": best / seconds["ours"],
                           "over_flow": seconds["ours"] / base[1], "flops_over_flow": about["flops"] / base[0]})
            print(f"# {name}: {seconds['ours'] / base[1]:.3f} times flow matching's time, "
                  f"{about['flops'] / base[0]:.3f} times its operations", flush=True)
    peer.table(rows)
    peer.finish("step", {"limits": limit, "rows": result})


main()
