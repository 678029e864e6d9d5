"""Masks: which connections are kept (Equation 7), by which schedule and quota, held through training, counted, saved.

The method on one page, Equations 3 to 7 and Algorithm 1, is `snip_lib/pruning/snip.py`.
"""

from snip_lib.pruning.compact import compact
from snip_lib.pruning.keep import LayerCollapseWarning, ZeroScoreWarning, keep_count, keep_top
from snip_lib.pruning.masks import Masks
from snip_lib.pruning.multiplications import multiplications
from snip_lib.pruning.schedules import prune
from snip_lib.pruning.snip import snip

__all__ = [
    "LayerCollapseWarning",
    "Masks",
    "ZeroScoreWarning",
    "compact",
    "keep_count",
    "keep_top",
    "multiplications",
    "prune",
    "snip",
]
