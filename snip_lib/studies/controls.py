"""Which connections, or only how many of each layer: SNIP against controls; and why ours may be worse than the paper.

Rows of one seed differ in the mask alone: weights, order of the batches and examples are the same, so that differences
are taken seed by seed.
"""

from collections.abc import Callable
from dataclasses import replace

from snip_lib.studies.paper import LENETS, figure4_recipe, paper_table, recipe_of, run_of
from snip_lib.studies.run import Experiment, Row, Run

# What the row is called -> the fields in which its run differs. Magnitude looks at the weights that are trained, as
# "own weights" does; all others score another draw, as the authors' code does.
MASKS = {
    "snip": {},
    "own weights": {"redraw": False},
    "redrawn": {"control": "redrawn"},
    "shuffled": {"control": "shuffled"},
    "inverted": {"control": "inverted"},
    "magnitude": {"criterion": "magnitude", "redraw": False},
    "random": {"criterion": "random"},
}
# Of another criterion only the numbers per layer, at random places; where none of them is 0, else nothing passes at all
# (SynFlow and magnitude, in one round, leave the first layer empty beyond these).
SHUFFLED = {"grasp": (0.9, 0.95, 0.98, 0.99), "magnitude": (0.9, 0.95), "synflow": (0.9,)}
SPARSITIES = {"lenet-300-100": (0.9, 0.95, 0.98, 0.99, 0.995), "lenet-5-caffe": (0.9, 0.98, 0.99), "resnet-20": (0.95,)}
LAPTOP_RESNET = 1_404  # iterations: four epochs of 351, which two cores repeat for eighteen runs
MEMORISED = {  # masks of Figure 4's controls
    "snip": {},
    "shuffled": {"control": "shuffled"},
    "magnitude in SNIP's layers": {"control": "magnitude"},
    "random": {"criterion": "random"},
}


def _controls(network: str) -> Callable[[str], list[Row]]:
    def rows(profile: str) -> list[Row]:
        options = {}
        if profile == "laptop" and network == "resnet-20":
            options["recipe"] = recipe_of(profile, network).shortened(LAPTOP_RESNET)
        dense = {"network": network, "sparsity": 0.0, "mask": "dense"}
        found = [Row(dense, run_of(profile, network, 0, **options))]
        for sparsity in SPARSITIES[network]:
            for mask, fields in MASKS.items():
                if network == "resnet-20" and mask in ("own weights", "redrawn"):
                    continue  # a run takes minutes, and the LeNets tell
                key = {"network": network, "sparsity": sparsity, "mask": mask}
                found.append(Row(key, run_of(profile, network, sparsity, **options, **fields), dense=dense))
            if network == "lenet-300-100":
                found += [
                    Row(*_numbers_of(profile, other, sparsity), dense=dense)
                    for other in SHUFFLED
                    if sparsity in SHUFFLED[other]
                ]
        return found

    return rows


def _numbers_of(profile: str, criterion: str, sparsity: float) -> tuple[dict, Run]:
    """Key and run of LeNet-300-100 with as many connections a layer as the criterion keeps, at random places."""
    fields = {"criterion": criterion, "redraw": criterion != "magnitude", "control": "shuffled"}
    key = {"network": LENETS[0], "sparsity": sparsity, "mask": f"shuffled {criterion}"}
    return key, run_of(profile, LENETS[0], sparsity, **fields)


def _explain(profile: str) -> list[Row]:
    table, found = paper_table("table1"), []
    papers = {row[2] / 100: row[3] for row in table["rows"] if row[0] == "SNIP"}
    recipe = recipe_of(profile, LENETS[0])
    changes = {
        "none": {},
        "weights that are scored are trained": {"redraw": False},
        "biases kept": {"biases": "kept"},
        "validation examples trained on": {"validation": "trained"},
        "rate divided by 5, not by 10": {"recipe": replace(recipe, decay=0.2)},
        "no weight decay": {"recipe": replace(recipe, weight_decay=0.0)},
        "three times as long": {"recipe": recipe.shortened(3 * recipe.iterations)},
    }
    for sparsity, paper in papers.items():
        for change, fields in changes.items():
            key = {"network": LENETS[0], "sparsity": sparsity, "changed": change}
            found.append(Row(key, run_of(profile, LENETS[0], sparsity, **fields), paper))
    return found


def _memorised(profile: str) -> list[Row]:
    recipe, found = replace(figure4_recipe(profile), weight_decay=0.0), []
    for labels in ("random", "true"):
        for mask, fields in MEMORISED.items():
            run = run_of(profile, LENETS[1], 0.99, recipe=recipe, labels=labels, **fields)
            found.append(Row({"labels": labels, "sparsity": 0.99, "mask": mask}, run))
    return found


EXPERIMENTS = (
    Experiment(
        "controls",
        "SNIP against its own mask shuffled, inverted and redrawn, and others' numbers per layer, LeNet-300-100",
        _controls("lenet-300-100"),
        {"smoke": 1, "laptop": 5},
    ),
    Experiment(
        "explain",
        "Why LeNet-300-100 at 95 and 98 % may be worse than in the paper",
        _explain,
        {"smoke": 1, "laptop": 5},
    ),
    Experiment(
        "controls-lenet5",
        "The controls on LeNet-5-Caffe",
        _controls("lenet-5-caffe"),
        {"smoke": 1, "laptop": 3},
    ),
    Experiment(
        "controls-resnet20",
        "The controls on ResNet-20, CIFAR-10",
        _controls("resnet-20"),
        {"smoke": 1, "laptop": 3},
    ),
    Experiment(
        "figure4-masks",
        "Figure 4 with other masks of as many connections",
        _memorised,
        {"smoke": 1, "laptop": 3},
    ),
)
