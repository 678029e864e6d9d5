"""Exercises of *Random labels*."""

import math

from snip_lib.checks.verdict import Wrong, checker

# connections, bits of each, images, classes: of the page's network, of one that could hold all, and of small ones
SIZES = ((4_311, 32, 54_000, 10), (431_080, 32, 54_000, 10), (10, 16, 400, 2), (10, 16, 400, 4))


@checker
def lowest_loss(answer):
    """A function (connections, bits, images, classes): the lowest training loss on random labels, by the count."""
    for connections, bits, images, classes in SIZES:
        given, held = answer(connections, bits, images, classes), connections * bits / images
        free, guess = math.log(classes) - held * math.log(2), math.log(classes)
        expected = max(0.0, free)
        mistakes = (
            (free, "no loss is below 0: a network with bits to spare reaches 0 and no less"),
            (max(0.0, guess - held), "bits are not nats: a bit saves a loss of log 2"),
            (max(0.0, math.log2(classes) - held), "the loss is in nats: take the natural logarithm"),
            (max(0.0, held * math.log(2)), "that is what the weights can save; the loss is what is left of a guess"),
        )
        for wrong, why in mistakes:
            if math.isclose(given, wrong, rel_tol=1e-4) and not math.isclose(wrong, expected, rel_tol=1e-4):
                raise Wrong(why)
        if not math.isclose(given, expected, rel_tol=1e-4, abs_tol=1e-9):
            raise Wrong("a guess costs log(classes) an image; all bits together save at most log 2 each")
    return "0.53 for the page's network, and 0 for the whole one"


@checker
def bits_of_a_mask(answer):
    """A function (total, kept): bits that tell which of all masks with so many connections is meant."""
    for total, kept in ((6, 2), (6, 6), (1_000, 10), (431_080, 4_311)):
        given, expected = answer(total, kept), _choose(total, kept)
        if math.isclose(given, total, rel_tol=1e-6) and kept != total:
            raise Wrong("that counts masks of every size; this one keeps exactly so many")
        if math.isclose(given, expected * math.log(2), rel_tol=1e-6, abs_tol=1e-9) and expected > 0:
            raise Wrong("bits need the logarithm to base 2")
        if math.isclose(given, kept * math.log2(total), rel_tol=1e-6):
            raise Wrong("the order in which connections are chosen makes no other mask")
        if not math.isclose(given, expected, rel_tol=1e-3, abs_tol=1e-6):
            raise Wrong("how many ways are there to choose the kept ones of all? Take the logarithm to base 2")
    return "a mask of 4,311 of 431,080 is told by about 8 bits a connection"


def _choose(total: int, kept: int) -> float:
    """log2 of how many subsets there are, by a sum over the factors of the binomial."""
    return math.fsum(math.log2((total - i) / (kept - i)) for i in range(kept))
