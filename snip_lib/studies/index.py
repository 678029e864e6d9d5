"""All experiments by name; a new one is a file of its own with a tuple `EXPERIMENTS`, listed here."""

from snip_lib.studies import classes, controls, deep, digits, initialization, lenet5, lwc, paper, search, silent, tiny
from snip_lib.studies.run import Experiment
from snip_lib.words import nearest

ROOMS = (paper, tiny, controls, classes, lenet5, lwc, initialization, silent, deep, search, digits)
EXPERIMENTS = {one.name: one for room in ROOMS for one in room.EXPERIMENTS}


def named(name: str) -> Experiment:
    """The experiment of that name; ValueError with the nearest known one otherwise.

    >>> named("table1").title
    "Table 1: the LeNets at the paper's sparsities, MNIST"
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; known: {', '.join(EXPERIMENTS)}{nearest(name, EXPERIMENTS)}")
    return EXPERIMENTS[name]
