# SPDX-License-Identifier: MIT
"""Products in the three roles of training: nn (forward), nt (gradient of the data), tn (gradient of the weights).

Our kernel, packing included, beside OpenBLAS (through NumPy, which brings its own), PyTorch, and CLBlast as it comes and
with our parameters. Sizes that no tile divides (257, 130, 3) are held against their neighbours (256, 128, 4)."""
import numpy as np
import torch

import peer

torch.set_num_threads(peer.THREADS)
# M, N, K of the forward product; the batch is M, and what the product of the weights' gradient sums over
SHAPES = [(n, n, n) for n in (128, 256, 512, 1024, 2048)] + [
    (4096, 256, 256), (4096, 384, 384), (4096, 512, 512), (4096, 1024, 1024), (256, 512, 512), (65536, 64, 64),
    (1024, 256, 256), (256, 1024, 1024)]
TAILS = [((257, 256, 256), (256, 256, 256)), ((1024, 257, 256), (1024, 256, 256)), ((1024, 256, 257), (1024, 256, 256)),
         ((130, 256, 256), (128, 256, 256)), ((1024, 130, 256), (1024, 128, 256)), ((1024, 256, 130), (1024, 256, 128)),
         ((3, 256, 256), (4, 256, 256)), ((1024, 3, 256), (1024, 4, 256)), ((1024, 256, 3), (1024, 256, 4))]
ROLES = ("nn", "nt", "tn")


def in_role(role, shape):
    """As a network's layers meet it: nt has N and K exchanged, tn the batch as its K."""
    m, n, k = shape
    return {"nn": (m, n, k), "nt": (m, k, n), "tn": (k, n, m)}[role]


def operands(role, m, n, k):
    rng = np.random.default_rng(1)
    a = rng.random((k, m) if role[0] == "t" else (m, k), np.float32) - np.float32(0.5)
    b = rng.random((n, k) if role[1] == "t" else (k, n), np.float32) - np.float32(0.5)
    return a, b


def numpy_side(role, a, b, m, n):
    left, right = (a.T if role[0] == "t" else a), (b.T if role[1] == "t" else b)
    out = np.empty((m, n), np.float32)
    return peer.Function(lambda: np.matmul(left, right, out=out)), out


def torch_side(role, a, b, m, n):
    a, b = torch.from_numpy(a), torch.from_numpy(b)
    left, right = (a.T if role[0] == "t" else a), (b.T if role[1] == "t" else b)
    out = torch.empty(m, n)
    return peer.Function(lambda: torch.mm(left, right, out=out))


def compare(role, m, n, k, given):
    a, b = operands(role, m, n, k)
    files = peer.Operands({"a": a, "b": b})
    openblas, out = numpy_side(role, a, b, m, n)
    openblas.run(1)

    def start(name, *arguments):
        side = peer.Ours(*arguments)
        files.check(f"{name} {role} {m},{n},{k}", [out], 1e-4)
        return side

    sides = {"ours": start("ours", "product", files.path, role, m, n, k, "cpu")}
    slow = {}
    if not given.no_clblast:
        slow = {"clblast": start("CLBlast", "clblast", files.path, role, m, n, k),
                "clblast ours": start("CLBlast", "product", files.path, role, m, n, k, "clblast")}
    sides |= {"openblas": openblas, "torch": torch_side(role, a, b, m, n)}
    seconds = peer.alternate(sides, given.window, given.rounds)
    if slow:  # far slower: beside the others they would only make them wait
        seconds |= peer.alternate(slow, given.window, min(given.rounds, 3))
    for side in (sides | slow).values():
        side.close()
    files.close()
    return {name: 2e-9 * m * n * k / s for name, s in seconds.items()}


def tail(role, odd, even, given):
    """Operations per second of ours at the odd shape over those at its neighbour."""
    sides, files, work = {}, [], {}
    for name, (m, n, k) in (("odd", odd), ("even", even)):
        a, b = operands(role, m, n, k)
        files.append(peer.Operands({"a": a, "b": b}))
        sides[name] = peer.Ours("product", files[-1].path, role, m, n, k, "cpu")
        want, out = numpy_side(role, a, b, m, n)
        want.run(1)
        files[-1].check(f"ours {role} {m},{n},{k}", [out], 1e-4)
        work[name] = m * n * k
    seconds = peer.alternate(sides, given.window, given.rounds)
    for side in [*sides.values(), *files]:
        side.close()
    return work["odd"] / work["even"] * seconds["even"] / seconds["odd"]


def products(given, limit):
    rows, result = [["product", "ours", "openblas", "torch", "clblast", "clblast ours", "ratio", "% of peak"]], []
    for role in given.roles.split(","):
        for shape in SHAPES:
            m, n, k = in_role(role, shape)
            rate = compare(role, m, n, k, given)
            ratio = rate["ours"] / max(rate["openblas"], rate["torch"])
            result.append({"role": role, "m": m, "n": n, "k": k, "gflops": rate, "ratio": ratio})
    limit.update(peer.best_limits(limit, peer.limits()))
    for r in result:
        text = lambda name: f"{r['gflops'][name]:.0f}" if name in r["gflops"] else "-"
        r["percent"] = 100 * r["gflops"]["ours"] / limit["gflops"]
        rows.append([f"{r['role']} {r['m']},{r['n']},{r['k']}", *map(text, ("ours", "openblas", "torch", "clblast", "clblast ours")),
                     f"{r['ratio']:.2f}", f"{r['percent']:.0f}"])
    peer.table(rows)
    return result


def tails(given):
    rows, result = [["tail", "neighbour", "of its rate"]], []
    for role in given.roles.split(","):
        for shape, neighbour in TAILS:
            odd, even = in_role(role, shape), in_role(role, neighbour)
            ratio = tail(role, odd, even, given)
            rows.append([f"{role} {','.join(map(str, odd))}", ",".join(map(str, even)), f"{ratio:.2f}"])
            result.append({"role": role, "shape": odd, "neighbour": even, "ratio": ratio})
    peer.table(rows)
    return result


def more(parser):
    parser.add_argument("--no-clblast", action="store_true", help="without CLBlast, which is slow on a CPU")
    parser.add_argument("--roles", default=",".join(ROLES), help="some of nn,nt,tn")


def main():
    given = peer.options(__doc__, more=more)
    limit = peer.limits()
    result = products(given, limit)
    large = [r["ratio"] for r in result if min(r["m"], r["n"], r["k"]) >= 256]
    mean, least = peer.geometric_mean(large), min(large)
    print(f"from 256 up: geometric mean of ours / the faster of OpenBLAS and PyTorch {mean:.3f}, least {least:.3f}; "
          f"the peak is {limit['gflops']:.1f} Gflop/s\n")
    odd = tails(given)
    print(f"tails: least {min(t['ratio'] for t in odd):.2f} of their neighbours' rate")
    peer.finish("gemm", {"limits": limit, "mean": mean, "least": least, "tail_least": min(t["ratio"] for t in odd),
                         "rows": result, "tails": odd})


main()
