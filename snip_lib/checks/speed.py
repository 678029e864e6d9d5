"""Exercises of *A mask costs one gradient, and little more*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker, enough_decimals


@checker
def share_of_holding(ratio_100, ratio_1):
    """Multiplications that hold a mask, for each one that trains, with 100 examples and with one."""
    held = 2  # a weight: its gradient and itself
    for ratio, examples in ((ratio_100, 100), (ratio_1, 1)):
        trained = 3 * examples  # a weight: once forward, twice backward
        mistakes = {
            held / examples: "the backward pass multiplies twice as often as the forward pass: it is missing",
            held / (2 * trained): "sums are counted on one side only: count products on both",
            held / (held + trained): "this is the share of all multiplications: divide by those that train",
        }
        for mistake, hint in mistakes.items():
            if math.isclose(ratio, mistake, rel_tol=1e-3):
                raise Wrong(hint)
        if not math.isclose(ratio, held / trained, rel_tol=1e-3):
            enough_decimals(ratio, held / trained)
            raise Wrong(f"with {examples} examples, {held} products a weight hold and {trained} train")
    return "1/150, and two thirds where there is one example"


@checker
def sortable_bits(answer):
    """A function that turns float32 of any sign into int32 of the same order, with -0 equal to 0."""
    limits = [0.0, -0.0, 1.0, -1.0, 1.5, -1.5, 1e-45, -1e-45, 3.4e38, -3.4e38]
    x = torch.cat([torch.tensor(limits), torch.randn(60, generator=torch.Generator().manual_seed(0)).pow(5)])
    keys = answer(x.clone())
    if not isinstance(keys, torch.Tensor) or keys.dtype != torch.int32 or keys.shape != x.shape:
        raise Wrong("the keys are to be an int32 tensor of the same shape")
    if keys[0] != keys[1]:
        raise Wrong(f"0 and -0 are equal, and their keys are {int(keys[0])} and {int(keys[1])}")
    strange = ((keys[:, None] < keys) != (x[:, None] < x)).nonzero()
    if len(strange):
        i, j = strange[0].tolist()
        raise Wrong(f"{x[i]:g} and {x[j]:g} are in another order than their keys {int(keys[i])} and {int(keys[j])}")
    return "every pair is in the order of its keys, signs and zeros included"
