"""Many runs: what is missing is run in order, in time, by one or several processes, here or on a Ray cluster.

Nobody hands out work. Every process walks through the same list and takes the first unit that is neither recorded nor
claimed; so two runners on one folder, and one that died, need no further thought.
"""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait

from snip_lib import data
from snip_lib.records import RecordError, Records
from snip_lib.runner.executing import CHECKPOINT_SECONDS, RunError, never
from snip_lib.runner.fetching import fetch
from snip_lib.runner.interrupts import SIGNALS, Asked, interrupts, unheard
from snip_lib.runner.recording import record_unit
from snip_lib.runner.units import Unit, describe_unit, units
from snip_lib.studies.run import Run
from snip_lib.words import require

SPARE_SECONDS = 3.0  # kept before a deadline for the last checkpoint
LOOK_SECONDS = 0.2  # after so long, a sweep looks whether it was asked to stop
Tell = Callable[[str, Run | None, object], None]  # see `work`


@dataclass(frozen=True)
class Plan:
    """Runs of one experiment in the order in which they are wanted, and how they are run.

    deadline: `time.time()` at which all is to have stopped, None for never. workers: processes side by side. together:
    how many small networks at the most are trained as one computation. every: seconds between checkpoints.
    """

    experiment: str
    profile: str
    runs: list[Run]
    records: Records
    device: str = "cpu"
    deadline: float | None = None
    workers: int = 1
    together: int = 1
    every: float = CHECKPOINT_SECONDS
    paces: dict[str, float] = field(default_factory=dict)  # run name -> seconds to its first step, where known

    def recorded(self) -> list[bool]:
        """For each run, whether its record is there."""
        names = self.records.names(self.experiment, self.profile)
        return [run.name in names for run in self.runs]

    def missing(self) -> list[Unit]:
        """What is not recorded, in units that are trained together, in order."""
        return units([run for run, done in zip(self.runs, self.recorded(), strict=True) if not done], self.together)


def work(plan: Plan, tell: Tell, stop: Callable[[], bool] = never) -> bool:
    """Run what is missing of a plan in this process until all is recorded or claimed, `stop()`, or the deadline.

    tell: is told ("at" | "ended" | "failed", run, iteration | outcome of `record` | message); the run is None
    where a failure is of none in particular. Returns whether another plan may be begun.
    """
    for unit in plan.missing():
        if stop() or late(plan, sum(plan.paces.get(run.name, 0.0) for run in unit.runs)):
            return False
        options = {"stop": lambda: stop() or late(plan), "every": plan.every}
        options["report"] = lambda iteration, unit=unit: _tell_each(tell, "at", unit, iteration)
        try:
            outcome = record_unit(
                unit, plan.experiment, profile=plan.profile, records=plan.records, device=plan.device, **options
            )
        except (RunError, ValueError) as error:
            tell("failed", unit.runs[0], f"{describe_unit(unit)}: {error}")
            continue
        except (RecordError, OSError) as error:  # without data or a place to record, the next one cannot run either
            tell("failed", unit.runs[0], str(error))
            return isinstance(error, data.DataError)  # another plan may be of other data
        _tell_each(tell, "ended", unit, outcome)
    return True


def work_through(plans: Sequence[Plan], tell: Tell, stop: Callable[[], bool] = never) -> None:
    """Work at one plan after another; a run that an earlier plan recorded for another experiment is copied."""
    for plan in plans:
        adopt(plan)
        if all(plan.recorded()):
            continue
        try:
            fetch(run.data for run in plan.runs)
        except data.DataError as error:
            tell("failed", None, str(error))
        else:
            if not work(plan, tell, stop):
                return


def adopt(plan: Plan) -> None:
    """Copy the records of a plan's runs that other experiments hold: the same run is not paid for twice."""
    plan.records.adopt(plan.experiment, {run.name for run in plan.runs}, profile=plan.profile)


def _tell_each(tell: Tell, kind: str, unit: Unit, what: object) -> None:
    for run in unit.runs:
        tell(kind, run, what)


def late(plan: Plan, needed: float = 0.0) -> bool:
    """Whether the deadline is so near that nothing which needs so many seconds should start."""
    return plan.deadline is not None and time.time() + needed + SPARE_SECONDS >= plan.deadline


def run_here(plans: Plan | Sequence[Plan], tell: Tell) -> bool:
    """Run plans on this machine; True when somebody asked it to stop. An interrupt ends it after a checkpoint."""
    plans = [plans] if isinstance(plans, Plan) else plans
    with interrupts() as asked:
        if plans[0].workers == 1:
            busy = Busy(tell)
            with asked.at_once_unless(lambda: bool(busy.now)):
                work_through(plans, busy, lambda: bool(asked))
        else:
            _side_by_side(plans, tell, asked)
    return bool(asked)


def run_on_ray(plans: Plan | Sequence[Plan], tell: Tell) -> bool:
    """Run plans on a Ray cluster, one task a unit; its machines share the folder of records."""
    ray = require("ray", "--engine ray")
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    for plan in [plans] if isinstance(plans, Plan) else plans:
        adopt(plan)
        share = {"num_cpus": 1, "num_gpus": 0 if plan.device == "cpu" else 1 / plan.workers}
        task = ray.remote(**share)(told)
        waiting = [task.remote(replace(plan, runs=list(unit.runs))) for unit in plan.missing()]
        while waiting:
            (ready,), waiting = ray.wait(waiting, num_returns=1)
            for event in ray.get(ready):
                tell(*event)
    return False


def told(plan: Plan) -> list[tuple[str, Run | None, object]]:
    """Work at a plan, as a task on another machine does: what was told, but for the iterations, once it has ended."""
    events: list[tuple[str, Run | None, object]] = []
    work(plan, lambda *event: event[0] != "at" and events.append(event))
    return events


class Busy:
    """Passes on what is told, and knows which runs are at their steps, so that stopping has something to save."""

    def __init__(self, tell: Tell):
        self.tell, self.now = tell, set()

    def __call__(self, kind: str, run: Run | None, what: object) -> None:
        (self.now.add if kind == "at" else self.now.discard)(run)
        self.tell(kind, run, what)


def _side_by_side(plans: Sequence[Plan], tell: Tell, asked: Asked) -> None:
    workers = _started(plans)
    busy = {pipe: Busy(tell) for pipe in workers}
    asked.again = lambda: [process.kill() for process in workers.values()]
    told_to_stop = False
    while workers:
        for pipe in wait(list(workers), timeout=LOOK_SECONDS):
            try:
                busy[pipe](*pipe.recv())
            except (EOFError, OSError):
                _bury(workers.pop(pipe), tell, expected=told_to_stop)
        if asked and not told_to_stop:
            told_to_stop = True
            for pipe, process in workers.items():
                with contextlib.suppress(OSError):
                    pipe.send("stop")
                if not busy[pipe].now:  # it imports, loads or scores: nothing would be saved by waiting
                    process.kill()


def _started(plans: Sequence[Plan]) -> dict[Connection, multiprocessing.Process]:
    """The worker processes of plans, by the pipe to each; Ctrl-C in a terminal goes past them, to this process."""
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, multiprocessing.Process] = {}
    for _ in range(plans[0].workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_worker, args=(plans, theirs), daemon=True)
        with unheard():
            process.start()
        theirs.close()
        workers[ours] = process
    return workers


def _worker(plans: Sequence[Plan], pipe: Connection) -> None:
    """A process of its own; it stops when told to, and when the process that started it is no more."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)

    def tell(*event: object) -> None:
        with contextlib.suppress(OSError):  # nobody listens any longer: `stop` will say so
            pipe.send(event)

    work_through(plans, tell, _rarely(pipe.poll))


def _rarely(ask: Callable[[], bool], seconds: float = 0.2) -> Callable[[], bool]:
    """Ask a slow question at most so often; once the answer was yes, it stays."""
    answer, due = False, 0.0

    def asked() -> bool:
        nonlocal answer, due
        if not answer and time.monotonic() >= due:
            answer, due = ask(), time.monotonic() + seconds
        return answer

    return asked


def _bury(process: multiprocessing.Process, tell: Tell, *, expected: bool) -> None:
    process.join()
    if process.exitcode and not expected:
        how = f"was killed (signal {-process.exitcode})" if process.exitcode < 0 else "failed"
        tell("failed", None, f"a worker {how}; its run goes on from its checkpoint when you run this again")
