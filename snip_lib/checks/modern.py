"""Exercises of *The modern networks on CIFAR-10*."""

import math

from snip_lib.checks.verdict import Wrong, checker, enough_decimals
from snip_lib.tables import Overall

CHANGES = {"one": (0.9, 1.4), "two": (0.6, 0.9), "three": (0.5, 0.7), "four": (-0.3, -0.1)}  # (the paper's, ours)


@checker
def epochs(answer):
    """Epochs of 4,200 steps of 128 images, of the 45,000 that are left for training."""
    for images, why in ((50_000, "a tenth of the 50,000 images is spared for validation"), (60_000, "60,000 is MNIST")):
        if math.isclose(answer, 4_200 * 128 / images, abs_tol=0.06):
            raise Wrong(why)
    if not math.isclose(answer, 4_200 / (45_000 / 128), abs_tol=0.06):
        raise Wrong("steps times images a step, over the images of an epoch")
    return "twelve epochs, where the command of the authors' README takes over four hundred"


@checker
def over_networks(gap, half_width, said):
    """The mean gap over four networks, half of its interval, and the verdict when 0.3 points are allowed."""
    whole = Overall(CHANGES, allowed=0.3)
    sample = whole.gap
    if math.isclose(gap, -sample.mean, abs_tol=0.005):
        raise Wrong("the gap is ours less the paper's")
    if not math.isclose(gap, sample.mean, abs_tol=0.005):
        raise Wrong("the mean gap is the mean of four differences, ours less the paper's")
    if math.isclose(half_width, 2 * sample.half_width, abs_tol=0.005):
        raise Wrong("divide by the root of n: it is the interval of a mean")
    if math.isclose(half_width, sample.half_width * math.sqrt(3 / 4), abs_tol=0.003):
        raise Wrong("the standard deviation is over n - 1")
    if not math.isclose(half_width, sample.half_width, abs_tol=0.004):
        enough_decimals(half_width, sample.half_width)
        raise Wrong("t times the standard deviation of the four differences, over the root of four")
    if said != whole.verdict:
        raise Wrong("the gap is no larger than what is allowed; is its half-width, or what is sure of it?")
    return f"{sample.mean:.2f} ± {sample.half_width:.2f}: {whole.verdict}, whatever each network says alone"
