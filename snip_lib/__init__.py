"""SNIP, the library: prune a network once, before training (Lee, Ajanthan, Torr, ICLR 2019).

model = sl.models.build("lenet-300-100", generator=0)
masks = sl.snip(model, x, y, sparsity=0.95)
masks.apply_(model)
with masks.hold(model, optimizer):
    ...                                  # train as always: pruned weights stay exactly 0
"""

from typing import TYPE_CHECKING

from snip_lib.words import lazily

if TYPE_CHECKING:  # what follows is imported when it is first used; this tells an editor where it is from
    from snip_lib import (
        checks,
        data,
        figures,
        init,
        interact,
        models,
        pruning,
        records,
        runner,
        scoring,
        seeds,
        studies,
        tables,
    )
    from snip_lib.pruning import LayerCollapseWarning, Masks, ZeroScoreWarning, keep_count, keep_top, prune, snip
    from snip_lib.scoring import criteria
    from snip_lib.scoring.sensitivity import connection_gradient, connection_sensitivity, prunable_parameters
    from snip_lib.training import RECIPES, Execution, Recipe, Trainer, batched, error_rate, train

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

_NAMES = {
    **dict.fromkeys(("LayerCollapseWarning", "Masks", "ZeroScoreWarning", "keep_count", "keep_top"), "pruning"),
    **dict.fromkeys(("prune", "snip"), "pruning"),
    **dict.fromkeys(("connection_gradient", "connection_sensitivity", "prunable_parameters"), "scoring.sensitivity"),
    **dict.fromkeys(("RECIPES", "Execution", "Recipe", "Trainer", "error_rate", "train"), "training"),
}
_ROOMS = {
    **{room: room for room in ("checks", "data", "figures", "init", "interact", "models", "pruning", "records")},
    **{room: room for room in ("runner", "scoring", "seeds", "studies", "tables")},
    "criteria": "scoring.criteria",
    "batched": "training.batched",
}
__getattr__, __dir__ = lazily(__name__, _NAMES, _ROOMS)
