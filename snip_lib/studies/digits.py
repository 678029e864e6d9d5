"""Algorithm 1 on the digits that ship with the book."""

from snip_lib.studies.run import Experiment, Row, Run
from snip_lib.training import RECIPES


def _digits(profile: str) -> list[Row]:
    iterations = 40 if profile == "smoke" else 3_000
    recipe = RECIPES["paper-mnist"].shortened(iterations)
    dense = {"criterion": "dense", "sparsity": 0}
    rows = [Row(dense, Run("digits", "lenet-300-100", 0, recipe, 0))]
    for criterion in ("snip", "magnitude", "random"):
        for sparsity in (0.5, 0.8, 0.9, 0.95, 0.98):
            run = Run("digits", "lenet-300-100", sparsity, recipe, 0, criterion=criterion)
            rows.append(Row({"criterion": criterion, "sparsity": sparsity}, run, dense=dense))
    return rows


EXPERIMENTS = (
    Experiment(
        "digits",
        "Algorithm 1 on the digits that ship: four criteria at five sparsities",
        _digits,
        {"smoke": 1, "laptop": 3},
    ),
)
