"""Training (section 5 of the paper): recipes, how steps are computed, the loop, and evaluation."""

from typing import TYPE_CHECKING

from snip_lib.training.recipes import RECIPES, Recipe
from snip_lib.words import lazily

if TYPE_CHECKING:  # imported when first used: recipes are read without torch
    from snip_lib.training.evaluation import Result, error_rate
    from snip_lib.training.execution import Execution
    from snip_lib.training.trainer import Trainer, train

__all__ = ["RECIPES", "Execution", "Recipe", "Result", "Trainer", "error_rate", "train"]

_NAMES = {
    **dict.fromkeys(("Result", "error_rate"), "evaluation"),
    "Execution": "execution",
    **dict.fromkeys(("Trainer", "train"), "trainer"),
}
__getattr__, __dir__ = lazily(__name__, _NAMES)
