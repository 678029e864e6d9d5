"""Executing a run: data, scores, masks, weights, training, and going on from a checkpoint."""

import contextlib
import time
from collections.abc import Callable, Iterator

import torch

from snip_lib.runner.checkpoints import Checkpoint
from snip_lib.runner.job import Job
from snip_lib.runner.units import Unit, describe_unit
from snip_lib.studies.run import Run

Report = Callable[[int], None]  # told the iteration that training has reached, now and then
REPORT_SECONDS = 0.5
CHECKPOINT_SECONDS = 60.0


class RunError(Exception):
    """A run could not be run on this device; the message says what to do. Nothing is recorded of it."""


def never() -> bool:
    """A run that nothing stops."""
    return False


def execute(run: Run, **options: object) -> dict | None:
    """Score, prune and train one run (Algorithm 1); its metrics, errors as shares in [0, 1]. Else as `execute_unit`.

    >>> from snip_lib.training.recipes import RECIPES
    >>> execute(Run("digits", "lenet-300-100", 0.9, RECIPES["paper-mnist"].shortened(20), 0))["kept"]
    26661
    """
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
    began: Callable[[Job], object] = lambda job: None,
) -> list[dict] | None:
    """Score, prune and train the runs of a unit as one computation; the metrics of each.

    checkpoint: where to go on from, and what to save to, every so many seconds and when `stop()` is True; then None is
    returned. `stop` is asked before every batch. On a CPU the metrics are the same to the bit, resumed or not, but for
    the seconds. began: is told of the job, once it is in memory. Raises RunError when the device has too little memory,
    OSError when a checkpoint cannot be written.
    """
    with threads(unit.runs[0].threads), _memory_of(device, unit):
        job = Job(unit, device, checkpoint.load() if checkpoint else None)
        began(job)
        while not job.finished:
            job.trainer.run(stop=_Pause(job, stop, every, report))
            if job.trainer.finished and not job.finished:
                job.go_on()
            if checkpoint and not job.finished:
                checkpoint.save(job.state())
            if stop() and not job.finished:
                return None
        return job.metrics()


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
            self.report(self.job.iteration)
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
