"""Exercises of *What a sparse network saves*."""

import torch

from snip_lib.checks.verdict import Wrong, checker

TWO = "return two vectors: of the units of the first hidden layer, and of the second"


@checker
def on_a_path(answer):
    """A function (c1, c2, c3) that returns which units of either hidden layer lie on a path from input to output."""
    source = torch.Generator().manual_seed(0)
    for density in (0.3, 0.15, 0.4, 0.2):
        c1, c2, c3 = (torch.rand(shape, generator=source) < density for shape in ((7, 4), (6, 7), (3, 6)))
        first, second = _units(c1, c2, c3)
        given = answer(c1.clone(), c2.clone(), c3.clone())
        if not (isinstance(given, (tuple, list)) and len(given) == 2):
            raise Wrong(TWO)
        one, two = (torch.as_tensor(each) for each in given)
        if one.shape != (7,) or two.shape != (6,):
            raise Wrong(f"{TWO}, (7,) and (6,) here; got {tuple(one.shape)} and {tuple(two.shape)}")
        if one.dtype != torch.bool or two.dtype != torch.bool:
            raise Wrong("the vectors are boolean: True where a unit lies on a path")
        if torch.equal(one, first) and torch.equal(two, second):
            continue
        raise Wrong(_why(one, two, c1, c2, c3))
    return "as a walk along every path finds them, in four networks"


def _units(c1, c2, c3) -> tuple[torch.Tensor, torch.Tensor]:
    """By walking: every input, first unit, second unit and output that kept connections join."""
    first, second = torch.zeros(len(c1), dtype=torch.bool), torch.zeros(len(c2), dtype=torch.bool)
    for j, _ in c1.nonzero().tolist():
        for k in c2[:, j].nonzero()[:, 0].tolist():
            if c3[:, k].any():
                first[j] = second[k] = True
    return first, second


def _why(one, two, c1, c2, c3) -> str:
    """What the usual mistakes come to, told by the units that they take for alive."""
    fed, taken = (c1.any(1), c2.any(1)), (c2.any(0), c3.any(0))
    if torch.equal(one, fed[0]) and torch.equal(two, fed[1]):
        return "a unit that is fed is no use to an output that it does not reach: go back from the outputs, too"
    if torch.equal(one, taken[0]) and torch.equal(two, taken[1]):
        return "these units send something on, but are they fed by an input? Go forward, too"
    if torch.equal(one, fed[0] & taken[0]) and torch.equal(two, fed[1] & taken[1]):
        return "a connection on either side is not enough: the unit at its other end may be cut off itself"
    return "some units are on a path that you leave out, or the other way round"
