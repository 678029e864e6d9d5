"""Many runs: what is missing is run in order, in time, by one or several processes, here or on a Ray cluster.

Nobody hands out work. Every process walks through the same list and takes the first unit that is neither recorded nor
claimed; so two runners on one folder, and one that died, need no further thought.
"""

import contextlib
import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait

from snip_lib.records import RecordError, Records
from snip_lib.runner.executing import CHECKPOINT_SECONDS, RunError, never
from snip_lib.runner.recording import record_unit
from snip_lib.runner.units import Unit, describe_unit, units
from snip_lib.studies.run import Run
from snip_lib.words import require

SPARE_SECONDS = 3.0  # kept before a deadline for the last checkpoint
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


def work(plan: Plan, tell: Tell, stop: Callable[[], bool] = never) -> None:
    """Run what is missing of a plan in this process until all is recorded or claimed, `stop()`, or the deadline.

    tell: is told ("at" | "ended" | "failed", run, iteration | outcome of `record` | message); the run is None
    where a failure is of none in particular.
    """
    for unit in plan.missing():
        if stop() or late(plan, sum(plan.paces.get(run.name, 0.0) for run in unit.runs)):
            return
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
            return
        _tell_each(tell, "ended", unit, outcome)


def _tell_each(tell: Tell, kind: str, unit: Unit, what: object) -> None:
    for run in unit.runs:
        tell(kind, run, what)


def late(plan: Plan, needed: float = 0.0) -> bool:
    """Whether the deadline is so near that nothing which needs so many seconds should start."""
    return plan.deadline is not None and time.time() + needed + SPARE_SECONDS >= plan.deadline


def run_here(plan: Plan, tell: Tell) -> bool:
    """Run a plan on this machine; True when somebody asked it to stop. An interrupt ends it after a checkpoint."""
    with _interrupts() as asked:
        if plan.workers == 1:
            work(plan, tell, lambda: bool(asked))
        else:
            _side_by_side(plan, tell, asked)
    return bool(asked)


def run_on_ray(plan: Plan, tell: Tell) -> bool:
    """Run a plan on a Ray cluster, one task a unit; its machines share the folder of records."""
    ray = require("ray", "--engine ray")
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    share = {"num_cpus": 1, "num_gpus": 0 if plan.device == "cpu" else 1 / plan.workers}
    task = ray.remote(**share)(_told)
    waiting = [task.remote(replace(plan, runs=list(unit.runs))) for unit in plan.missing()]
    while waiting:
        (ready,), waiting = ray.wait(waiting, num_returns=1)
        for event in ray.get(ready):
            tell(*event)
    return False


def _told(plan: Plan) -> list[tuple[str, Run | None, object]]:
    events: list[tuple[str, Run | None, object]] = []
    work(plan, lambda *event: event[0] != "at" and events.append(event))
    return events


def _side_by_side(plan: Plan, tell: Tell, asked: list) -> None:
    context = multiprocessing.get_context("spawn")
    workers: dict[Connection, multiprocessing.Process] = {}
    for _ in range(plan.workers):
        ours, theirs = context.Pipe()
        process = context.Process(target=_worker, args=(plan, theirs), daemon=True)
        process.start()
        theirs.close()
        workers[ours] = process
    told_to_stop = False
    while workers:
        for pipe in wait(list(workers), timeout=0.5):
            try:
                tell(*pipe.recv())
            except (EOFError, OSError):
                _bury(workers.pop(pipe), tell)
        if asked and not told_to_stop:
            told_to_stop = True
            for pipe in workers:
                with contextlib.suppress(OSError):
                    pipe.send("stop")


def _worker(plan: Plan, pipe: Connection) -> None:
    """A process of its own; it stops when told to, and when the process that started it is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def tell(*event: object) -> None:
        with contextlib.suppress(OSError):  # nobody listens any longer: `stop` will say so
            pipe.send(event)

    work(plan, tell, _rarely(pipe.poll))


def _rarely(ask: Callable[[], bool], seconds: float = 0.2) -> Callable[[], bool]:
    """Ask a slow question at most so often; once the answer was yes, it stays."""
    answer, due = False, 0.0

    def asked() -> bool:
        nonlocal answer, due
        if not answer and time.monotonic() >= due:
            answer, due = ask(), time.monotonic() + seconds
        return answer

    return asked


def _bury(process: multiprocessing.Process, tell: Tell) -> None:
    process.join()
    if process.exitcode:
        how = f"was killed (signal {-process.exitcode})" if process.exitcode < 0 else "failed"
        tell("failed", None, f"a worker {how}; its run goes on from its checkpoint when you run this again")


@contextlib.contextmanager
def _interrupts() -> Iterator[list]:
    """A list that is filled by the first SIGINT or SIGTERM; a second one ends the process at once."""
    asked: list[int] = []

    def note(number: int, frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
