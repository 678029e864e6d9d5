"""Exercises of *A first look at a mask*."""

import torch

from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker


@checker
def overlap_by_chance(answer):
    """The Jaccard index of two random masks that keep 2 % each, from averages over and under the line."""
    if abs(answer - 0.02**2) < 1e-6:
        raise Wrong("this is the share that both keep: divide by the share that either keeps")
    if abs(answer - 0.01) < 1e-9:
        raise Wrong("0.01 leaves the fourth decimal open: is what both keep counted once in what either keeps?")
    if abs(answer - 0.02**2 / (1 - 0.98**2)) > 6e-5:
        raise Wrong("what is the probability that both keep a connection, and that at least one does?")
    return "about 1 in 99, half of the share that each keeps"


AXES = "`first` is (units, inputs) and `second` (outputs, units): in both the axis of the units has to be left over"


@checker(likely=((r"must match|broadcast|out of bounds|out of range", AXES),))
def units_in_use(in_use):
    """A function (first, second) of boolean masks that counts the units with something in and something out."""
    source = torch.Generator().manual_seed(0)
    for units, inputs, outputs, share in (
        (300, 784, 100, 0.001),
        (300, 784, 100, 0.02),
        (5, 2, 3, 0.5),
        (4, 3, 1, 0.0),
    ):
        first = torch.rand(units, inputs, generator=source) < share
        second = torch.rand(outputs, units, generator=source) < share
        expected = sum(1 for j in range(units) if first[j].sum() > 0 and second[:, j].sum() > 0)
        given = int(in_use(first.clone(), second.clone()))
        mistakes = {
            int(first.any(0).sum()): AXES,
            int(second.any(1).sum()): AXES,
            int((first.any(1) | second.any(0)).sum()): "a unit needs something in and something out: `and`, not `or`",
            int(first.any(1).sum()): "these are the units with something in: what of those that nothing leaves?",
            int(second.any(0).sum()): "these are the units with something out: what of those that nothing enters?",
        }
        if given != expected and given in mistakes:
            raise Wrong(mistakes[given])
        if given != expected:
            raise Wrong(f"of {units} units it counts {shown(given)}, and {expected} keep a connection in and one out")
    return "counted unit by unit on four pairs of masks"
