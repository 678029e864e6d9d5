"""The mean over mini-batches by which every criterion scores: each batch weighs as many examples as it holds."""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from snip_lib import given
from snip_lib.words import warn

Parts = Mapping[str, Tensor | None]  # None where there is nothing: 0, of whatever shape


def mean_over(
    batches: given.Batches, compute: Callable[[object, object], Parts], examples: given.Examples | None
) -> dict[str, Tensor | None]:
    """The mean over all examples of what `compute(x, y)` finds, by name, as a mean over the examples of one batch.

    One batch after another is forgotten, so that an iterable of any length will do. None stays where no batch gave
    anything. Raises ValueError without a batch, TypeError where several do not tell how many examples they hold.

    >>> two = [(torch.zeros(3), torch.zeros(3)), (torch.ones(1), torch.ones(1))]
    >>> mean_over(two, lambda x, y: {"mean": x.mean()}, None)
    {'mean': tensor(0.2500)}
    """
    total, seen = None, 0
    for x, y in batches:
        count = given.number_of_examples(x, y, examples)
        if total is not None and (seen is None or count is None):
            raise TypeError(
                f"how many examples a batch holds cannot be told from labels that are {given.described(y)}: "
                "pass examples=, a function (x, y) that returns the number"
            )
        found = compute(x, y)
        if total is None:
            total, seen = dict(found), count
            continue
        seen += count
        share = count / seen  # of this batch in all examples so far
        total = {name: _weighted(old, found[name], share) for name, old in total.items()}
    if total is None:
        raise ValueError("no batches: a criterion that looks at data needs at least one example")
    return total


def or_zero(parts: Parts, like: Mapping[str, Tensor], mode: str, unrecorded: Collection[str] = ()) -> dict[str, Tensor]:
    """The parts, with 0 and a warning where the loss does not reach; like: name -> tensor of the shape.

    mode: the one that the model was scored in. unrecorded: names of what was used while no gradient was recorded.
    """
    if unreached := [name for name, part in parts.items() if part is None]:
        hint = "; if it is used in training mode only, pass mode='train'" if mode == "eval" else ""
        if some := [name for name in unreached if name in unrecorded]:
            hint = f"; no gradient is recorded where {some[0]} is used: in a checkpoint, pass use_reentrant=False"
        warn(f"the loss does not reach {', '.join(unreached)}: scored 0{hint}", UserWarning)
    return {n: torch.zeros_like(like[n].detach()) if part is None else part for n, part in parts.items()}


def _weighted(old: Tensor | None, new: Tensor | None, share: float) -> Tensor | None:
    if old is None or new is None:
        present, weight = (new, share) if old is None else (old, 1 - share)
        return None if present is None else present * weight
    return torch.lerp(old, new, share)
