"""Quotas: how many connections each tensor keeps, where they are not ranked all together.

"global" (the paper, Equation 7) ranks all of them in one list. "uniform" keeps the same share of every tensor, the
first one too (Evci et al., 2020, section 3, leave that one whole; a mapping says so). "erk" (Erdős–Rényi kernel; the
same section) keeps a number proportional to the sum of a tensor's dimensions, so that a kernel of (out, in, height,
width) has the density ε (out + in + height + width) / (out · in · height · width); ε is the one for which the numbers
add up, and where a density would exceed 1 the tensor is kept whole and ε is found anew for the others. Evci et al.
count weights alone and keep biases; here a bias of n entries, where it can be pruned, is a tensor of one dimension with
the density ε. Weights alone: `prunable=lambda module, name, parameter: parameter.ndim > 1`.

Shares are fractions and numbers are not. By the rule of the largest remainder each tensor gets its share rounded down,
and those with the largest fractions get one more each, until the total is kappa (among equals the earlier tensor).
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from numbers import Integral

import torch

from snip_lib.words import nearest

QUOTAS = ("global", "uniform", "erk")
Quota = str | Mapping[str, int]
Shapes = Mapping[str, torch.Size]


def counts(shapes: Shapes, kappa: int | None, *, quota: Quota) -> dict[str, int] | None:
    """Number of connections that each tensor keeps, `kappa` in all; None for "global", which leaves it to the scores.

    kappa may be None when the quota is a mapping. Raises ValueError for an unknown quota, or a mapping of other names,
    impossible numbers, or another sum.

    >>> import torch
    >>> counts({"weight": torch.Size([10, 20]), "bias": torch.Size([10])}, 12, quota="erk")
    {'weight': 9, 'bias': 3}
    """
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    if isinstance(quota, Mapping):
        return _given(quota, sizes, kappa)
    if quota == "uniform":
        return rounded({name: Fraction(kappa * size, sum(sizes.values())) for name, size in sizes.items()}, kappa)
    if quota == "erk":
        return rounded(_capped({name: sum(shape) or 1 for name, shape in shapes.items()}, sizes, kappa), kappa)
    if quota != "global":
        hint = nearest(quota, QUOTAS)
        raise ValueError(f"quota must be one of {', '.join(QUOTAS)}, or name -> number kept; got {quota!r}{hint}")
    return None


def rounded(shares: Mapping[str, Fraction], total: int) -> dict[str, int]:
    """Shares that add up to `total`, as integers that do: the rule of the largest remainder."""
    whole = {name: math.floor(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: whole[name] - shares[name])  # stable: the earlier tensor first
    for name in by_remainder[: total - sum(whole.values())]:
        whole[name] += 1
    return whole


def _capped(weights: Mapping[str, int], sizes: Mapping[str, int], kappa: int) -> dict[str, Fraction]:
    """kappa shared out in proportion to the weights, none above its size."""
    full: dict[str, Fraction] = {}
    while True:
        left = [name for name in weights if name not in full]
        if not left:
            return full
        epsilon = Fraction(kappa - int(sum(full.values())), sum(weights[name] for name in left))
        over = {name: Fraction(sizes[name]) for name in left if epsilon * weights[name] >= sizes[name]}
        if not over:
            shares = full | {name: epsilon * weights[name] for name in left}
            return {name: shares[name] for name in weights}
        full |= over


def _given(quota: Mapping[str, int], sizes: Mapping[str, int], kappa: int | None) -> dict[str, int]:
    if set(quota) != set(sizes):
        strange = sorted(map(str, set(quota) ^ set(sizes)))
        raise ValueError(f"quota and scores must name the same parameters; only one of them has {', '.join(strange)}")
    for name, number in quota.items():
        if isinstance(number, bool) or not isinstance(number, Integral) or not 0 <= number <= sizes[name]:
            raise ValueError(f"quota of {name!r} must be a whole number from 0 to {sizes[name]}, got {number!r}")
    total = sum(quota.values())
    if kappa is not None and kappa != total:
        raise ValueError(
            f"quota keeps {total} connections, sparsity {kappa}: leave one of them out, or make them agree"
        )
    return {name: int(quota[name]) for name in sizes}
