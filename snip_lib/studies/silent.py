"""The silent choices: what the paper does not state and implementations settle each in its own way, trained.

ResNet-20 at 95 %, because it has batch norm and two cores repeat its runs; of AlexNet-s, at Table 2's sparsity, the
two ways of batch norm alone. Rows of one seed see the same batches, and those that train other weights than they score
train the same ones.
"""

from functools import partial

from snip_lib.studies.controls import LAPTOP_RESNET
from snip_lib.studies.paper import recipe_of, run_of
from snip_lib.studies.run import Experiment, Row

CHOICES = {
    "the book's": {},
    "statistics of the batch": {"batch_norm": "batch"},
    "the weights that are trained": {"redraw": False},
    "both": {"batch_norm": "batch", "redraw": False},
    "ten batches": {"pruning_batch": 1_280},
    "ten batches, statistics of them": {"pruning_batch": 1_280, "batch_norm": "batch"},
}
TWO = {choice: CHOICES[choice] for choice in ("the book's", "statistics of the batch")}


def _silent(network: str, sparsity: float, choices: dict, profile: str) -> list[Row]:
    options, dense = {}, {"network": network, "sparsity": 0.0, "choice": "dense"}
    if profile == "laptop":
        options["recipe"] = recipe_of(profile, network).shortened(LAPTOP_RESNET)
    found = [Row(dense, run_of(profile, network, 0, **options))]
    for choice, fields in choices.items():
        if profile == "smoke" and "pruning_batch" in fields:
            fields = fields | {"pruning_batch": 16}  # of the few photographs that ship
        run = run_of(profile, network, sparsity, **options, **fields)
        found.append(Row({"network": network, "sparsity": sparsity, "choice": choice}, run, dense=dense))
    return found


EXPERIMENTS = (
    Experiment(
        "silent",
        "Choices of scoring that the paper leaves open, ResNet-20 at 95 %",
        partial(_silent, "resnet-20", 0.95, CHOICES),
        {"smoke": 1, "laptop": 3},
    ),
    Experiment(
        "silent-alexnet",
        "Batch norm while scoring, AlexNet-s at 90 %",
        partial(_silent, "alexnet-s", 0.9, TWO),
        {"smoke": 1, "laptop": 3},
    ),
)
