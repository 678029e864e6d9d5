"""Recording a run: under a claim, so that no other process runs it too, and from its checkpoint where there is one."""

import torch

from snip_lib.records import Records, content, provenance, writing
from snip_lib.runner.checkpoints import Checkpoint, claim
from snip_lib.runner.executing import execute_unit
from snip_lib.runner.job import dataset_of
from snip_lib.runner.units import Unit
from snip_lib.studies.run import Run


def record(run: Run, experiment: str, **options: object) -> str:
    """Execute a run under a claim and record it, resuming from its checkpoint; see `record_unit`."""
    return record_unit(Unit((run,)), experiment, **options)


def record_unit(
    unit: Unit,
    experiment: str,
    *,
    profile: str,
    records: Records | None = None,
    device: torch.device | str = "cpu",
    **options: object,
) -> str:
    """Execute a unit under a claim of each of its runs and record them at once, resuming from its checkpoint.

    records: where to; the book's own unless others are given. options: `stop`, `every` and `report` of `execute_unit`.
    Returns "recorded", "there" when a run of it was already, "claimed" when another process is at one, or "stopped".
    Raises RunError, RecordError, FileNotFoundError when there is no data, and ValueError for a profile that is none.
    """
    records = records or Records()
    content.check_profile(profile)  # before the run and not after it
    checkpoint, origin = Checkpoint(records.folder, unit, device), provenance.of(device, together=len(unit.runs))
    options["began"] = lambda job: origin.update(computed=job.trainer.execution.computed)
    dataset_of(unit.runs[0], device)  # when it cannot be had, that is no matter of the folder of records
    with writing.writable(records.folder), claim(records.folder, unit.runs) as mine:
        if not mine:
            return "claimed"
        if {run.name for run in unit.runs} & records.names(experiment, profile):
            return "there"
        metrics = execute_unit(unit, device=device, checkpoint=checkpoint, **options)
        if metrics is None:
            return "stopped"
        pairs = zip(unit.runs, metrics, strict=True)
        records.append(experiment, [records.make(run, each, profile=profile, origin=origin) for run, each in pairs])
        checkpoint.remove()
        return "recorded"
