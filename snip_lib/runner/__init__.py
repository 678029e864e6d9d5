"""How runs are made: executed (Algorithm 1), stopped and gone on with, recorded, many of them side by side."""

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
