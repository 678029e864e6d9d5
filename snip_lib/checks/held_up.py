"""Exercises of *What held up*."""

import math

from snip_lib.checks.verdict import Wrong, checker, enough_decimals
from snip_lib.tables import Sample, on_change, welch

PAPER, ALLOWED = (1.7, 1.6), 0.2  # dense and pruned, percent; points on MNIST
DENSE, PRUNED = (1.5, 1.6, 1.55), (2.1, 2.2, 2.15)
ROWS, MISSED = 9, 0.05


@checker
def change(gap, half_width, word):
    """Our change less the paper's, half the width of its 95 % interval (points), and the verdict by the book's rule."""
    dense, pruned = Sample.of(DENSE), Sample.of(PRUNED)
    theirs = PAPER[1] - PAPER[0]
    ours = pruned.mean - dense.mean
    if math.isclose(gap, pruned.mean - PAPER[1], abs_tol=0.005):
        raise Wrong("that is the gap of the pruned errors; take the change from dense to pruned of both")
    if math.isclose(gap, ours + theirs, abs_tol=0.005):
        raise Wrong("the paper's network got better: its change is negative, and a negative number is taken away")
    if not math.isclose(gap, ours - theirs, abs_tol=0.005):
        raise Wrong("pruned less dense, of ours and of the paper's; then the first less the second")
    if math.isclose(half_width, pruned.half_width, abs_tol=0.003):
        raise Wrong("that is the pruned mean's alone; the dense mean is not known exactly either")
    if not math.isclose(half_width, welch(dense, pruned), abs_tol=0.003):
        enough_decimals(half_width, welch(dense, pruned))
        raise Wrong("t for 4 degrees of freedom times the root of the sum of both squared deviations over 3")
    right = on_change(dense, pruned, paper=theirs, allowed=ALLOWED)
    if str(word).strip().lower() != right:
        raise Wrong("take the half-width off the gap: does what is left exceed 0.2 points?")
    return f"{ours - theirs:+.2f} ± {welch(dense, pruned):.2f} points, so {right}"


@checker
def by_chance(expected, at_least_one):
    """Of nine independent 95 % intervals: how many miss the truth on average, and the chance that one or more does."""
    if not math.isclose(expected, ROWS * MISSED, abs_tol=0.005):
        enough_decimals(expected, ROWS * MISSED + 1e-9)
        raise Wrong("on average: each of the nine misses in 5 of 100 cases, and averages add up")
    if math.isclose(at_least_one, ROWS * MISSED, abs_tol=0.005):
        raise Wrong("0.45 counts cases twice in which two intervals miss; begin with the chance that none does")
    if math.isclose(at_least_one, (1 - MISSED) ** ROWS, abs_tol=0.005):
        raise Wrong("that is the chance that none misses")
    if not math.isclose(at_least_one, 1 - (1 - MISSED) ** ROWS, abs_tol=0.005):
        enough_decimals(at_least_one, 1 - (1 - MISSED) ** ROWS)
        raise Wrong("1 less the chance that all nine hold")
    return f"{expected:.2f} on average, and with probability {at_least_one:.2f} one at least"
