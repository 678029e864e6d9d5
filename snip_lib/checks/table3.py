"""Exercises of *Table 3, measured again*."""

import math

from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker

OURS = {"VS-X": 8.0, "RN": 5.5, "VS-H": 8.4}
PAPER = {"VS-X": 1.5, "RN": 2.9, "VS-H": 1.4}


@checker
def gaps(function):
    """A function (ours, paper) of errors by scheme: each scheme's difference from VS-X in ours, less the paper's."""
    given = dict(function(dict(OURS), dict(PAPER)))
    wanted = {"RN": (5.5 - 8.0) - (2.9 - 1.5), "VS-H": (8.4 - 8.0) - (1.4 - 1.5)}
    if "VS-X" in given and math.isclose(given.pop("VS-X"), 0, abs_tol=1e-9) and not given:
        raise Wrong("only VS-X is there: it is what the others are compared with")
    if set(given) != set(wanted):
        raise Wrong(
            f"the schemes should be {', '.join(wanted)}, and these are {shown(', '.join(map(str, given))) or 'none'}"
        )
    for scale, mistake in (
        (lambda s: OURS[s] - PAPER[s], "this is ours less the paper's: take VS-X off on both sides first"),
        (lambda s: -wanted[s], "the sign is turned: ours less the paper's"),
        (lambda s: abs(wanted[s]), "keep the sign: it says which way our difference is off"),
        (lambda s: OURS[s] - OURS["VS-X"], "these are our differences: the paper's have to go off"),
    ):
        if all(math.isclose(given[s], scale(s), abs_tol=1e-6) for s in wanted):
            raise Wrong(mistake)
    if any(not math.isclose(given[s], wanted[s], abs_tol=1e-6) for s in wanted):
        raise Wrong(f"for RN it should be (5.5 − 8.0) − (2.9 − 1.5) = −3.9, and it is {given['RN']:g}")
    return "RN −3.9 and VS-H +0.5 on the numbers tried"


@checker
def runs_needed(runs):
    """Runs of each of two schemes until the interval of their difference is ± 0.2, at a deviation of 1.8 points."""
    answer, wanted = float(runs), 2 * (1.96 * 1.8 / 0.2) ** 2
    if 0.98 * wanted < answer < 1.06 * wanted:  # from t = 1.96 to t = 2
        return "more than six hundred of each: three runs say little of an effect of this size"
    if 0.98 * wanted / 2 < answer < 1.06 * wanted / 2:
        raise Wrong("the variances of both means add up")
    if answer < 40:
        raise Wrong("the half-width shrinks with the root of the number of runs, so square the ratio")
    raise Wrong("half-width = 2 · √(2 · 1.8² / n): set it to 0.2 and solve for n")
