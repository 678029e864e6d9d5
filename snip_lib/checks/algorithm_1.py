"""Exercises of *Algorithm 1, line by line*."""

import itertools
import math

import torch

from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker


@checker
def how_many_stay(answer, count):
    """kappa of LeNet-300-100 at 95 %, and a function (m, s) that returns kappa of any network."""
    if answer in (13_330, 13_330.5):
        raise Wrong("266,610 times 0.05 is 13,330.5, and half a connection is rounded up")
    if answer != 13_331:
        raise Wrong(f"at 95 % a twentieth of the 266,610 stays, which is not {shown(answer)}")
    for m, thousandths in itertools.product((45, 266_610, 431_080, 10_958_666), range(0, 1000, 5)):
        expected = (2 * m * (1000 - thousandths) + 1000) // 2000  # floor(m (1 - s) + 1/2) in whole numbers
        if (given := count(m, thousandths / 1000)) != expected:
            raise Wrong(f"count({m}, {thousandths / 1000}) gives {shown(given)}, and exact arithmetic {expected}")
    return "the same count as exact arithmetic for 800 pairs of m and s"


@checker
def exactly_kappa(top):
    """A function (scores, kappa) that returns the mask of the kappa highest, lower index first among equals."""
    tied = torch.tensor([0.2, 0.5, 0.2, 0.0, 0.5, 0.2, 0.0])
    many = torch.randint(20, (3_000,), generator=torch.Generator().manual_seed(0)) / 20.0
    for scores, kappa in ((tied, 2), (tied, 4), (tied, 6), (many, 1), (many, 1_234), (many, 3_000)):
        mask = top(scores.clone(), kappa)
        if not isinstance(mask, torch.Tensor) or mask.dtype != torch.bool or mask.shape != scores.shape:
            raise Wrong("a boolean tensor of the shape of the scores is wanted")
        if int(mask.sum()) != kappa:
            raise Wrong(f"of {len(scores)} scores with ties it keeps {int(mask.sum())}, not {kappa}")
        best = sorted(range(len(scores)), key=lambda j: (-scores[j].item(), j))[:kappa]
        if set(best) != set(mask.nonzero().flatten().tolist()):
            raise Wrong(f"it keeps {kappa}, but not the highest with the lower index first among equals")
    return "exactly kappa, also among 3,000 scores with 20 different values"


@checker
def size_cliff(answer):
    """The sparsity above which a ranking by size leaves the first layer of LeNet-300-100 empty."""
    inside = math.erf(math.sqrt(2))  # of a normal distribution, within two standard deviations
    kept = 0.0
    for inputs, weights in ((300, 30_000), (100, 1_000)):
        limit = 2 * math.sqrt(inputs / 784)  # the first layer's largest weight in this layer's deviations
        kept += weights * (1 - math.erf(limit / math.sqrt(2)) / inside)
    cliff = 1 - kept / 266_610
    if 1 < answer <= 100:
        raise Wrong("a number between 0 and 1 is wanted, not percent")
    if any(math.isclose(answer, step, abs_tol=1e-9) for step in (0.975, 0.98)):
        raise Wrong("that is a step of the slider: the cliff lies between 0.975 and 0.98, and can be worked out")
    if abs(answer - cliff) > 0.0005:
        raise Wrong("count the weights of the two other layers that are larger than any of the first can be")
    return f"{cliff:.4f}, between two steps of the slider"
