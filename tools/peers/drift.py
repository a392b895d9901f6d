# SPDX-License-Identifier: MIT
"""The drifting field beside its straightforward versions in PyTorch (compiled, and as it comes) and JAX (jit): one group of
N samples, M data, one temperature or three. Results are compared before anything is timed."""
import os

import peer

peer.keep_memory()
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={peer.THREADS}")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(peer.THREADS)
SIZES = [(1024, 2048, 2), (1024, 2048, 784)]


def temperatures(d, many):
    """Small against distances, as in training: those of standardised data grow with sqrt(D)."""
    return [t * (d / 2) ** 0.5 for t in ((0.05, 0.2, 0.5) if many else (0.2,))]


def arrays(n, m, d, many):
    rng = np.random.default_rng(1)
    return {"x": rng.standard_normal((n, d)).astype(np.float32) * np.float32(0.8),
            "positive": rng.standard_normal((m, d)).astype(np.float32),
            "tau": np.asarray(temperatures(d, many), np.float32)}


# ---- the peers: as one writes it down, with a distance function of their own

def jax_distances(x, y):
    square = jnp.sum(x * x, 1)[:, None] + jnp.sum(y * y, 1)[None] - 2 * x @ y.T
    return jnp.sqrt(jnp.maximum(square, 1e-12))


def jax_field(form, n, taus):
    def field(x, positive):
        y = jnp.concatenate([x, positive])
        d = jax_distances(x, y) + 1e6 * jnp.eye(n, len(y), dtype=x.dtype)
        total = 0
        for tau in taus:
            if form == "one-sided":
                total += jax.nn.softmax(-d[:, n:] / tau, 1) @ positive - jax.nn.softmax(-d[:, :n] / tau, 1) @ x
                continue
            a = jnp.sqrt(jax.nn.softmax(-d / tau, 1) * jax.nn.softmax(-d / tau, 0))
            off, to = a[:, :n], a[:, n:]
            total += (to * off.sum(1, keepdims=True)) @ positive - (off * to.sum(1, keepdims=True)) @ x
        return total
    return field


def torch_field(form, n, taus):
    def field(x, positive):
        y = torch.cat([x, positive])
        d = torch.cdist(x, y) + 1e6 * torch.eye(n, len(y))
        total = 0
        for tau in taus:
            if form == "one-sided":
                total += torch.softmax(-d[:, n:] / tau, 1) @ positive - torch.softmax(-d[:, :n] / tau, 1) @ x
                continue
            a = torch.sqrt(torch.softmax(-d / tau, 1) * torch.softmax(-d / tau, 0))
            off, to = a[:, :n], a[:, n:]
            total += (to * off.sum(1, keepdim=True)) @ positive - (off * to.sum(1, keepdim=True)) @ x
        return total
    return field


def sides_of(form, n, x):
    taus = [float(t) for t in x["tau"]]
    a, b = jnp.array(x["x"]), jnp.array(x["positive"])
    p, q = torch.tensor(x["x"]), torch.tensor(x["positive"])
    jitted = jax.jit(jax_field(form, n, taus))
    plain = torch_field(form, n, taus)
    torch._dynamo.reset()
    compiled = torch.compile(plain)
    with torch.no_grad():
        first = {"jax jit": np.array(jitted(a, b)), "torch": plain(p, q).numpy(), "torch compiled": compiled(p, q).numpy()}

    def torch_work(call):
        def work():
            with torch.no_grad():
                call(p, q)
        return work

    return first, {"jax jit": peer.Function(lambda: jax.block_until_ready(jitted(a, b))),
                   "torch": peer.Function(torch_work(plain)), "torch compiled": peer.Function(torch_work(compiled))}


def compare(form, size, many, given):
    n, m, d = size
    x = arrays(n, m, d, many)
    files = peer.Operands(x)
    ours = peer.Ours("drift", files.path, form, n, m, d, len(x["tau"]), given.workspace)
    first, peers = sides_of(form, n, x)
    for name, result in first.items():
        files.check(f"{form} {size} against {name}", [result], tolerance=2e-4)  # theirs lose digits of near pairs
    files.close()
    seconds = peer.alternate({"ours": ours, **peers}, given.window, given.rounds)
    ours.close()
    return ours.about, seconds


def more(parser):
    parser.add_argument("--workspace", type=float, default=64, help="MiB for our distances (64): less, and they are streamed")
    parser.add_argument("--n", type=int, help="samples, instead of 1024")
    parser.add_argument("--m", type=int, help="data, instead of 2048")


def main():
    given = peer.options(__doc__, more=more)
    result, rows = [], [["field", "N x M x D", "tau", "ours ms", "jax jit", "torch", "torch compiled", "ratio", "launches"]]
    for form in ("two-sided", "one-sided"):
        for n, m, d in SIZES:
            size = (given.n or n, given.m or m, d)
            for many in (False, True):
                about, seconds = compare(form, size, many, given)
                ratio = min(s for name, s in seconds.items() if name != "ours") / seconds["ours"]
                ms = lambda name: f"{1e3 * seconds[name]:.2f}"
                rows.append([form, "x".join(map(str, size)), 3 if many else 1, ms("ours"), ms("jax jit"), ms("torch"),
                             ms("torch compiled"), f"{ratio:.2f}", about["launches"]])
                result.append({"form": form, "size": size, "temperatures": 3 if many else 1, "seconds": seconds, "ratio": ratio,
                               "launches": about["launches"]})
    peer.table(rows)
    least = {d: min(r["ratio"] for r in result if r["size"][2] == d) for _, _, d in SIZES}
    print("ours / the fastest peer: " + ", ".join(f"least {r:.2f} at D = {d}" for d, r in least.items()))
    peer.finish("drift", {"least": least, "rows": result})


main()
