"""Exercises of *A mask costs one gradient, and little more*."""

import math

import torch

from snip_lib.checks.verdict import Wrong, checker


@checker
def share_of_holding(share_100, share_1):
    """The share of a step's multiplications that goes into holding a mask, with 100 examples and with one."""
    held = 2  # a weight: its gradient and itself
    for share, examples in ((share_100, 100), (share_1, 1)):
        trained = (2 + 4) * examples  # a weight: once forward, twice backward, each a product and a sum
        if math.isclose(share, held / (2 * examples), rel_tol=1e-3):
            raise Wrong("the backward pass costs twice what the forward pass does: it is missing")
        if not math.isclose(share, held / trained, rel_tol=1e-3):
            raise Wrong(f"with {examples} examples, {held} operations a weight hold and {trained} train")
    return "1/300, and a third where there is one example"


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
