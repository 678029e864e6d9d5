"""Exercises of *LeNets on MNIST*."""

import math

from snip_lib.checks.verdict import Wrong, checker, enough_decimals
from snip_lib.tables import Gap

DENSE, PRUNED = (1.5, 1.6, 1.4, 1.5, 1.5), (1.7, 1.9, 1.6, 1.7, 1.6)


@checker
def passes_of_lwc(answer):
    """Passes over 54,000 digits of three prunings, 15,000 iterations of 100 a training."""
    a_training = 15_000 * 100 / 54_000
    for mistake, trainings in (("that is one training", 1), ("the network is trained before the first pruning too", 3)):
        if math.isclose(answer, trainings * a_training, abs_tol=0.06):
            raise Wrong(mistake)
    if math.isclose(answer, 4 * 15_000 * 100 / 60_000, abs_tol=0.06):
        raise Wrong("a tenth of the 60,000 is spared for validation")
    if not math.isclose(answer, sum(a_training for _ in range(4)), abs_tol=0.06):
        enough_decimals(answer, 4 * a_training)
        raise Wrong("iterations times examples over 54,000, for each of the trainings")
    return "four trainings; SNIP's scoring adds a five-hundredth of a pass to one"


@checker
def seed_by_seed(change, half_width):
    """The mean change of five pairs, and half of its interval."""
    pair = Gap.between(dict(enumerate(DENSE)), dict(enumerate(PRUNED)))
    if math.isclose(change, -pair.mean, abs_tol=0.005):
        raise Wrong("the change is the pruned network's error less the dense one's")
    if not math.isclose(change, pair.mean, abs_tol=0.005):
        raise Wrong("the mean change is the mean of the five differences")
    if math.isclose(half_width, pair.half_width * math.sqrt(5), abs_tol=0.003):
        raise Wrong("divide by the root of n: it is the interval of a mean")
    if math.isclose(half_width, pair.half_width * math.sqrt(4 / 5), abs_tol=0.003):
        raise Wrong("the standard deviation is over n - 1")
    if not math.isclose(half_width, pair.half_width, abs_tol=0.003):
        enough_decimals(half_width, pair.half_width)
        raise Wrong("t times the standard deviation of the differences, over the root of five")
    return f"{pair.mean:.2f} ± {pair.half_width:.2f}: 0 lies outside, with five runs"
