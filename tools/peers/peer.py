# SPDX-License-Identifier: MIT
"""What the comparisons share: our side as a process, timing in turns, checking of results, tables."""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

THREADS = int(os.environ.get("PF_PEERS_THREADS", os.cpu_count()))


class Ours:
    """Our side: tools/peers/ours.c."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([os.environ["PF_PEERS_OURS"], *map(str, arguments)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"ours {' '.join(map(str, arguments))} failed")
        self.about = json.loads(line)

    def run(self, repetitions):
        self.process.stdin.write(f"run {repetitions}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Function:
    """A peer: a function that does the work once and waits for it."""

    def __init__(self, work):
        self.work = work

    def run(self, repetitions):
        begun = time.perf_counter()
        for _ in range(repetitions):
            self.work()
        return time.perf_counter() - begun

    def close(self):
        pass


class Operands:
    """Arrays by name, as files that our side reads, and the results that it writes beside them."""

    def __init__(self, arrays):
        self.folder = tempfile.TemporaryDirectory()
        self.path = self.folder.name
        for name, array in arrays.items():
            array.tofile(f"{self.path}/{name}.f32")

    def check(self, who, expected, tolerance=1e-5):
        """Our results against those of a peer: relative errors of whole arrays."""
        for i, want in enumerate(expected):
            want = np.asarray(want, np.float32)
            got = np.fromfile(f"{self.path}/out{i}.f32", np.float32).reshape(want.shape)
            error = np.linalg.norm((got - want).astype(np.float64)) / max(np.linalg.norm(want.astype(np.float64)), 1e-30)
            if not error <= tolerance:
                raise SystemExit(f"{who}: result {i} differs by {error:.2g}")

    def close(self):
        self.folder.cleanup()


def options(description, rounds=7, more=lambda parser: None):
    """Parses the command line. --quick: only to see that everything works; its figures are worth nothing."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few and short measurements: to see that it works")
    parser.add_argument("--rounds", type=int, default=rounds, help="medians of so many")
    more(parser)
    given = parser.parse_args()
    given.window = 0.02 if given.quick else 0.15
    if given.quick:
        given.rounds = 1
    return given


def keep_memory():
    """Large arrays of the peers' results come from memory that the process keeps. By glibc's default they would be mapped
    anew in every call, and page faults would be measured. PF_PEERS_MALLOC=default leaves it so."""
    tunables = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:glibc.malloc.top_pad=268435456"
    if os.environ.get("PF_PEERS_MALLOC") != "default" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = tunables
        os.execv(sys.executable, [sys.executable, *sys.argv])


def limits():
    ours = Ours("limits")
    ours.close()
    return ours.about


def best_limits(a, b):
    """Of two measurements, before and after: what else ran made one of them worse."""
    return {"gflops": max(a["gflops"], b["gflops"]), "triad_gbs": max(a["triad_gbs"], b["triad_gbs"]),
            "launch_us": min(a["launch_us"], b["launch_us"])}


def alternate(sides, window=0.15, rounds=7):
    """Medians of seconds per repetition, the sides taking turns. sides: {name: Ours or Function}."""
    repetitions = {}
    for name, side in sides.items():
        side.run(1)
        n = 1
        while True:
            seconds = side.run(n)
            if seconds > window / 3 or n > 1 << 20:
                break
            n *= 2
        repetitions[name] = max(1, round(n * window / seconds))
    taken = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            taken[name].append(side.run(repetitions[name]) / repetitions[name])
    return {name: statistics.median(values) for name, values in taken.items()}


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def table(rows):
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, widths))))


def finish(name, result):
    """The last line: one JSON object."""
    print(json.dumps({"benchmark": name, "threads": THREADS, **result}))
