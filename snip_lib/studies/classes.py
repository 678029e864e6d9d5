"""A mask made from one class, trained on all: is the picture of Figure 2 what the network needs?

Rows of one seed differ in the mask alone, so that differences are taken seed by seed. Those of ordinary and of shuffled
masks are runs of Figure 1 and of the controls.
"""

from snip_lib.studies.paper import LENETS, run_of
from snip_lib.studies.run import Experiment, Row

SPARSITIES = (0.98, 0.9)  # where a mask matters most stands first, and is recorded first
CLASSES = 10


def _one_class(profile: str) -> list[Row]:
    dense = {"sparsity": 0.0, "scored": "nothing"}
    rows = [Row(dense, run_of(profile, LENETS[0], 0))]
    for sparsity in SPARSITIES:
        masks = {"all classes": {}, "all classes, shuffled": {"control": "shuffled"}}
        masks |= {str(label): {"pruning_label": label} for label in range(CLASSES)}
        for scored, fields in masks.items():
            key = {"sparsity": sparsity, "scored": scored}
            rows.append(Row(key, run_of(profile, LENETS[0], sparsity, **fields), dense=dense))
    return rows


EXPERIMENTS = (
    Experiment(
        "one-class",
        "LeNet-300-100 pruned by a hundred examples of one class, trained on all ten",
        _one_class,
        {"smoke": 1, "laptop": 3},
    ),
)
