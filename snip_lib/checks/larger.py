"""Exercises of *Larger data*."""

import math

from snip_lib.checks.verdict import Wrong, checker

CLASSES, BATCH = 1_000, 256
PARAMETERS, EXAMPLE, CARD, PART = 25e6, 90e6, 16e9, 32  # a number; bytes kept of an example; bytes; examples


@checker
def imagenet(absent, to_see_all):
    """Classes of ImageNet that a batch of 256 leaves out on average, and pictures until all are seen."""
    if math.isclose(absent, CLASSES - BATCH, rel_tol=0.01):
        raise Wrong("256 pictures are of 256 different classes only if none comes twice")
    expected = CLASSES * math.exp(BATCH * math.log1p(-1 / CLASSES))
    if math.isclose(absent, CLASSES - expected, rel_tol=0.01):
        raise Wrong("these are the classes that are in it; how many are not?")
    if not math.isclose(absent, expected, rel_tol=0.01):
        raise Wrong("one picture misses a given class with probability 999/1000, and 256 all do with its 256th power")
    if math.isclose(to_see_all, CLASSES * math.log(CLASSES), rel_tol=0.01):
        raise Wrong("the sum 1 + 1/2 + … + 1/1000 is the logarithm and 0.577 more")
    if not math.isclose(to_see_all, sum(CLASSES / (CLASSES - seen) for seen in range(CLASSES)), rel_tol=0.01):
        raise Wrong("after k classes the next new one takes K/(K - k) pictures on average; add them up")
    return "three classes in four are absent, and seeing all takes some thirty such batches"


@checker
def card(at_once, in_parts):
    """The largest batch that fits at once, and megabytes for parts of 32, weights included."""
    weights, mask = 4 * PARAMETERS, PARAMETERS
    if at_once == (CARD - weights) // EXAMPLE:
        raise Wrong("the gradient and the mask want their place, too")
    if at_once != (CARD - 2 * weights - mask) // EXAMPLE:
        raise Wrong(
            "weights and gradient take four bytes a parameter each, the mask one; the rest, over 90 MB, rounded down"
        )
    if math.isclose(in_parts, (2 * weights + mask + PART * EXAMPLE) / 1e6, rel_tol=1e-3):
        raise Wrong("the sum so far and the gradient of the next part lie side by side")
    if not math.isclose(in_parts, (3 * weights + mask + PART * EXAMPLE) / 1e6, rel_tol=1e-3):
        raise Wrong("weights, two gradients, the mask, and the activations of 32 examples, in millions of bytes")
    return "a fifth of the card, however many examples are scored"
