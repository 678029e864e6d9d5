"""Exercises of *The silent choices*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker


@checker
def fourth(value):
    """g of the fourth connection into a unit under batch statistics; the other three have 0.4, -0.1 and 0.2."""
    answer = float(value)
    if math.isclose(answer, -0.5, abs_tol=1e-9):
        return "what goes into a unit adds up to 0, because batch norm undoes any factor on all of it"
    if math.isclose(answer, 0.5, abs_tol=1e-9):
        raise Wrong("mind the sign: the four add up to 0")
    if math.isclose(abs(answer), 0.7, abs_tol=1e-9):
        raise Wrong("add g itself, not its absolute value: only signed sums are 0")
    raise Wrong("multiply all four weights by one factor: what does batch norm make of it, and what does g add up to?")


@checker
def kept_by(at_least, above):
    """How many of ten connections a threshold keeps, four being asked for, of scores 5 3 2 2 2 1 0 0 0 0."""
    given = (float(at_least), float(above))
    if given == (5, 2):
        return "four were asked for: one rule keeps five, the other two, and only a choice among equals keeps four"
    if given == (2, 5):
        raise Wrong("the other way round: `>=` keeps the threshold's equals, `>` drops them")
    if given == (4, 4):
        raise Wrong("the threshold is the fourth highest score, 2, and three connections have it")
    raise Wrong("the threshold is the fourth highest score; count those that reach it, and those that exceed it")


@checker
def chance(overlap):
    """A function (a, b): the Jaccard index that two masks, name -> tensor, have on average once b is shuffled."""
    for seed in range(3):
        draw = torch.Generator().manual_seed(seed)
        a, b = ({n: torch.rand(size, generator=draw) < share for n, size, share in LAYERS} for _ in range(2))
        _compare(float(overlap(a, b)), a, b)
    return "the intersection of each layer is k k' / m on average, and the union what is left of both"


LAYERS = (("wide", 400, 0.1), ("narrow", 20, 0.6))


def _compare(given: float, a: dict, b: dict) -> None:
    common = sum(a[n].sum().item() * b[n].sum().item() / a[n].numel() for n in a)
    kept = sum(int(a[n].sum() + b[n].sum()) for n in a)
    if math.isclose(given, common / (kept - common), rel_tol=1e-6):
        return
    if math.isclose(given, common / kept, rel_tol=1e-6):
        raise Wrong("the union counts what both keep once: take the intersection away")
    size = sum(m.numel() for m in a.values())
    whole = sum(int(m.sum()) for m in a.values()) * sum(int(m.sum()) for m in b.values()) / size
    if math.isclose(given, whole / (kept - whole), rel_tol=1e-6):
        raise Wrong("a shuffle stays within its layer: count the intersection layer by layer")
    both = sum(int((a[n] & b[n]).sum()) for n in a)
    if math.isclose(given, both / (kept - both), rel_tol=1e-6):
        raise Wrong("that is their overlap as they are: what remains when b is shuffled within each layer?")
    raise Wrong(f"it says {given:.3f}, and {common / (kept - common):.3f} is what shuffles come to on average")
