"""Runs that are trained together: one batched computation, one claim and one checkpoint, recorded at once."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from snip_lib import models
from snip_lib.studies.run import Run
from snip_lib.training.batched import can_batch

# What runs of one unit have in common.
SHARED = ("data", "split_seed", "network", "recipe", "dtype", "layout", "threads")
# What is said of a run in words, where it is unusual.
TOLD = ("init", "score_init", "redraw", "batch_norm", "pruning_batch", "labels", "dtype", "layout")
TOLD += ("control", "pretrain", "biases", "validation", "repair", "pruning_label")


@dataclass(frozen=True)
class Unit:
    """One run, or several that differ in seed, sparsity, criterion or initialization and are trained as one."""

    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        """The run's name; of several FIRST-NUMBER-HASH: the first one's, how many, and a hash of all."""
        first = self.runs[0].name
        if len(self.runs) == 1:
            return first
        digest = hashlib.sha256(" ".join(run.name for run in self.runs).encode()).hexdigest()[:16]
        return f"{first}-{len(self.runs)}-{digest}"


def units(runs: Sequence[Run], together: int = 1) -> list[Unit]:
    """The runs in units of at most `together`, in the order of their first ones; what cannot be batched stays alone."""
    if together == 1:
        return [Unit((run,)) for run in runs]
    groups: dict[object, list[Run]] = {}
    for run in runs:
        alone = not batches(run)
        groups.setdefault(run if alone else tuple(getattr(run, name) for name in SHARED), []).append(run)
    found = [Unit(tuple(group[i : i + together])) for group in groups.values() for i in range(0, len(group), together)]
    places = {run: place for place, run in enumerate(runs)}
    return sorted(found, key=lambda unit: places[unit.runs[0]])


def batches(run: Run) -> bool:
    """Whether the run can be trained together with others of its network, recipe and examples."""
    if run.labels != "true" or run.pretrain or run.biases != "pruned" or run.validation != "spared":
        return False
    with torch.device("meta"):
        network = models.named(run.network)(models.INPUT_SHAPES[run.network], 10)
    return not run.recipe.augment and can_batch(network)


def describe(run: Run) -> str:
    """A run in words, for messages: what is not as always is said.

    >>> from snip_lib.training.recipes import RECIPES
    >>> describe(Run("digits", "lenet-300-100", 0.9, RECIPES["paper-mnist"], 0, pruning_batch=10))
    'lenet-300-100 on digits, snip 90 %, pruning batch 10, seed 0'
    """
    what = "dense" if run.sparsity == 0 else f"{run.criterion} {100 * run.sparsity:g} %"
    usual = {f.name: f.default for f in dataclasses.fields(Run)}
    told = [f", {name.replace('_', ' ')} {getattr(run, name)}" for name in TOLD if getattr(run, name) != usual[name]]
    return f"{run.network} on {run.data}, {what}{''.join(told)}, seed {run.seed}"


def describe_unit(unit: Unit) -> str:
    """A unit in words: its first run, and how many more."""
    more = f" and {len(unit.runs) - 1} more trained together" if len(unit.runs) > 1 else ""
    return describe(unit.runs[0]) + more
