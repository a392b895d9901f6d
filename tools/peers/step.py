# SPDX-License-Identifier: MIT
"""A whole training step: the same network, batch, weights and loss here, in JAX (jit) and in PyTorch (eager and
compiled). Losses are compared before anything is timed. Our side includes the loader, the random numbers and the metrics;
the peers work on one given batch with given noise and times."""
import functools
import os
import tempfile

import peer

os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen=true intra_op_parallelism_threads={peer.THREADS}")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

import formulas  # noqa: E402
from formulas import B1, B2, CASES, CLIP, EMA, EPS, LR  # noqa: E402


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


def compare(case, method, ratio, given):
    """Our plan's figures and everybody's seconds; for MeanFlow beside our own flow matching, in turns as well."""
    sides = given.sides.split(",")
    with tempfile.TemporaryDirectory() as folder:
        ours, params, batch, loss_of = formulas.start(case, method, ratio, folder)
    made = {"ours": (ours.about["loss"], ours)}
    if "jax" in sides:
        made["jax jit"] = jax_side(loss_of, params, batch, ratio)
    if "torch" in sides:
        made["torch compiled"] = formulas.torch_side(loss_of, params, batch, ratio, True)
    if "eager" in sides:
        made["torch eager"] = formulas.torch_side(loss_of, params, batch, ratio, False)
    for name, (loss, _) in made.items():
        if not abs(loss - ours.about["loss"]) <= 1e-4 * abs(loss):
            raise SystemExit(f"{case} {method}: the loss of {name} is {loss}, ours is {ours.about['loss']}")
    timed = {name: side for name, (_, side) in made.items()}
    if method == "meanflow":
        with tempfile.TemporaryDirectory() as folder:
            timed["flow"] = formulas.start(case, "flow", None, folder)[0]
    seconds = peer.alternate(timed, 3 * given.window, given.rounds)
    for side in timed.values():
        side.close()
    return ours.about, timed["flow"].about if "flow" in timed else ours.about, seconds


def more(parser):
    parser.add_argument("--sides", default="jax,torch,eager", help="some of jax,torch,eager")
    parser.add_argument("--cases", default=",".join(CASES), help="some of " + ",".join(CASES))


def main():
    given = peer.options(__doc__, more=more)
    limit, result = peer.limits(), []
    for case in given.cases.split(","):
        for method, ratio in [("flow", None), ("meanflow", 0.25), ("meanflow", 0.75), ("meanflow", 1.0)]:
            about, flow, seconds = compare(case, method, ratio, given)
            peers = [s for n, s in seconds.items() if n in ("jax jit", "torch compiled")]
            result.append({"case": case, "method": method, "ratio": ratio, "seconds": seconds, "flops": about["flops"],
                           "launches": about["launches"], "faster": min(peers) / seconds["ours"] if peers else None,
                           "over_flow": seconds["ours"] / seconds.get("flow", seconds["ours"]),
                           "flops_over_flow": about["flops"] / flow["flops"]})
    limit = peer.best_limits(limit, peer.limits())
    rows = [["step", "ours ms", "jax jit", "torch compiled", "torch eager", "ratio", "Gflop/s", "% of peak", "launches",
             "time / flow's", "flop / flow's", "of each other"]]
    for r in result:
        ms = lambda n: f"{1e3 * r['seconds'][n]:.2f}" if n in r["seconds"] else "-"
        rate = r["flops"] / r["seconds"]["ours"] * 1e-9
        rows.append([f"{r['case']} {r['method']}" + (f" {r['ratio']:.0%}" if r["ratio"] else ""), ms("ours"), ms("jax jit"),
                     ms("torch compiled"), ms("torch eager"), f"{r['faster']:.2f}" if r["faster"] else "-", f"{rate:.0f}",
                     f"{100 * rate / limit['gflops']:.0f}", r["launches"], f"{r['over_flow']:.3f}", f"{r['flops_over_flow']:.3f}",
                     f"{r['over_flow'] / r['flops_over_flow']:.3f}"])
    peer.table(rows)
    peer.finish("step", {"limits": limit, "rows": result})


main()
