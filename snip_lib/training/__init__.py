"""Training (section 5 of the paper): recipes, how steps are computed, the loop, and evaluation."""

from torch import nn

from snip_lib.data import DataSet
from snip_lib.pruning.masks import Masks
from snip_lib.training.evaluation import Result, error_rate
from snip_lib.training.execution import Execution
from snip_lib.training.recipes import RECIPES, Recipe
from snip_lib.training.trainer import Trainer

__all__ = ["RECIPES", "Execution", "Recipe", "Result", "Trainer", "error_rate", "train"]


def train(
    model: nn.Module,
    data: DataSet,
    recipe: Recipe,
    *,
    seed: int,
    masks: Masks | None = None,
    execution: Execution | None = None,
    progress: bool = False,
) -> Result:
    """Train `model` in place by `recipe`, holding `masks`; returns what was measured (Algorithm 1, lines 6 and 7)."""
    return Trainer(model, data, recipe, seed=seed, masks=masks, execution=execution).run(progress=progress)
