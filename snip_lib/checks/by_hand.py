"""Exercises of *A network small enough to prune by hand*: two inputs, two hidden units, one output."""

import math
import random
from fractions import Fraction

from snip_lib.checks.raised import kind, shown
from snip_lib.checks.verdict import Wrong, checker

_WEIGHTS = tuple(map(Fraction, ("2", "1/2", "3", "-1/2", "2", "1/2")))
_CONNECTIONS = ("x1 to h1", "x2 to h1", "x1 to h2", "x2 to h2", "h1 to y", "h2 to y")


def _exact(x: tuple[int, int], target: int) -> list[Fraction]:
    """g by central differences in fractions: exact, because the loss is a quadratic in every single switch."""
    step = Fraction(1, 1000)

    def loss(j: int, switch: Fraction) -> Fraction:
        a, b, c, d, e, f = (w * switch if k == j else w for k, w in enumerate(_WEIGHTS))
        y = e * max(0, a * x[0] + b * x[1]) + f * max(0, c * x[0] + d * x[1])
        return (y - target) ** 2 / 2

    return [(loss(j, 1 + step) - loss(j, 1 - step)) / (2 * step) for j in range(6)]


@checker
def sensitivities(answer):
    """Six signed sensitivities of the network of the page for x = (0, 2), t = 3."""
    expected = _exact((0, 2), 3)
    if len(answer) != 6:
        raise Wrong(f"six numbers are wanted, one a connection, and these are {len(answer)}")
    wrong = [
        name for name, a, e in zip(_CONNECTIONS, answer, expected, strict=True) if not math.isclose(a, e, abs_tol=1e-6)
    ]
    if wrong and all(math.isclose(a, -e, abs_tol=1e-6) for a, e in zip(answer, expected, strict=True)):
        raise Wrong("every sign is turned round: the output is below the target, so its error is negative")
    if wrong:
        raise Wrong(f"look again at {', '.join(wrong)}")
    return "four of the six are 0, and the example cannot say which of those to keep"


@checker
def batch(answer):
    """The numbers (1 to 6) of the three connections kept on the batch of both examples."""
    pairs = list(zip(_exact((1, 2), 5), _exact((0, 2), 3), strict=True))
    signed, sizes = [abs(a + b) for a, b in pairs], [abs(a) + abs(b) for a, b in pairs]
    if len(set(answer)) != 3 or not set(answer) <= set(range(1, 7)):
        raise Wrong("three different numbers from 1 to 6 are wanted")
    if set(answer) == _top_three(sizes):
        raise Wrong("this is what absolute values taken example by example give: average the signed numbers first")
    if set(answer) != _top_three(signed):
        raise Wrong("average the signed sensitivities of the two examples, then take absolute values, then rank")
    return "4 and -2 cancel, and x1 to h2 stays although h2 to y is gone"


def _top_three(scores: list[Fraction]) -> set[int]:
    return {j + 1 for j in sorted(range(6), key=scores.__getitem__, reverse=True)[:3]}


@checker
def exact_change(answer):
    """A function (loss, c, j) that returns Equation 4, tried on a loss with random coefficients."""
    source = random.Random(0)
    weights, switches = [source.uniform(-2, 2) for _ in range(5)], [1.0, 1.0, 0.5, 1.0, 1.0]

    def loss(c: list[float]) -> float:
        return sum(w * v for w, v in zip(weights, c, strict=True)) ** 2

    before, contribution = sum(map(math.prod, zip(weights, switches, strict=True))), weights[2] * switches[2]
    expected = before**2 - (before - contribution) ** 2
    given = answer(loss, switches, 2)
    if switches != [1.0, 1.0, 0.5, 1.0, 1.0]:
        raise Wrong("it changed the list it was given: take a copy")
    if not isinstance(given, int | float):
        raise Wrong(f"one number is wanted, and this is {kind(given)}")
    if math.isclose(given, -expected):
        raise Wrong("the sign is turned round: Equation 4 takes the loss without the connection from the loss with it")
    slope = 2 * before * contribution
    if any(math.isclose(given, sign * size, rel_tol=0.01) for sign in (1, -1) for size in (slope, slope / 0.5)):
        raise Wrong("this is the slope in c, which Equation 5 promises: take the difference of two losses")
    if not math.isclose(given, expected):
        raise Wrong(f"for a loss of five switches it gives {shown(given)}, and the change is {expected:.4f}")
    return "the loss with the connection, less the loss without it, and the list is as it was"
