# SPDX-License-Identifier: MIT
"""Peak memory of the MeanFlow step of the 784-1024-1024-1024-784 MLP, batch 256, beside PyTorch's (eager and compiled).

What counts is tensors alive at once, counted the same way on both sides: parameters, moments, average, batch, and the most
that a step needs beside them (gradients, activations, workspace).
  ours      the plan's own figures, which are what is allocated on the device: nothing else is during training
  PyTorch   the live state, and beside it the highest sum of what the CPU allocator gave and took back in one step after
            three to warm up, from the events of torch.profiler (profile_memory); compiled kernels take memory from it too
Resident memory is printed beside it, for what it is worth: it includes compilers, Python and what malloc keeps.
  resident peak     VmHWM of the whole process
  resident step     the state, and VmHWM - VmRSS over one step, after malloc_trim and a reset of VmHWM"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile

import peer

CASE, METHOD = "784", "meanflow"
MIB = 2.0**20


def status(name, pid="self"):
    """A line of /proc/PID/status in bytes."""
    with open(f"/proc/{pid}/status") as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return 1024 * int(line.split()[1])
    raise SystemExit(f"/proc/{pid}/status has no {name}")


# ---- PyTorch, in a process of its own

def allocator_peak(torch, work):
    """The highest sum of the allocator's events over one call of work."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        work()
    live = peak = count = 0
    for event in sorted((e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"), key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
        count += 1
    if count == 0:
        raise SystemExit("the profiler saw no allocation")
    return peak


def resident_step(work):
    """What one step adds to resident memory at its highest."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as f:
        f.write("5")  # VmHWM begins anew
    before = status("VmRSS")
    work()
    return max(0, status("VmHWM") - before)


def child(kind, folder, ratio):
    import torch

    import formulas

    with open(f"{folder}/about.json") as f:
        about = json.load(f)
    params, given = formulas.load(folder, about, *formulas.CASES[CASE]["shape"])
    loss, side = formulas.torch_side(formulas.meanflow_loss, params, given, ratio, kind == "compiled")
    numbers = sum(a.size for a in params.values())
    state = 4 * (4 * numbers + sum(a.size for a in given.values()))  # parameters, two moments, average; batch
    side.run(3)
    extra = allocator_peak(torch, side.work)
    step = resident_step(side.work)
    print(json.dumps({"loss": loss, "state": state, "step": extra, "peak": state + extra, "resident_step": state + step,
                      "resident_peak": status("VmHWM")}))


def torch_side(kind, folder, ratio):
    out = subprocess.run([sys.executable, __file__, "--child", kind, folder, str(ratio)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(out.stdout.splitlines()[-1])


# ---- all

def compare(ratio):
    import formulas

    with tempfile.TemporaryDirectory() as folder:
        ours, _, _, _ = formulas.start(CASE, METHOD, ratio, folder)
        about = ours.about
        ours.run(3)
        ours_resident = {"resident_peak": status("VmHWM", ours.process.pid),
                         "resident_added": status("VmRSS", ours.process.pid) - about["resident_start"]}
        ours.close()
        with open(f"{folder}/about.json", "w") as f:
            json.dump(about, f)
        sides = {kind: torch_side(kind, folder, ratio) for kind in ("eager", "compiled")}
    for kind, side in sides.items():
        if not abs(side["loss"] - about["loss"]) <= 1e-4 * abs(about["loss"]):
            raise SystemExit(f"the loss of PyTorch {kind} is {side['loss']}, ours is {about['loss']}")
    best = min(side["peak"] for side in sides.values())
    return {"ratio_moving": ratio, "ours": {"peak": about["total"], "arena": about["arena"], "lower_bound": about["bound"],
                                            "without_sharing": about["sum"], **ours_resident},
            "torch": sides, "ratio": about["total"] / best, "over_lower_bound": about["arena"] / about["bound"]}


def main():
    given = peer.options(__doc__)
    result = [compare(ratio) for ratio in ((1.0,) if given.quick else (0.25, 0.75, 1.0))]
    rows = [["MiB", "ours", "arena", "lower bound", "torch eager", "torch compiled", "ratio", "arena / bound", "resident: ours", "eager",
             "compiled", "resident step: eager", "compiled"]]
    mib = lambda x: f"{x / MIB:.1f}"
    for r in result:
        ours, eager, compiled = r["ours"], r["torch"]["eager"], r["torch"]["compiled"]
        rows.append([f"{METHOD} {r['ratio_moving']:.0%}", mib(ours["peak"]), mib(ours["arena"]), mib(ours["lower_bound"]), mib(eager["peak"]),
                     mib(compiled["peak"]), f"{r['ratio']:.2f}", f"{r['over_lower_bound']:.3f}", mib(ours["resident_peak"]),
                     mib(eager["resident_peak"]), mib(compiled["resident_peak"]), mib(eager["resident_step"]),
                     mib(compiled["resident_step"])])
    peer.table(rows)
    print(f"ours / the smaller of PyTorch's: at most {max(r['ratio'] for r in result):.3f}; the arena is at most "
          f"{max(r['over_lower_bound'] for r in result):.3f} times its lower bound")
    peer.finish("memory", {"ratio": max(r["ratio"] for r in result), "over_lower_bound": max(r["over_lower_bound"] for r in result),
                           "rows": result})


if sys.argv[1:2] == ["--child"]:
    child(sys.argv[2], sys.argv[3], float(sys.argv[4]))
else:
    main()
