# SPDX-License-Identifier: MIT
"""Products in the three roles of training: nn (forward), nt (gradient of the data), tn (gradient of the weights).
Our kernel, packing included, beside OpenBLAS (through NumPy, which brings its own), PyTorch and stock CLBlast."""
import argparse

import numpy as np
import torch

import peer

torch.set_num_threads(peer.THREADS)
SQUARE = [(n, n, n) for n in (128, 256, 512, 1024, 2048)]
TRAINING = [(4096, 256, 256), (4096, 384, 384), (4096, 512, 512), (4096, 1024, 1024), (256, 512, 512), (65536, 64, 64),
            (1024, 256, 256), (256, 1024, 1024)]
TAILS = [(257, 256, 256), (1024, 130, 256), (1024, 256, 130), (1024, 3, 256), (1024, 256, 3)]


def operands(role, m, n, k):
    rng = np.random.default_rng(1)
    a = rng.random((k, m) if role[0] == "t" else (m, k), np.float32)
    b = rng.random((n, k) if role[1] == "t" else (k, n), np.float32)
    return a, b


def numpy_side(role, a, b, m, n):
    left, right = (a.T if role[0] == "t" else a), (b.T if role[1] == "t" else b)
    out = np.empty((m, n), np.float32)
    return peer.Function(lambda: np.matmul(left, right, out=out))


def torch_side(role, a, b, m, n):
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    left, right = (a.T if role[0] == "t" else a), (b.T if role[1] == "t" else b)
    out = torch.empty(m, n)
    return peer.Function(lambda: torch.mm(left, right, out=out))


def compare(role, m, n, k, clblast, rounds):
    a, b = operands(role, m, n, k)
    sides = {"ours": peer.Ours("product", role, m, n, k, "cpu"), "openblas": numpy_side(role, a, b, m, n),
             "torch": torch_side(role, a, b, m, n)}
    if clblast:
        sides["clblast"] = peer.Ours("product", role, m, n, k, "clblast")
    seconds = peer.alternate(sides, window=0.1, rounds=rounds)
    for side in sides.values():
        side.close()
    return {name: 2e-9 * m * n * k / s for name, s in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clblast", action="store_true", help="stock CLBlast too (slow on a CPU)")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    limit = peer.limits()
    rows, result = [["product", "ours", "openblas", "torch", "clblast", "ratio", "% of peak"]], []
    for role in ("nn", "nt", "tn"):
        for shape in SQUARE + TRAINING + TAILS:
            m, n, k = shape if role != "tn" else (shape[1], shape[2], shape[0])  # the batch is summed over
            rate = compare(role, m, n, k, options.clblast, options.rounds)
            ratio = rate["ours"] / max(rate["openblas"], rate["torch"])
            peak = 100 * rate["ours"] / limit["gflops"]
            text = lambda name: f"{rate[name]:.0f}" if name in rate else "-"
            rows.append([f"{role} {m},{n},{k}", text("ours"), text("openblas"), text("torch"), text("clblast"),
                         f"{ratio:.2f}", f"{peak:.0f}"])
            result.append({"role": role, "m": m, "n": n, "k": k, "gflops": rate, "ratio": ratio, "percent": peak,
                           "tail": shape in TAILS})
    peer.table(rows)
    large = [r["ratio"] for r in result if not r["tail"] and min(r["m"], r["n"], r["k"]) >= 256]
    print(f"from 256 up: geometric mean of ours / the faster {peer.geometric_mean(large):.3f}, least {min(large):.3f}")
    peer.finish("gemm", {"limits": limit, "mean": peer.geometric_mean(large), "least": min(large), "rows": result})


main()
