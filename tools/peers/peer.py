# SPDX-License-Identifier: MIT
"""What the comparisons share: our side as a process, timing in turns, tables."""
import json
import math
import os
import statistics
import subprocess
import time

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


def limits():
    ours = Ours("limits")
    ours.close()
    return ours.about


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
