"""A mask made from one class, trained on all: what does a network lose that was pruned by zeros alone, and by what?

Rows of one seed differ in the mask alone, so that differences are taken seed by seed. On the digits that ship the first
layer of each mask is also dealt anew: to other inputs, which breaks the picture of Figure 2, and to other units, which
keeps the picture and breaks all else. On MNIST ordinary and shuffled masks are runs of Figure 1 and of the controls.
"""

from snip_lib.studies.paper import LENETS, run_of
from snip_lib.studies.run import Experiment, Row, Run
from snip_lib.training import RECIPES

CLASSES = 10
SHIPPED = "digits"
DIGITS_ITERATIONS = 3_000  # as in the study of the digits
SPARSITIES = {SHIPPED: (0.98, 0.9), "mnist": (0.98,)}  # where a mask matters most stands first, and is recorded first
DEALT = {"own": {}, "other inputs": {"control": "other-inputs"}, "other units": {"control": "other-units"}}


def _one_class(profile: str) -> list[Row]:
    sets = [SHIPPED] if profile == "smoke" else list(SPARSITIES)
    return [row for data in sets for row in _rows(profile, data)]


def _rows(profile: str, data: str) -> list[Row]:
    dense = {"data": data, "sparsity": 0.0, "scored": "nothing", "first layer": "own"}
    rows = [Row(dense, _run(profile, data, 0))]
    dealt = DEALT if data == SHIPPED else {"own": {}}
    for sparsity in SPARSITIES[data]:
        masks = {("all classes", place): fields for place, fields in dealt.items()}
        masks["all classes", "all layers shuffled"] = {"control": "shuffled"}
        for label in range(CLASSES):
            masks |= {(str(label), place): {"pruning_label": label, **fields} for place, fields in dealt.items()}
        for (scored, place), fields in masks.items():
            key = {"data": data, "sparsity": sparsity, "scored": scored, "first layer": place}
            rows.append(Row(key, _run(profile, data, sparsity, **fields), dense=dense))
    return rows


def _run(profile: str, data: str, sparsity: float, **fields: object) -> Run:
    if data == SHIPPED and profile != "smoke":
        recipe = RECIPES["paper-mnist"].shortened(DIGITS_ITERATIONS)
        return Run(data, LENETS[0], sparsity, recipe, 0, **fields)
    return run_of(profile, LENETS[0], sparsity, **fields)


EXPERIMENTS = (
    Experiment(
        "one-class",
        "LeNet-300-100 pruned by a hundred examples of one class, trained on all ten",
        _one_class,
        {"smoke": 1, "laptop": 3},
    ),
)
