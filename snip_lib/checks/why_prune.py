"""Exercises of *Why prune, and when*."""

import itertools
import math

from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker, enough_decimals


@checker
def passes(many, once):
    """Passes over 54,000 digits: 100,000 steps and three times 50,000 more; one batch scored and 100,000 steps."""
    examples = {"many": 100 * (100_000 + 3 * 50_000), "once": 100 + 100 * 100_000}
    if math.isclose(many, 100 * 150_000 / 54_000, abs_tol=0.1):
        raise Wrong("many: retraining is 50,000 steps each of the three times")
    for (name, wanted), given in zip(examples.items(), (many, once), strict=True):
        if math.isclose(given, wanted / 54_000, abs_tol=0.06):
            continue
        enough_decimals(given, wanted / 54_000, name=name)
        if math.isclose(given, wanted / 60_000, abs_tol=0.06):
            raise Wrong(f"{name}: 60,000 digits are there, but 6,000 of them are kept for validation")
        if math.isclose(given, wanted, abs_tol=1):
            raise Wrong(f"{name}: these are digits that go through the network: divide by 54,000")
        if math.isclose(given, wanted / 100 / 54_000, abs_tol=1e-3) or math.isclose(given, wanted / 100, abs_tol=1):
            raise Wrong(f"{name}: a step takes a hundred digits")
        raise Wrong(f"{name}: count the digits that go through the network, 100 a step, and divide by 54,000")
    return f"pruning once before training takes {once / many:.0%} of the passes"


@checker
def as_wide_as_allowed(kappa, k):
    """kappa of LeNet-300-100 at 85 %, and the widest network 784-3k-k-10 with no more parameters."""
    if kappa != 39_992:
        raise Wrong("0.15 times 266,610 ends in a half, which is rounded up")
    sizes = [784, 3 * k, k, 10], [784, 3 * (k + 1), k + 1, 10]
    have, next_have = (sum((a + 1) * b for a, b in itertools.pairwise(s)) for s in sizes)
    if have > kappa:
        raise Wrong(f"784-{3 * k}-{k}-10 has {have:,} parameters, more than {kappa:,}: biases count too")
    if next_have <= kappa:
        raise Wrong(f"there is room for more: 784-{3 * k + 3}-{k + 1}-10 has {next_have:,}")
    return f"784-{3 * k}-{k}-10 has {have:,} parameters"


@checker
def schedule(answer):
    """A function (sparsity, cycles) that returns the sparsities after each cycle, each keeping the same share."""
    for sparsity, cycles in ((0.75, 2), (0.98, 4), (0.9, 1), (0.5, 10)):
        given = list(answer(sparsity, cycles))
        if len(given) != cycles:
            raise Wrong(f"{cycles} sparsities are wanted for {cycles} cycles, and these are {len(given)}")
        if not math.isclose(given[-1], sparsity):
            raise Wrong(f"the last sparsity should be {sparsity}, and is {given[-1]:.4f}")
        left = [1.0] + [1 - s for s in given]
        shares = [after / before for before, after in itertools.pairwise(left)]
        if max(shares) - min(shares) > 1e-6:
            changing = shown([round(share, 3) for share in shares])
            raise Wrong(f"the share of what is left that stays should not change, and is {changing}")
    return "every cycle keeps the same share of what the last one left"
