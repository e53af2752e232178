"""Whole processes, measured by what the kernel says of them: CPU seconds (user and system) and the peak of their memory."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

MPSJOBS = (sys.executable, "-m", "mpsjobs")


_LAUNCHER = """
import os, sys
child = os.fork()
if not child:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss])
"""
"""A small process between: the peak of a child begins with that of the process that it was forked from."""


@dataclass(frozen=True)
class Cost:
    """`cpu_s` is the median, `spread_s` from the least to the most; `peak_mib` the most of all runs."""

    cpu_s: float
    spread_s: tuple[float, float]
    peak_mib: float

    def __str__(self) -> str:
        low, high = self.spread_s
        return f"{self.cpu_s:.3f} s ({low:.3f}–{high:.3f}), {self.peak_mib:.0f} MiB"


def cost(
    command: Sequence[str], runs: int, *, cwd: Path | None = None, before: Callable[[], object] = lambda: None
) -> Cost:
    """Run it so often, each time after `before`, and once more at first so that disks and caches are warm."""
    figures = []
    for number in range(runs + 1):
        before()
        done = subprocess.run(
            (sys.executable, "-S", "-E", "-c", _LAUNCHER, *command),
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
        )
        code, cpu_s, peak_kib = json.loads(done.stdout)
        if code not in {0, 2}:
            raise RuntimeError(f"{' '.join(command)} ended with {code}")
        if number or runs == 1:
            figures.append((cpu_s, peak_kib / 1024))
    seconds = [cpu for cpu, _ in figures]
    return Cost(statistics.median(seconds), (min(seconds), max(seconds)), max(peak for _, peak in figures))
