"""SNIP, the library: prune a network once, before training (Lee, Ajanthan, Torr, ICLR 2019).

model = sl.models.build("lenet-300-100", generator=0)
masks = sl.snip(model, x, y, sparsity=0.95)
masks.apply_(model)
with masks.hold(model, optimizer):
    ...                                  # train as always: pruned weights stay exactly 0
"""

import importlib

from snip_lib import data, init, models, pruning, scoring, seeds
from snip_lib.pruning import LayerCollapseWarning, Masks, ZeroScoreWarning, keep_count, keep_top, prune, snip
from snip_lib.scoring import criteria
from snip_lib.scoring.sensitivity import connection_gradient, connection_sensitivity, prunable_parameters
from snip_lib.training import RECIPES, Execution, Recipe, Trainer, error_rate, train

__version__ = "0.1.0"

__all__ = [
    "RECIPES",
    "Execution",
    "LayerCollapseWarning",
    "Masks",
    "Recipe",
    "Trainer",
    "ZeroScoreWarning",
    "batched",
    "checks",
    "connection_gradient",
    "connection_sensitivity",
    "criteria",
    "data",
    "error_rate",
    "figures",
    "init",
    "interact",
    "keep_count",
    "keep_top",
    "models",
    "prunable_parameters",
    "prune",
    "pruning",
    "records",
    "runner",
    "scoring",
    "seeds",
    "snip",
    "studies",
    "tables",
    "train",
]

# Rooms that notebooks need, and a training script does not: imported when they are first used.
_LATER_ROOMS = {
    **{room: room for room in ("checks", "figures", "interact", "records", "runner", "studies", "tables")},
    "batched": "training.batched",
}


def __getattr__(name: str):
    """Import a later room when it is first used."""
    if name in _LATER_ROOMS:
        return importlib.import_module(f"snip_lib.{_LATER_ROOMS[name]}")
    raise AttributeError(f"module 'snip_lib' has no attribute {name!r}")
