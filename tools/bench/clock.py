"""Measuring: turn by turn in one process, or each in a fresh one."""

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from snip_lib.training.execution import has_bfloat16

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Row:
    """One comparison. ours, other: what was measured on both sides, in `unit`; value: what the goal is about, a ratio
    unless `unit` is its unit. goal: ("at most" | "at least", number), or None where there is nothing to reach."""

    part: str
    what: str
    beside: str
    ours: float
    other: float
    unit: str
    value: float
    goal: tuple[str, float] | None = None
    repeats: int = 1

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.goal is None:
            return None
        bound, number = self.goal
        return self.value <= number if bound == "at most" else self.value >= number


def in_turn(*functions: Callable[[], object], repeats: int) -> list[list[float]]:
    """Seconds of each function, `repeats` times, after one call of each that does not count.

    The functions take turns, and every round starts with another one. A function that returns a float has measured
    itself.
    """
    seconds: list[list[float]] = [[] for _ in functions]
    for round_ in range(-1, repeats):
        for k in range(len(functions)):
            place = (round_ + k) % len(functions)
            start = time.perf_counter()
            own = functions[place]()
            taken = own if isinstance(own, float) else time.perf_counter() - start
            if round_ >= 0:
                seconds[place].append(taken)
    return seconds


def medians(*functions: Callable[[], object], repeats: int) -> list[float]:
    """The median of each function's seconds, measured `in_turn`."""
    return [statistics.median(each) for each in in_turn(*functions, repeats=repeats)]


def fresh(job: str, *arguments: object) -> dict:
    """What a job of `tools/bench/jobs.py` reports, run in a process of its own."""
    command = [sys.executable, "-m", "tools.bench.jobs", job, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def machine() -> dict:
    """The machine by what decides its speed; never its name."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "bfloat16": has_bfloat16("cpu"),
        "load before": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _cpu() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
