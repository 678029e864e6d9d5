"""Keeping the highest scores: how many that are (kappa), and which, with a word where the choice is not the scores'."""

import math
from collections.abc import Mapping
from fractions import Fraction

import torch
from torch import Tensor

from snip_lib.given import described, exact
from snip_lib.pruning import top
from snip_lib.pruning.masks import Masks
from snip_lib.pruning.quotas import Quota, Shapes, counts
from snip_lib.scoring.sensitivity import check_finite
from snip_lib.words import warn

Number = int | Mapping[str, int]  # kappa, or name -> how many of this tensor


class LayerCollapseWarning(UserWarning):
    """A weight tensor was left without a single connection, so no signal passes it."""


class ZeroScoreWarning(UserWarning):
    """Fewer connections than kappa have a score above 0, so some of score 0 were kept for their place alone."""


def keep_count(total: int, sparsity: float | Fraction) -> int:
    """kappa = floor(m (1 - sparsity) + 1/2) in exact arithmetic on the decimal sparsity.

    Raises ValueError when sparsity is outside [0, 1), or so high that nothing would be kept.

    >>> keep_count(266_610, 0.95)
    13331
    """
    kappa = math.floor(total * (1 - exact(sparsity)) + Fraction(1, 2))
    if kappa == 0:
        raise ValueError(f"sparsity {sparsity} of {total} connections keeps none")
    return kappa


def keep_top(scores: Mapping[str, Tensor], *, sparsity: float | None = None, quota: Quota = "global") -> Masks:
    """Keep the kappa highest scores over all parameters together (Equation 7); exactly kappa, lower index first on
    ties.

    scores: name -> tensor, any sign, e.g. from `connection_sensitivity` or `criteria`. quota: "global", or how many of
    the kappa each tensor keeps: "uniform", "erk", or name -> number (see `quotas`; then sparsity may be left out).
    Raises ValueError when a score is not finite, for a bad sparsity or quota, TypeError for scores without an order.
    Warns with `LayerCollapseWarning` when a weight tensor is left empty, with `ZeroScoreWarning` when scores of 0 are
    kept by place.

    >>> import torch, snip_lib as sl
    >>> scores = {"weight": torch.tensor([[3., 1.], [2., 0.]]), "bias": torch.tensor([5., 4.])}
    >>> sl.keep_top(scores, sparsity=0.5)["weight"].tolist()
    [[True, False], [False, False]]
    >>> sl.keep_top(scores, sparsity=0.5, quota="uniform")["weight"].tolist()
    [[True, False], [True, False]]
    """
    scores = _checked(scores)
    return keep(scores, number_kept({n: score.shape for n, score in scores.items()}, sparsity=sparsity, quota=quota))


def number_kept(shapes: Shapes, *, sparsity: float | None, quota: Quota) -> Number:
    """kappa, or how many of each tensor under a quota; ValueError when sparsity or quota is bad."""
    alone = sparsity is None and isinstance(quota, Mapping)  # numbers that need no sparsity
    kappa = None if alone else keep_count(sum(map(math.prod, shapes.values())), sparsity)
    by_name = counts(shapes, kappa, quota=quota)
    return kappa if by_name is None else by_name


def keep(scores: Mapping[str, Tensor], number: Number) -> Masks:
    """The highest of scores known to be finite; number: kappa, or how many of each tensor. Warns as `keep_top` does."""
    masks, zeros = select(scores, number)
    if empty := masks.empty_layers():
        warn(f"nothing is kept of {', '.join(empty)}: no signal passes", LayerCollapseWarning)
    if zeros:
        warn(
            f"{zeros:,} of the {masks.kept:,} connections kept have a score of 0, like others that were pruned: they "
            "are kept for their place alone (the lower index first)",
            ZeroScoreWarning,
        )
    return masks


def select(scores: Mapping[str, Tensor], number: Number) -> tuple[Masks, int]:
    """As `keep`, without a word; and how many scores of 0 were kept for their place alone."""
    if isinstance(number, int):
        masks, zeros = top.select(scores, number)
        return Masks(masks), zeros
    found = {name: top.select({name: score}, number[name]) for name, score in scores.items()}
    return Masks({name: mask[name] for name, (mask, _) in found.items()}), sum(zeros for _, zeros in found.values())


def _checked(scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The scores, detached; TypeError for what cannot be ranked, ValueError for what is not finite or missing."""
    if not isinstance(scores, Mapping):
        raise TypeError(f"scores must be a dict, name -> tensor, got {described(scores)}")
    for name, score in scores.items():
        if not isinstance(score, Tensor) or score.is_complex() or score.is_quantized or score.dtype == torch.uint64:
            kind = score.dtype if isinstance(score, Tensor) else type(score).__name__
            raise TypeError(f"scores of {name!r} must be a tensor of real numbers, got {kind}: it has no order")
        if score.layout != torch.strided or score.is_nested or score.is_meta:
            kind = "a nested one" if score.is_nested else "one on meta" if score.is_meta else f"{score.layout}"
            raise TypeError(f"scores of {name!r} must be a dense tensor that holds its values, got {kind}")
    if not any(score.numel() for score in scores.values()):
        raise ValueError("scores of no connection at all")
    scores = {name: _computable(score.detach()) for name, score in scores.items()}
    check_finite(scores)
    return scores


def _computable(score: Tensor) -> Tensor:
    """The same numbers in a precision that torch can add and compare: it stores floats of 8 bits, and no more."""
    return score.float() if score.is_floating_point() and score.itemsize == 1 else score
