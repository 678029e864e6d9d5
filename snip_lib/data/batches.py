"""Which examples make up a mini-batch: the pruning batch, and the endless stream of training batches."""

import functools

import torch
from torch import Tensor

from snip_lib.data.dataset import DataSet
from snip_lib.seeds import shuffled


def batch_indices(
    n: int, batch_size: int, iteration: int, *, seed: int | tuple[int, ...], device: torch.device | str = "cpu"
) -> Tensor:
    """Indices (batch_size,) of one mini-batch, a pure function of seed and iteration; (seeds, batch_size) for several.

    The examples come in one endless stream of fresh permutations, cut into full batches, so that batches of 128 run on
    over the end of an epoch of 45,000 as in the authors' code. Drawn on the CPU, an epoch of them kept on `device`.

    >>> sorted(torch.cat([batch_indices(6, 4, i, seed=0) for i in range(3)]).tolist())
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    """
    positions = range(iteration * batch_size, (iteration + 1) * batch_size)
    parts = []
    for epoch in range(positions[0] // n, positions[-1] // n + 1):
        first, last = max(positions[0], epoch * n), min(positions[-1], (epoch + 1) * n - 1)
        parts.append(_order(n, seed, epoch, str(device))[..., first - epoch * n : last - epoch * n + 1])
    return torch.cat(parts, -1)


def pruning_batch(data: DataSet, size: int, *, seed: int, label: int | None = None) -> tuple[Tensor, Tensor]:
    """The mini-batch D^b of Algorithm 1, line 2: `size` training examples without augmentation, (x, y), standardised.

    label: the class that all of them are to have, as in the paper's Figure 2; None for a batch of any. Raises
    ValueError for a size that the training set, or the class, does not have.

    >>> from snip_lib.data.dataset import load
    >>> x, y = pruning_batch(load("digits"), 100, seed=0)
    >>> x.shape, y.shape
    (torch.Size([100, 1, 28, 28]), torch.Size([100]))
    >>> pruning_batch(load("digits"), 100, seed=0, label=3)[1].unique()
    tensor([3])
    """
    order = shuffled(len(data.train_x), seed, "pruning batch").to(data.train_x.device)
    if label is not None:
        order = order[data.train_y[order] == label]
    if not 1 <= size <= len(order):
        whose = "the training set" if label is None else f"class {label} of the training set"
        raise ValueError(f"a pruning batch of {size} examples: {whose} has {len(order)}")
    chosen = order[:size]
    return data.standardise(data.train_x[chosen]), data.train_y[chosen]


@functools.lru_cache(maxsize=8)
def _order(n: int, seed: int | tuple[int, ...], epoch: int, device: str) -> Tensor:
    if isinstance(seed, tuple):
        return torch.stack([shuffled(n, each, "order", epoch) for each in seed]).to(device)
    return shuffled(n, seed, "order", epoch).to(device)
