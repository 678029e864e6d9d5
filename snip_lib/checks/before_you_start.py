"""The four questions of *Before you start*."""

import math
from collections.abc import Callable, Sequence

import torch

from snip_lib.checks.raised import Raised, shown
from snip_lib.checks.verdict import Wrong, checker


def _slope(function: Callable[[float], float], at: float) -> float:
    return (function(at + 1e-6) - function(at - 1e-6)) / 2e-6


def _near(given: float, expected: float) -> bool:
    return math.isclose(given, expected, rel_tol=1e-3, abs_tol=1e-3)


@checker
def chain_rule(answer):
    """The slope of (w x - t)² / 2 for w = 2, x = 3, t = 4."""
    if _near(answer, 2):
        raise Wrong("this is the residual: how fast does it move when w does?")
    if not _near(answer, _slope(lambda w: (w * 3 - 4) ** 2 / 2, at=2.0)):
        raise Wrong("multiply the residual w·x - t by the slope of the residual in w")
    return "the residual is 2 and moves three times as fast as w"


@checker
def autograd(answer):
    """A function that returns the gradient of the sum of cubes."""
    w = torch.randn(4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    given = answer(w)
    if isinstance(given, tuple):
        raise Wrong("torch.autograd.grad returns a tuple, one gradient a tensor: take its first")
    if given.shape != w.shape:
        raise Wrong(f"the gradient has the shape of w, {tuple(w.shape)}, and this has {shown(tuple(given.shape))}")
    expected = [_slope(lambda v: v**3, at=v) for v in w.tolist()]
    if not torch.allclose(given.detach(), torch.tensor(expected), atol=1e-3):
        raise Wrong("it differs from finite differences")
    if not _differentiates(answer, w):
        raise Wrong("the values are right, and typed by hand from the derivative: have autograd differentiate the sum")
    return "it agrees with finite differences at four random numbers"


def _differentiates(answer: Callable, w: torch.Tensor) -> bool:
    """Whether a backward pass is run: it takes back what the forward pass saved for it."""
    taken = []
    try:
        with torch.autograd.graph.saved_tensors_hooks(lambda saved: saved, lambda saved: taken.append(1) or saved):
            answer(w)
    except Raised as raised:
        return "saved tensor hooks" in str(raised)  # torch.func differentiates without them
    return bool(taken)


@checker
def mini_batch(answer):
    """The gradient on 100 examples from those on 30 and on 70."""
    examples = [1.0] * 30 + [3.0] * 70
    if _near(answer, 2):
        raise Wrong("the batches are not of one size, so their means do not count alike")
    if not _near(answer, sum(examples) / len(examples)):
        raise Wrong("weigh each batch's gradient by its share of the examples")
    return "this is how the library combines several batches into one score"


@checker
def softmax(answer: Sequence[float]):
    """The slopes of the cross-entropy at the outputs (0, 0, log 2) for the last class."""
    outputs = [0.0, 0.0, math.log(2)]

    def loss_with(k: int, z: float) -> float:
        moved = [z if place == k else other for place, other in enumerate(outputs)]
        return math.log(sum(map(math.exp, moved))) - moved[2]

    expected = [_slope(lambda z, k=k: loss_with(k, z), at=outputs[k]) for k in range(3)]
    if len(answer) != 3:
        raise Wrong(f"three numbers are wanted, one an output, and these are {len(answer)}")
    if all(_near(a, -e) for a, e in zip(answer, expected, strict=True)):
        raise Wrong("every sign is turned round: p - y, not y - p")
    if all(_near(a, e + (k == 2)) for k, (a, e) in enumerate(zip(answer, expected, strict=True))):
        raise Wrong("these are the probabilities p: take y away")
    if not all(_near(a, e) for a, e in zip(answer, expected, strict=True)):
        raise Wrong("first the probabilities, then one less for the true class")
    return "and the three add up to 0: raising all outputs alike changes nothing"
