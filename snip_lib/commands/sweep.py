"""`python -m snip_lib run`: the plan, what it will cost, and the progress of a sweep."""

import argparse
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace

from snip_lib import data, runner
from snip_lib.records import Records, provenance
from snip_lib.runner import engine
from snip_lib.runner.engine import Plan
from snip_lib.runner.estimates import History, words
from snip_lib.studies.run import Run
from snip_lib.words import require

TOGETHER_ON_GPU = 50  # small networks trained as one; not measured yet. On a CPU one by one is faster: `make bench`
START = time.time()  # a deadline counts from the start of the process, as near as Python lets it


@dataclass
class Outcome:
    """How a sweep ended: how many runs of each outcome, how many are left, and what failed."""

    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    left: int = 0
    interrupted: bool = False


def plan(given: argparse.Namespace, runs: list[Run], records: Records, device: str) -> Plan:
    """The plan of a command; runs that other experiments have recorded are copied over first, and cost nothing."""
    history, name = History.of(records), provenance.device_name(device)
    paces = {run.name: history.start_seconds(run, name) for run in runs}
    deadline = None if given.minutes is None else START + 60 * given.minutes
    if not given.dry_run:
        records.adopt(given.experiment, {run.name for run in runs}, profile=given.profile)
    workers = given.workers or (_cores() if device == "cpu" else 1)
    together = given.together or (1 if device == "cpu" else TOGETHER_ON_GPU)
    return Plan(
        given.experiment, given.profile, runs, records, device, deadline, workers, together, given.checkpoint, paces
    )


def describe(plan: Plan) -> None:
    """Print what is missing of a plan and how long it will take, by earlier records."""
    history, name = History.of(plan.records), provenance.device_name(plan.device)
    missing = [run for run, done in zip(plan.runs, plan.recorded(), strict=True) if not done]
    times = [history.seconds(run, name) for run in missing]
    for run, seconds in zip(missing, times, strict=True):
        print(f"{runner.describe(run)}: {words(seconds)}")
    known = [seconds for seconds in times if seconds is not None]
    total = sum(known) / min(plan.workers, max(len(missing), 1)) if known or not missing else None
    print(f"{len(missing)} of {len(plan.runs)} runs are missing: {words(total)}, {plan.workers} side by side")
    if len(known) < len(times):
        print(f"that leaves out {len(times) - len(known)} of which nothing like them is recorded")


def run(plan: Plan, *, engine_name: str = "local") -> Outcome:
    """Run a plan, showing its progress; the outcome says what is left."""
    if engine_name == "ray":
        require("ray", "--engine ray")
    done = sum(plan.recorded())
    print(
        f"{plan.experiment}, profile {plan.profile}: {len(plan.runs)} runs, {done} recorded, on {plan.device}, "
        f"{plan.workers} side by side"
    )
    outcome, start = Outcome(), {"ray": engine.run_on_ray, "local": engine.run_here}[engine_name]
    plan = _no_more_workers_than(plan, len(plan.runs) - done)
    if done < len(plan.runs):
        _fetch(plan)
        with Board(plan, outcome) as board:
            outcome.interrupted = start(plan, board.tell)
    outcome.left = plan.recorded().count(False)
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    print(_ending(plan, outcome))
    return outcome


class Board:
    """One bar over all iterations of a sweep, with the time left, and a line for each run that ends."""

    def __init__(self, plan: Plan, outcome: Outcome):
        self.plan, self.outcome = plan, outcome
        recorded = zip(plan.runs, plan.recorded(), strict=True)
        self.at = {run: run.recipe.iterations if done else 0 for run, done in recorded}

    def __enter__(self) -> "Board":
        total, done = sum(run.recipe.iterations for run in self.at), sum(self.at.values())
        tqdm = require("tqdm", "showing progress")
        interval = 0.5 if sys.stderr.isatty() else 30.0  # a log file wants few lines
        self.bar = tqdm.tqdm(total=total, initial=done, unit="it", mininterval=interval, dynamic_ncols=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def tell(self, kind: str, run: Run | None, what: object) -> None:
        """Take note of an event of `engine.work`."""
        if kind == "at":
            self._reach(run, what)
        elif kind == "failed":
            self.outcome.failures.append(what)
        else:
            self.outcome.counts[what] += 1
            if what == "recorded":
                self._reach(run, run.recipe.iterations)
                self.bar.write(self._result(run), file=sys.stdout)

    def _reach(self, run: Run, iteration: int) -> None:
        self.bar.update(max(iteration - self.at[run], 0))
        self.at[run] = max(iteration, self.at[run])

    def _result(self, run: Run) -> str:
        records = self.plan.records.read(self.plan.experiment)[0]
        metrics = next(record["metrics"] for record in reversed(records) if record["name"] == run.name)
        error = metrics["test_error"]
        what = "diverged" if error is None else f"test error {100 * error:.2f} %"
        return f"{runner.describe(run)}: {what}, {words(metrics['seconds'])}"


def _fetch(plan: Plan) -> None:
    """Download what is not here before several workers ask for it at once. Raises FileNotFoundError."""
    for name in {run.data for run in plan.runs}:
        if not data.available(name):
            data.load(name)


def _ending(plan: Plan, outcome: Outcome) -> str:
    if not outcome.left:
        return f"all {len(plan.runs)} runs are recorded in {plan.records.folder}"
    if outcome.interrupted:
        why = "stopped after a checkpoint"
    elif engine.late(plan):
        why = "the time is up"
    else:
        why = "they failed" if outcome.failures else "another runner is at them"
    return f"{outcome.left} of {len(plan.runs)} runs are left ({why}): the same command goes on"


def _no_more_workers_than(plan: Plan, runs: int) -> Plan:
    return replace(plan, workers=max(1, min(plan.workers, runs)))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
