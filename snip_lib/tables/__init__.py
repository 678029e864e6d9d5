"""What records come to: means and spreads, the paper's number beside ours, what is missing, verdicts."""

from snip_lib.tables.summary import by_row, shown, status, summarise, table
from snip_lib.tables.verdicts import Sample, on_change, on_difference, on_error, tolerance, verdict, welch

__all__ = [
    "Sample",
    "by_row",
    "on_change",
    "on_difference",
    "on_error",
    "shown",
    "status",
    "summarise",
    "table",
    "tolerance",
    "verdict",
    "welch",
]
