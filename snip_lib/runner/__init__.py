"""How runs are made: executed (Algorithm 1), stopped and gone on with, recorded, many of them side by side.

The way of a run, file by file: `commands/line.py` finds in `studies/` which runs are meant, and hands them to
`commands/sweep.py`; `engine.py` takes one that is missing, `recording.py` claims it, `executing.py` drives a `job.py`,
whose masks `masking.py` has made by `pruning/` and `scoring/`, and whose steps are those of `training/trainer.py`. What
was measured comes back to `recording.py`, which hands it to `records/folder.py`.
"""

from snip_lib.runner.executing import CHECKPOINT_SECONDS, RunError, execute, execute_unit, never, threads
from snip_lib.runner.recording import record, record_unit
from snip_lib.runner.units import Unit, describe, describe_unit, units

__all__ = [
    "CHECKPOINT_SECONDS",
    "RunError",
    "Unit",
    "describe",
    "describe_unit",
    "execute",
    "execute_unit",
    "never",
    "record",
    "record_unit",
    "threads",
    "units",
]
