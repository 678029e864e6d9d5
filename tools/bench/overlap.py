"""How much of a mask two pruning batches agree on, with ten classes and with two hundred, on the real pictures.

Nothing here is timed. A row is one draw of weights and of two batches that share no example. None without the full
CIFAR-10 and the half of Tiny-ImageNet.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

import snip_lib as sl
from snip_lib.data import DataSet
from snip_lib.seeds import shuffled
from snip_lib.studies.tiny import SPARSITIES
from tools.bench.clock import Row

SETS, SAMPLES = ("cifar10", "tiny-imagenet-half"), ("cifar10-sample", "tiny-imagenet-sample")
DRAWS = {"alexnet-s": 5, "vgg-like": 3}
PART = 100  # examples scored at a time, so that memory does not grow


@dataclass(frozen=True)
class Pool:
    """Where batches come from: x, y of these examples, labels below `classes`; even: batches hold each class alike."""

    name: str
    data: DataSet
    chosen: Tensor
    labels: Tensor
    classes: int
    even: bool = False

    def batch(self, draw: int, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Examples `first` to `last` of the order of a draw."""
        order = shuffled(len(self.chosen), draw, "overlap")
        if self.even:  # first one of each class, then a second of each …
            labels = self.labels[order]
            turn = sum((labels == k).cumsum(0) * (labels == k) for k in range(self.classes))
            order = order[turn.argsort(stable=True)]
        order = order[first:last]
        return self.data.standardise(self.data.train_x[self.chosen[order]]), self.labels[order]


def overlap(repeats: int, small: bool) -> list[Row]:
    """Jaccard index of two batches' masks, beside what their numbers kept of each layer give by chance."""
    sets = SAMPLES if small else SETS
    if not all(map(sl.data.available, sets)):
        return []
    ten, many = (sl.data.load(name, download=False) for name in sets)
    rows = []
    for network, draws in {"alexnet-s": 1}.items() if small else DRAWS.items():
        for draw in range(draws):
            for pool in _pools(ten, many, draw):
                rows += [_row(network, pool, size, draw) for size in _sizes(pool, network, small)]
            rows += _by_number(network, _pools(ten, many, draw)[-2], draw, small)
    return rows


def _pools(ten: DataSet, many: DataSet, draw: int) -> list[Pool]:
    """CIFAR-10; ten classes of the larger set; all of them under ten names; all; and all in even batches."""
    y, everything = many.train_y, torch.arange(len(many.train_y))
    some = shuffled(many.classes, draw, "classes")[:10]
    of_ten = torch.isin(y, some).nonzero().flatten()
    renamed = (y[of_ten, None] == some).int().argmax(1)
    return [
        Pool(f"{ten.name}, {ten.classes} classes", ten, torch.arange(len(ten.train_y)), ten.train_y, ten.classes),
        Pool(f"{many.name}, 10 of its classes", many, of_ten, renamed, 10),
        Pool(f"{many.name}, all classes under 10 names", many, everything, y % 10, 10),
        Pool(f"{many.name}, {many.classes} classes", many, everything, y, many.classes),
        Pool(f"{many.name}, {many.classes} classes, even batches", many, everything, y, many.classes, even=True),
    ]


def _sizes(pool: Pool, network: str, small: bool) -> tuple[int, ...]:
    if small:
        return (20,)
    sizes = (128, 200, 1_000) if network == "alexnet-s" else (128, 200)
    return sizes[1:] if pool.even else sizes


def _scores(network: str, pool: Pool, draw: int, first: int, last: int) -> tuple[sl.Masks, dict[str, Tensor], Tensor]:
    """The mask and scores of a batch, on weights of that draw, and the batch's labels."""
    made = {"input_shape": pool.data.input_shape, "classes": pool.classes}
    model = sl.models.build(network, generator=draw, **made)
    x, y = pool.batch(draw, first, last)
    scores = sl.connection_sensitivity(model, list(zip(x.split(PART), y.split(PART), strict=True)))
    return sl.keep_top(scores, sparsity=SPARSITIES[network]), scores, y


def _row(network: str, pool: Pool, size: int, draw: int) -> Row:
    one, other = (_scores(network, pool, draw, *ends)[0] for ends in ((0, size), (size, 2 * size)))
    what = f"masks of {network}, {SPARSITIES[network]:.0%}, two batches of {size}, {pool.name}, draw {draw}"
    ours, chance = one.jaccard(other), one.jaccard_by_chance(other)
    return Row("overlap", what, "their numbers per layer alone", ours, chance, "", ours / chance)


def _by_number(network: str, pool: Pool, draw: int, small: bool) -> Iterator[Row]:
    """The last layer's scores of a class by how many of it a batch holds, beside |1/K - n/B|; both over their mean."""
    size = 30 if small else 128  # no class of 20 is held just as often as it should be
    _, scores, y = _scores(network, pool, draw, 0, size)
    held = torch.bincount(y, minlength=pool.classes)
    found = scores["fc3.weight" if "fc3.weight" in scores else "fc2.weight"].sum(1)
    expected = (1 / pool.classes - held / size).abs()
    for number in held.unique().tolist():
        its = held == number
        ours, other = (each[its].mean().item() / each.mean().item() for each in (found, expected))
        what = f"last layer of {network}, batch of {size}, {int(its.sum())} classes that it holds {number} times"
        yield Row("overlap", f"{what}, draw {draw}", "|1/K - n/B|", ours, other, "", ours / other if other else 0.0)
