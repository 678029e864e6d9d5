"""Pruning in rounds: iterative SNIP (Verdenius et al., 2020; de Jorge et al., 2021) and FORCE (de Jorge et al., 2021).

Each round scores the network as it stands, c ∘ w with the masks c of the round before, and keeps fewer. With `revive`
(FORCE) all connections are ranked again, so that one that was pruned returns when its score, the derivative of the loss
by its c_j at c_j = 0, is high enough; without (iterative SNIP) only those still kept are ranked.

Schedule: after round t of T there are kept  ⌊m (1 - s)^(t/T) + ½⌋  connections, the same share of what was left in each
round. Under a quota other than "global" every tensor goes this way by itself, from its size to its quota.
"""

import math
from collections.abc import Callable, Iterator
from fractions import Fraction

import torch
from torch import Tensor, nn

from snip_lib.pruning.keep import Number, exact, keep, number_kept, select
from snip_lib.pruning.masks import Masks
from snip_lib.pruning.quotas import Quota, Shapes
from snip_lib.scoring import criteria
from snip_lib.scoring.sensitivity import (
    Batches,
    Examples,
    Loss,
    Prunable,
    check_finite,
    default_prunable,
    prunable_parameters,
)
from snip_lib.seeds import as_generator

Scores = dict[str, Tensor]


def prune(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    sparsity: float,
    criterion: str | Callable[..., Scores] = "snip",
    rounds: int = 1,
    revive: bool = False,
    quota: Quota = "global",
    generator: torch.Generator | int | None = None,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    mode: str = "eval",
    prunable: Prunable = default_prunable,
    examples: Examples | None = None,
) -> Masks:
    """Prune `model` by any criterion, in one round or many; the model itself is left as it is.

    criterion: a name of `criteria`, or a function of the signature that stands there. rounds: each scores the network
    under the masks of the round before and keeps fewer, (1 - sparsity)^(t / rounds) of all after round t; one round of
    "snip" is `snip`. revive: whether all connections are ranked again (FORCE), or only those still kept (iterative
    SNIP). quota: as in `keep_top`. generator: or a seed, required by criteria that draw. The others as in
    `connection_gradient`; x, when an iterable of batches, is gone through once a round. Raises ValueError for a bad
    sparsity, quota, number of rounds or name, and what the criterion raises.

    >>> import snip_lib as sl
    >>> model = sl.models.build("lenet-300-100", generator=0)
    >>> x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)
    >>> sl.prune(model, x, y, sparsity=0.99, rounds=5, revive=True)  # FORCE
    Masks(2,666 of 266,610 kept, 99.00 % pruned, 6 tensors)
    """
    score = criterion if callable(criterion) else criteria.named(criterion)
    _check_rounds(rounds, x)
    shapes = {name: p.shape for name, p in prunable_parameters(model, prunable).items()}
    options = {"loss": loss, "batch_norm": batch_norm, "mode": mode, "prunable": prunable, "examples": examples}
    if generator is not None:
        options["generator"] = as_generator(generator)  # one for all rounds, so that each draws anew
    masks = None
    for left, number in zip(reversed(range(rounds)), plan(shapes, sparsity, quota, rounds=rounds), strict=True):
        try:
            scores = score(model, x, y, at=masks, **options)
            check_finite(scores)
        except ValueError as error:
            if masks is None:
                raise
            raise ValueError(f"in round {rounds - left}, with {masks.kept:,} connections left: {error}") from error
        if masks is not None and not revive:  # as many as are wanted are still there, and all of them above -inf
            scores = {name: torch.where(masks[name], score, -math.inf) for name, score in scores.items()}
        masks = select(scores, number)[0] if left else keep(scores, number)  # only what comes out is warned of
    return masks


def plan(shapes: Shapes, sparsity: float | None, quota: Quota, *, rounds: int) -> list[Number]:
    """How many are kept after each round: of all together, or by the names of the tensors under a quota."""
    total = sum(map(math.prod, shapes.values()))
    final = number_kept(shapes, sparsity=sparsity, quota=quota)
    done = range(1, rounds + 1)
    if isinstance(final, int):
        return [kept_after(total, 1 - exact(sparsity), t, rounds=rounds) for t in done]
    ends = {name: (size, Fraction(final[name], size or 1)) for name in shapes for size in [math.prod(shapes[name])]}
    return [{name: kept_after(size, end, t, rounds=rounds) for name, (size, end) in ends.items()} for t in done]


def kept_after(total: int, density: Fraction, done: int, *, rounds: int) -> int:
    """⌊m d^(t/T) + ½⌋, exactly: how many of m = `total` are kept after round t = `done` of T, d being kept at the end.

    >>> [kept_after(1000, Fraction(1, 100), t, rounds=4) for t in range(5)]
    [1000, 316, 100, 32, 10]
    """
    power = density**done * total**rounds  # (m d^(t/T))^T is a fraction, so that halves can be told exactly
    kept = round(total * float(density) ** (done / rounds))  # right, or next to it
    while kept and Fraction(2 * kept - 1, 2) ** rounds > power:
        kept -= 1
    while Fraction(2 * kept + 1, 2) ** rounds <= power:
        kept += 1
    return kept


def _check_rounds(rounds: int, x: object) -> None:
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ValueError(f"rounds must be a whole number from 1 on, got {rounds!r}")
    if rounds > 1 and isinstance(x, Iterator):
        raise ValueError(f"x can be gone through once, and {rounds} rounds are wanted: pass a list of batches")
