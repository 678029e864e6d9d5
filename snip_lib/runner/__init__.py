"""Runs from their names to their records: data, scores, masks, weights, training, and going on after a kill."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from snip_lib import results
from snip_lib.results import provenance, recording
from snip_lib.runner.checkpoints import Checkpoint, claim
from snip_lib.runner.job import Job, dataset_of
from snip_lib.runner.units import Unit
from snip_lib.studies.run import METHOD, Run

Report = Callable[[int], None]  # told the iteration that training has reached, now and then
REPORT_SECONDS = 0.5
CHECKPOINT_SECONDS = 60.0
TOLD = ("init", "score_init", "redraw", "batch_norm", "pruning_batch", "labels", "dtype")


class RunError(Exception):
    """A run could not be run on this device; the message says what to do. Nothing is recorded of it."""


def never() -> bool:
    """A run that nothing stops."""
    return False


def execute(run: Run, **options: object) -> dict | None:
    """Score, prune and train one run (Algorithm 1); its metrics, errors as shares in [0, 1]. Else as `execute_unit`."""
    metrics = execute_unit(Unit((run,)), **options)
    return None if metrics is None else metrics[0]


def execute_unit(
    unit: Unit,
    *,
    device: torch.device | str = "cpu",
    checkpoint: Checkpoint | None = None,
    stop: Callable[[], bool] = never,
    every: float = CHECKPOINT_SECONDS,
    report: Report = lambda iteration: None,
) -> list[dict] | None:
    """Score, prune and train the runs of a unit as one computation; the metrics of each.

    checkpoint: where to go on from, and what to save to, every so many seconds and when `stop()` is True; then None is
    returned. `stop` is asked before every batch. On a CPU the metrics are the same to the bit, resumed or not, but for
    the seconds. Raises RunError when the device has too little memory, OSError when a checkpoint cannot be written.
    """
    with threads(unit.runs[0].threads), _memory_of(device, unit):
        job = Job(unit, device, checkpoint.load() if checkpoint else None)
        while not job.trainer.finished:
            job.trainer.run(stop=_Pause(job, stop, every, report))
            if checkpoint and not job.trainer.finished:
                checkpoint.save(job.state())
            if stop() and not job.trainer.finished:
                return None
        return job.metrics()


def record(run: Run, experiment: str, **options: object) -> str:
    """Execute a run under a claim and record it, resuming from its checkpoint; see `record_unit`."""
    return record_unit(Unit((run,)), experiment, **options)


def record_unit(
    unit: Unit,
    experiment: str,
    *,
    profile: str,
    records: Path | None = None,
    device: torch.device | str = "cpu",
    **options: object,
) -> str:
    """Execute a unit under a claim of each of its runs and record them at once, resuming from its checkpoint.

    options: `stop`, `every` and `report` of `execute_unit`. Returns "recorded", "there" when a run of it was already,
    "claimed" when another process is at one, or "stopped". Raises RunError, RecordError, and FileNotFoundError when
    there is no data.
    """
    where = Path(records or results.folder())
    checkpoint, origin = Checkpoint(where, unit, device), provenance.of(device, together=len(unit.runs))
    dataset_of(unit.runs[0], device)  # when it cannot be had, that is no matter of the folder of records
    with recording.writable(where), claim(where, unit.runs) as mine:
        if not mine:
            return "claimed"
        if {run.name for run in unit.runs} & recorded_names(experiment, profile=profile, records=where):
            return "there"
        metrics = execute_unit(unit, device=device, checkpoint=checkpoint, **options)
        if metrics is None:
            return "stopped"
        pairs = zip(unit.runs, metrics, strict=True)
        made = [results.make(run, each, profile=profile, origin=origin, records=where) for run, each in pairs]
        recording.append_all(made, experiment, records=where)
        checkpoint.remove()
        return "recorded"


def recorded_names(experiment: str, *, profile: str, records: Path | None = None) -> set[str]:
    """The names of the runs of which a sound record by today's method is there."""
    found = results.read(experiment, records=records)[0]
    return {one["name"] for one in found if (one["method"], one["profile"]) == (METHOD, profile)}


def describe(run: Run) -> str:
    """A run in words, for messages: what is not as always is said."""
    what = "dense" if run.sparsity == 0 else f"{run.criterion} {100 * run.sparsity:g} %"
    usual = {f.name: f.default for f in dataclasses.fields(Run)}
    told = [f", {name.replace('_', ' ')} {getattr(run, name)}" for name in TOLD if getattr(run, name) != usual[name]]
    return f"{run.network} on {run.data}, {what}{''.join(told)}, seed {run.seed}"


def describe_unit(unit: Unit) -> str:
    """A unit in words: its first run, and how many more."""
    more = f" and {len(unit.runs) - 1} more trained together" if len(unit.runs) > 1 else ""
    return describe(unit.runs[0]) + more


class _Pause:
    """Asked before every batch: True when it is time to save or to stop; reports the iteration now and then.

    It is time to save only after a step, so that an evaluation, which starts again when it is cut short, gets done.
    """

    def __init__(self, job: Job, stop: Callable[[], bool], every: float, report: Report):
        self.job, self.stop, self.report = job, stop, report
        self.due = time.monotonic() + every
        self.began, self.told = job.trainer.iteration, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now - self.told >= REPORT_SECONDS:
            self.told = now
            self.report(self.job.trainer.iteration)
        return (now >= self.due and self.job.trainer.iteration > self.began) or self.stop()


@contextlib.contextmanager
def _memory_of(device: torch.device | str, unit: Unit) -> Iterator[None]:
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(
            f"{describe_unit(unit)} does not fit into the memory of {device}: run fewer at a time (--workers 1, "
            "--together 1), or on a device with more"
        ) from error


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """So many of torch's threads within, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
