"""Exercises of *The fourteen networks*: counting connections by hand."""

from functools import partial

import torch

from snip_lib import models
from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker
from snip_lib.models.recurrent import RowReader
from snip_lib.scoring.sensitivity import prunable_parameters


def _count(network) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in prunable_parameters(network()).values())


@checker
def lstm_connections(answer):
    """A function h -> connections of the paper's LSTM with h units on 28x28 digits."""
    for units in (1, 10, 128, 256, 1000):
        given = answer(units)
        expected = _count(partial(RowReader, (1, 28, 28), 10, cell=torch.nn.LSTM, units=units))
        mistakes = {
            expected + 4 * units: "a gate has one bias vector here, where PyTorch's cell has two",
            expected - 29 * units: "the projection of a row is missing: 28 weights and a bias for each unit",
            expected - 10 * units - 10: "the linear layer on the last state is missing",
            expected - 6 * units * units - 3 * units: "the cell has four gates",
        }
        if given != expected:
            raise Wrong(mistakes.get(given, f"h = {units} gives {shown(given)}, and the network has {expected:,}"))
    return "the same as the library's networks, from 1 to 1,000 units"


@checker
def saved_by_thin_kernels(answer):
    """How many connections fewer VGG-C has than VGG-D."""
    thick, thin = (_count(partial(models.named(name), (3, 32, 32), 10)) for name in ("vgg-d", "vgg-c"))
    if answer == (thick - thin) // 8:
        raise Wrong("that is what the 1x1 kernels have: a 3x3 kernel has eight weights more")
    if answer != thick - thin:
        raise Wrong("three layers lose eight of nine weights, between 256, 512 and 512 channels and as many")
    return "three layers of thirteen make up almost a third of VGG-D"
