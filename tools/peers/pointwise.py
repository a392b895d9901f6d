# SPDX-License-Identifier: MIT
"""Pointwise and row work, forward, reverse and dual, beside PyTorch (compiled) and JAX (jit), in cache and beyond it."""
import argparse
import os

import peer

os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={peer.THREADS}")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(peer.THREADS)
SIZES = [(512, 512), (8192, 1024)]
# tensors of the full size that are read or written, by mode
TRAFFIC = {"silu": {"forward": 2, "reverse": 3, "dual": 4}, "gelu": {"forward": 2, "reverse": 3, "dual": 4},
           "residual": {"forward": 3, "reverse": 4, "dual": 5}, "norm": {"forward": 2, "reverse": 3, "dual": 4},
           "adamw": {"forward": 9}}


def norm(xp, x, gain, shift):
    centred = x - x.mean(1).reshape(-1, 1)
    return centred / xp.sqrt((centred * centred).mean(1).reshape(-1, 1) + 1e-5) * gain + shift


def works(name, xp, silu, gelu):
    return {"silu": lambda x: silu(x), "gelu": lambda x: gelu(x), "residual": lambda x, gate, y: x + gate * y,
            "norm": lambda x, gate, y: norm(xp, x, gate, y)}[name]


def adamw(xp, p, g, m, v, e):
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    p = p * (1 - 1e-5) - 1e-3 * (10 * m / (xp.sqrt(1000 * v) + 1e-8))
    return p, m, v, 0.999 * e + 0.001 * p


def arrays(name, mode, rows, columns):
    rng = np.random.default_rng(1)
    full = lambda: rng.random((rows, columns), np.float32)
    row = lambda: rng.random((1, columns), np.float32)
    if name == "adamw":
        return [full() for _ in range(5)]
    x = [full()]
    if name in ("residual", "norm"):
        x += [row(), row() if name == "norm" else full()]
    return x if mode == "forward" else x + [full()]


def jax_side(name, mode, x):
    x = [jnp.asarray(a) for a in x]
    if name == "adamw":
        call = lambda *a: adamw(jnp, *a)
    else:
        f = works(name, jnp, jax.nn.silu, lambda a: jax.nn.gelu(a, approximate=False))
        if mode == "forward":
            call = f
        elif mode == "reverse":
            call = lambda *a: jax.vjp(f, *a[:-1])[1](a[-1])
        else:
            call = lambda *a: jax.jvp(lambda z: f(z, *a[1:-1]), (a[0],), (a[-1],))
    call = jax.jit(call)
    return peer.Function(lambda: jax.block_until_ready(call(*x)))


def torch_side(name, mode, x):
    x = [torch.from_numpy(a) for a in x]
    if name == "adamw":
        call = lambda *a: adamw(torch, *a)
    else:
        f = works(name, torch, torch.nn.functional.silu, torch.nn.functional.gelu)
        if mode == "forward":
            call = f
        elif mode == "reverse":
            call = lambda *a: torch.func.vjp(f, *a[:-1])[1](a[-1])
        else:
            call = lambda *a: torch.func.jvp(lambda z: f(z, *a[1:-1]), (a[0],), (a[-1],))
    call = torch.compile(call)

    def work():
        with torch.no_grad():
            call(*x)

    return peer.Function(work)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(TRAFFIC))
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    limit = peer.limits()
    rows, result = [["work", "size", "ours us", "jax jit", "torch compiled", "ratio", "Gbyte/s", "of triad", "launches"]], []
    for name in options.only.split(","):
        for mode, tensors in TRAFFIC[name].items():
            for size in SIZES:
                x = arrays(name, mode, *size)
                ours = peer.Ours("pointwise", name, mode, *size)
                sides = {"ours": ours, "jax jit": jax_side(name, mode, x), "torch compiled": torch_side(name, mode, x)}
                seconds = peer.alternate(sides, window=0.1, rounds=options.rounds)
                ours.close()
                ratio = min(seconds["jax jit"], seconds["torch compiled"]) / seconds["ours"]
                rate = 4e-9 * tensors * size[0] * size[1] / seconds["ours"]
                us = lambda n: f"{1e6 * seconds[n]:.0f}"
                rows.append([f"{name} {mode}", f"{size[0]}x{size[1]}", us("ours"), us("jax jit"), us("torch compiled"),
                             f"{ratio:.2f}", f"{rate:.1f}", f"{rate / limit['triad_gbs']:.2f}", ours.about["launches"]])
                result.append({"work": name, "mode": mode, "size": size, "seconds": seconds, "ratio": ratio,
                               "gbs": rate, "of_triad": rate / limit["triad_gbs"]})
    peer.table(rows)
    peer.finish("pointwise", {"limits": limit, "rows": result})


main()
