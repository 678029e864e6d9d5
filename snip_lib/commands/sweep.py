"""`python -m snip_lib run`: the plans, what they will cost, and running them."""

import argparse
import functools
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from snip_lib import runner
from snip_lib.commands.board import Board, Outcome
from snip_lib.records import Records, provenance
from snip_lib.runner import engine
from snip_lib.runner.engine import Plan
from snip_lib.runner.estimates import History, words
from snip_lib.runner.fetching import fetch
from snip_lib.studies.agenda import Part
from snip_lib.studies.run import Run
from snip_lib.words import require

TOGETHER_ON_GPU = 50  # small networks trained as one; not measured yet. On a CPU one by one is faster: `make bench`
SHOWN = 200  # lines of a dry run


def plans(
    given: argparse.Namespace, parts: Sequence[Part], records: Records, *, device: str, start: float
) -> list[Plan]:
    """The plans of a command, one a part; `start`, from which its minutes count, as `time.time()` says it.

    Runs that other experiments have recorded are copied over first, and cost nothing.
    """
    history, name = _history(records), provenance.device_name(device)
    common = {
        "records": records,
        "device": device,
        "deadline": None if given.minutes is None else start + 60 * given.minutes,
        "workers": given.workers or (_cores() if device == "cpu" else 1),
        "together": given.together or (1 if device == "cpu" else TOGETHER_ON_GPU),
        "every": given.checkpoint,
    }
    made = []
    for part in parts:
        paces = {run.name: history.start_seconds(run, name) for run in part.runs}
        made.append(Plan(part.experiment, part.profile, part.runs, paces=paces, **common))
        if not given.dry_run:
            engine.adopt(made[-1])
    return made


def describe(plans: Sequence[Plan]) -> None:
    """Print what is missing of plans and how long it will take, by earlier records."""
    history, missing = _history(plans[0].records), _missing(plans)
    name = provenance.device_name(plans[0].device)
    for run in missing[:SHOWN]:
        print(f"{runner.describe(run)}: {words(history.seconds(run, name))}")
    if len(missing) > SHOWN:
        print(f"… and {len(missing) - SHOWN} more")
    wanted = {run for plan in plans for run in plan.runs}
    print(f"{len(missing)} of {len(wanted)} runs are missing: {time_for(plans, missing)}")


def run(plans: Sequence[Plan], *, engine_name: str = "local", kept: bool = True) -> Outcome:
    """Run plans, showing their progress; the outcome says what is left. kept: whether the records outlive this."""
    if engine_name == "ray":
        require("ray", "--engine ray")
    left, wanted = _missing(plans), {run for plan in plans for run in plan.runs}
    print(f"{_named(plans)}: {len(wanted)} runs, {len(wanted) - len(left)} recorded, {_where(plans[0])}", flush=True)
    outcome, start = Outcome(), {"ray": engine.run_on_ray, "local": engine.run_here}[engine_name]
    plans = [replace(plan, workers=max(1, min(plan.workers, len(left)))) for plan in plans]
    if left:
        fetch(run.data for run in left[:1])  # without it, nothing begins; what comes later is fetched then
        with Board(plans, outcome) as board:
            outcome.interrupted = start(plans, board.tell)
        for plan in plans:
            engine.adopt(plan)
    missing = _missing(plans)
    outcome.left = len(missing)
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    print(_ending(plans, outcome, missing, kept=kept))
    return outcome


def time_for(plans: Sequence[Plan], missing: Sequence[Run]) -> str:
    """How long these runs will take, in words, by what earlier records say of their like."""
    history, name = _history(plans[0].records), provenance.device_name(plans[0].device)
    times = [history.seconds(run, name) for run in missing]
    known = [seconds for seconds in times if seconds is not None]
    side = max(1, min(plans[0].workers, len(missing)))
    total = words(sum(known) / side) if known or not missing else "?"
    unknown = len(times) - len(known)
    without = f", without {unknown} runs of which nothing like them is recorded" if unknown else ""
    return f"{total}, {plans[0].workers} side by side{without}"


@functools.lru_cache(maxsize=1)
def _history(records: Records) -> History:
    """What was known when the sweep began: reading all records takes longer than stopping may."""
    return History.of(records)


def _missing(plans: Sequence[Plan]) -> list[Run]:
    """The runs that are not recorded, in order, each once."""
    found = {}
    for plan in plans:
        found |= dict.fromkeys(run for run, done in zip(plan.runs, plan.recorded(), strict=True) if not done)
    return list(found)


def _named(plans: Sequence[Plan]) -> str:
    profiles: dict[str, dict[str, None]] = {}
    for plan in plans:
        profiles.setdefault(plan.profile, {})[plan.experiment] = None
    return "; ".join(f"{', '.join(names)}, profile {profile}" for profile, names in profiles.items())


def _where(plan: Plan) -> str:
    return f"on {plan.device}, {plan.workers} side by side"


def _ending(plans: Sequence[Plan], outcome: Outcome, missing: Sequence[Run], *, kept: bool) -> str:
    number = len({run for plan in plans for run in plan.runs})
    if not missing:
        where = f"recorded in {plans[0].records.folder}" if kept else "done, and not kept"
        return f"all {number} runs are {where}"
    if outcome.interrupted:
        why = "stopped after a checkpoint"
    elif engine.late(plans[0]):
        why = "the time is up"
    else:
        why = "they failed" if outcome.failures else "another runner is at them"
    rest = f"they would take {time_for(plans, missing)}"
    return f"{len(missing)} of {number} runs are left ({why}): the same command goes on; {rest}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
