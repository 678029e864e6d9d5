"""Exercises of *Which connections, or only how many per layer?*"""

import itertools
import math

from snip_lib.checks.verdict import Wrong, checker

FIRST = {("x1", "h1"), ("x2", "h1"), ("x3", "h2")}
SECOND = {("h1", "y1"), ("h3", "y1"), ("h3", "y2")}


@checker
def shared_by_chance(answer):
    """A function (kept, total) that returns how many places a shuffled mask shares with its original on average."""
    for total, kept in ((4, 2), (5, 1), (5, 5), (6, 3), (7, 2)):
        original = set(range(kept))
        masks = list(itertools.combinations(range(total), kept))
        expected = sum(len(original & set(mask)) for mask in masks) / len(masks)
        given = answer(kept, total)
        if not math.isclose(given, expected, rel_tol=1e-6):
            if math.isclose(given, (kept / total) ** 2, rel_tol=1e-6):
                raise Wrong("this is the share of all places that both keep: how many are that?")
            if math.isclose(given, kept / total, rel_tol=1e-6):
                raise Wrong("this is the chance of one place: how many places does the original keep?")
            raise Wrong(f"{kept} of {total} give {given:g}; over all masks the mean is {expected:g}")
    return "the same as counting over all masks of five small layers"


@checker
def on_a_path(answer):
    """How many of six connections of a small network lie on a path from an input to an output."""
    paths = [(a, b) for a in FIRST for b in SECOND if a[1] == b[0]]
    expected = len({connection for path in paths for connection in path})
    if answer == len(paths):
        raise Wrong("these are the paths: how many connections do they use?")
    if answer == 6:
        raise Wrong("all six are kept, but h2 passes nothing on and h3 receives nothing")
    if answer != expected:
        raise Wrong("go through the hidden units: which has something coming in and something going out?")
    return "three, all through the first hidden unit"
