# SPDX-License-Identifier: MIT
"""Pointwise and row work, forward, reverse and dual (a value and its tangent), beside PyTorch (compiled) and JAX (jit): in the
caches, and on arrays of 64 MiB, whose bytes a second are held against the triad's. Results are compared before anything is
timed. Bytes are those that must be read and written once."""
import os

import peer

peer.keep_memory()
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={peer.THREADS}")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(peer.THREADS)
SMALL, LARGE = (512, 512), (16384, 1024)
# arrays of the full size that are read or written, by mode
TRAFFIC = {"silu": {"forward": 2, "reverse": 3, "dual": 4}, "gelu": {"forward": 2, "reverse": 3, "dual": 4},
           "residual": {"forward": 3, "reverse": 3, "dual": 6}, "norm": {"forward": 2, "reverse": 3, "dual": 4},
           "adamw": {"forward": 9}}


# ---- the same formulas twice: xp is jax.numpy or torch

def norm(xp, x, gain, shift):
    centred = x - x.mean(1).reshape(-1, 1)
    return centred / xp.sqrt((centred * centred).mean(1).reshape(-1, 1) + 1e-5) * gain + shift


def work(name, xp, silu, gelu):
    return {"silu": silu, "gelu": gelu, "residual": lambda x, gate, y: x + gate * y,
            "norm": lambda x, gate, shift: norm(xp, x, gate, shift)}[name]


def derive(f, name, mode, vjp, jvp):
    """A function of the arrays in their order: what f takes, then the cotangent or the tangents."""
    if mode == "forward":
        return f
    if mode == "reverse":
        if name == "residual":  # the cotangent of x is the result's own: nothing to do
            return lambda x, gate, y, bar: vjp(lambda g, z: f(x, g, z), gate, y)[1](bar)
        return lambda *a: vjp(f, *a[:-1])[1](a[-1])
    if name == "residual":
        return lambda x, gate, y, dx, dy: jvp(lambda p, q: f(p, gate, q), (x, y), (dx, dy))
    return lambda *a: jvp(lambda z: f(z, *a[1:-1]), (a[0],), (a[-1],))


def adamw(xp, p, g, m, v, e):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    p = p * (1 - 1e-5) - 1e-3 * (10 * m / (xp.sqrt(1000 * v) + 1e-8))
    return p, m, v, 0.999 * e + 0.001 * p


def arrays(name, mode, rows, columns):
    """By the names that our side knows them by."""
    rng = np.random.default_rng(1)
    full = lambda: rng.random((rows, columns), np.float32) - np.float32(0.5)
    row = lambda: rng.random((1, columns), np.float32)
    if name == "adamw":
        return {k: abs(full()) if k == "v" else full() for k in "pgmve"}
    x = {"x": full()}
    if name == "residual":
        x |= {"gate": row(), "y": full()}
    if name == "norm":
        x |= {"gate": row(), "shift": row()}
    if mode == "reverse":
        x["bar"] = full()
    if mode == "dual":
        x["tangent"] = full()
        if name == "residual":
            x["tangent_y"] = full()
    return x


def flat(results):
    return [r for group in results for r in flat(group)] if isinstance(results, (tuple, list)) else [results]


# ---- the sides: what they yield, and the work to be timed

def jax_side(name, mode, x):
    x = [jnp.array(a) for a in x.values()]
    if name == "adamw":
        call = jax.jit(lambda p, g, m, v, e: adamw(jnp, p, g, m, v, e), donate_argnums=(0, 2, 3, 4))
        g, state = x[1], [x[0], *x[2:]]
        first = [np.array(a) for a in jax.jit(lambda *a: adamw(jnp, *a))(*x)]

        def step():
            state[:] = call(state[0], g, *state[1:])
            jax.block_until_ready(state)

        return first, peer.Function(step)
    f = work(name, jnp, jax.nn.silu, lambda a: jax.nn.gelu(a, approximate=False))
    call = jax.jit(derive(f, name, mode, jax.vjp, jax.jvp))
    return [np.array(a) for a in flat(call(*x))], peer.Function(lambda: jax.block_until_ready(call(*x)))


def torch_adamw(p, g, m, v, e):
    m.mul_(0.9).add_(g, alpha=0.1)
    v.mul_(0.999).add_(g * g, alpha=0.001)
    p.mul_(1 - 1e-5).sub_(1e-3 * (10 * m / (torch.sqrt(1000 * v) + 1e-8)))
    e.mul_(0.999).add_(p, alpha=0.001)


def torch_side(name, mode, x):
    x = [torch.tensor(a) for a in x.values()]
    if name == "adamw":
        call = torch.compile(torch_adamw)
        with torch.no_grad():
            call(*x)
        first = [x[i].numpy().copy() for i in (0, 2, 3, 4)]
    else:
        f = work(name, torch, torch.nn.functional.silu, torch.nn.functional.gelu)
        call = torch.compile(derive(f, name, mode, torch.func.vjp, torch.func.jvp))
        with torch.no_grad():
            first = [a.numpy() for a in flat(call(*x))]

    def step():
        with torch.no_grad():
            call(*x)

    return first, peer.Function(step)


def compare(name, mode, size, given):
    x = arrays(name, mode, *size)
    files = peer.Operands(x)
    ours = peer.Ours("pointwise", files.path, name, mode, *size)
    sides = {"ours": ours}
    for side, make in (("jax jit", jax_side), ("torch compiled", torch_side)):
        torch._dynamo.reset()
        first, sides[side] = make(name, mode, x)
        files.check(f"{name} {mode} {size} against {side}", first)
    files.close()
    seconds = peer.alternate(sides, given.window, given.rounds)
    ours.close()
    return ours.about, seconds


def more(parser):
    parser.add_argument("--only", default=",".join(TRAFFIC), help="some of " + ",".join(TRAFFIC))


def main():
    given = peer.options(__doc__, more=more)
    limit, result = peer.limits(), []
    for name in given.only.split(","):
        for mode, count in TRAFFIC[name].items():
            for size in (SMALL, LARGE):
                about, seconds = compare(name, mode, size, given)
                result.append({"work": name, "mode": mode, "size": size, "seconds": seconds, "launches": about["launches"],
                               "ratio": min(seconds["jax jit"], seconds["torch compiled"]) / seconds["ours"],
                               "gbs": 4e-9 * count * size[0] * size[1] / seconds["ours"]})
    limit = peer.best_limits(limit, peer.limits())
    rows = [["work", "size", "ours us", "jax jit", "torch compiled", "ratio", "Gbyte/s", "of triad", "launches"]]
    for r in result:
        r["of_triad"] = r["gbs"] / limit["triad_gbs"] if r["size"] == LARGE else None
        us = lambda n: f"{1e6 * r['seconds'][n]:.0f}"
        rows.append([f"{r['work']} {r['mode']}", f"{r['size'][0]}x{r['size'][1]}", us("ours"), us("jax jit"), us("torch compiled"),
                     f"{r['ratio']:.2f}", f"{r['gbs']:.1f}", f"{r['of_triad']:.2f}" if r["of_triad"] else "-", r["launches"]])
    peer.table(rows)
    ratios, shares = [r["ratio"] for r in result], [r["of_triad"] for r in result if r["of_triad"]]
    print(f"ours / the faster of JAX and PyTorch: geometric mean {peer.geometric_mean(ratios):.3f}, least {min(ratios):.3f}; "
          f"beyond the caches least {min(shares):.2f} of the triad ({limit['triad_gbs']:.1f} Gbyte/s)")
    peer.finish("pointwise", {"limits": limit, "mean": peer.geometric_mean(ratios), "least": min(ratios),
                              "triad_least": min(shares), "rows": result})


main()
