"""Tiny-ImageNet: the five networks of the paper's appendix on larger pictures and 200 classes.

The first convolution's stride is doubled, as in the authors' code. The appendix's own errors are not shown: the table
could not be read, only recalled. It says nothing of a recipe here, so CIFAR-10's is taken, at lengths of ours.

laptop  the half that has 250 training images a class, by our triangle of the rate. It is a set of its own,
        `tiny-imagenet-half`, and no number of it stands beside one of the whole.
fast    the whole, by our recipe for a GPU, 40 epochs.
paper   the whole, by the paper's recipe for CIFAR-10.
smoke   the made-up pictures that ship.
"""

from dataclasses import replace

from snip_lib.studies.paper import recipe_of, run_of
from snip_lib.studies.run import Experiment, Row, Run

DATA = {
    "smoke": "tiny-imagenet-sample",
    "laptop": "tiny-imagenet-half",
    "fast": "tiny-imagenet",
    "paper": "tiny-imagenet",
}
SPARSITIES = {"alexnet-s": 0.9, "alexnet-b": 0.9, "vgg-c": 0.95, "vgg-d": 0.95, "vgg-like": 0.95}  # the appendix's
# Iterations: on a CPU about 30 epochs of AlexNet and 12 of VGG (351 of 128 images each), an hour of one core; on a GPU
# 40 epochs (176 of 512 images each) where CIFAR-10 takes half as many iterations for as many.
LENGTHS = {
    "laptop": {"alexnet-s": 10_500, "alexnet-b": 10_500, "vgg-c": 4_200, "vgg-d": 4_200, "vgg-like": 4_200},
    "fast": dict.fromkeys(SPARSITIES, 7_000),
}


def _tiny(profile: str) -> list[Row]:
    rows = []
    for network, sparsity in SPARSITIES.items():
        dense = {"network": network, "sparsity": 0.0}
        rows.append(Row(dense, _run(profile, network, 0)))
        key = {"network": network, "sparsity": sparsity}
        rows.append(Row(key, _run(profile, network, sparsity), dense=dense))
    return rows


def _run(profile: str, network: str, sparsity: float) -> Run:
    recipe = recipe_of(profile, network)
    recipe = recipe.shortened(LENGTHS.get(profile, {}).get(network, recipe.iterations))
    return replace(run_of(profile, network, sparsity, recipe=recipe), data=DATA[profile])


EXPERIMENTS = (
    Experiment(
        "tiny",
        "Tiny-ImageNet: the five networks of the paper's appendix (laptop: on half of the training images)",
        _tiny,
        {"smoke": 1, "laptop": 1, "fast": 3, "paper": 3},
    ),
)
