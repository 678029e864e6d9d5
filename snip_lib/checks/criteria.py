"""Exercises of *Every criterion on one page*."""

import math

from snip_lib.checks.verdict import Wrong, checker


@checker
def left_after(answer):
    """How many of 266,610 connections are kept after round 50 of 100 on the way to 99 %, halves rounded up."""
    if answer == round(266_610 * 0.505):
        raise Wrong("this takes the same number away each round: the schedule keeps the same share each round")
    if answer == 2_666:
        raise Wrong("that is the end: only half of the rounds are done")
    if answer != math.floor(266_610 * 0.1 + 0.5):
        raise Wrong("m (1 - s)^(t/T) with m = 266,610, s = 0.99 and t/T = 1/2")
    return "a tenth: the square root of a hundredth"


@checker
def flow(answer):
    """SynFlow's scores of w1 = -2, w2 = 3 (inputs to one hidden unit) and v = -1 (to the output)."""
    if any(each < 0 for each in answer):
        raise Wrong("every weight is replaced by its absolute value, so no score is negative")
    if [*answer] == [2, 3, 1]:
        raise Wrong("these are magnitudes: multiply along each path, and add up the paths")
    if [*answer] != [2, 3, 5]:
        raise Wrong("the score of a connection is the sum of |products| over all paths through it")
    return "what flows into the unit, 2 + 3, flows out of it"
