"""What records come to: means and spreads, the paper's number beside ours, what is missing, verdicts."""

from snip_lib.tables.gap import NOT_YET, Gap, tally
from snip_lib.tables.held import commands, counted, held
from snip_lib.tables.losses import losses
from snip_lib.tables.overall import Overall, overall
from snip_lib.tables.summary import by_row, shown, status, summarise, table
from snip_lib.tables.verdicts import Sample, on_change, on_difference, on_error, tolerance, verdict, welch
from snip_lib.tables.words import cell, compact, conventions, errors, mean, rest

__all__ = [
    "NOT_YET",
    "Gap",
    "Overall",
    "Sample",
    "by_row",
    "cell",
    "commands",
    "compact",
    "conventions",
    "counted",
    "errors",
    "held",
    "losses",
    "mean",
    "on_change",
    "on_difference",
    "on_error",
    "overall",
    "rest",
    "shown",
    "status",
    "summarise",
    "table",
    "tally",
    "tolerance",
    "verdict",
    "welch",
]
