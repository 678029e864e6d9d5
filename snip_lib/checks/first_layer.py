"""Exercises of *What the first layer keeps*."""

import torch

from snip_lib.checks.verdict import Wrong, checker

SHAPE = "R is (pixels, classes): is a picture flattened, and is it the examples that are summed over?"


@checker(likely=((r"must match|cannot be multiplied|must be matrices|2-D|2D|shape|Expected size|dimensions", SHAPE),))
def linear_gradient(answer):
    """A function (x, p, y) that returns the gradient of a linear classifier's mean loss, (pixels, classes)."""
    source = torch.Generator().manual_seed(0)
    x, weight = torch.randn(12, 1, 28, 28, generator=source), torch.randn(784, 5, generator=source) / 28
    y = torch.arange(12) % 5
    weight.requires_grad_()
    outputs = x.flatten(1) @ weight
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, y), weight)
    p = outputs.softmax(1).detach()
    given = answer(x.clone(), p.clone(), y.clone())
    labels = torch.nn.functional.one_hot(y, 5).float()
    mistakes = (
        (-expected, "the sign is turned: the residual is the answer less the label"),
        (12 * expected, "the loss is a mean: divide by the number of examples"),
        (12 * -expected, "the loss is a mean, and the residual is the answer less the label"),
        (expected.abs(), "a gradient has a sign: no absolute value here"),
        (x.flatten(1).T @ p / 12, "the labels are missing: subtract 1 at the label of each example"),
        (x.flatten(1).T @ labels / 12, "the answers are missing: the residual is the answer less the label"),
        (x.flatten(1).abs().T @ (p - labels) / 12, "a pixel darker than 0 counts with its sign"),
        (expected.T, SHAPE),
    )
    for wrong, why in mistakes:
        if given.shape == wrong.shape and torch.allclose(given, wrong, atol=1e-6):
            raise Wrong(why)
    if given.shape != expected.shape:
        raise Wrong(SHAPE)
    if not torch.allclose(given, expected, atol=1e-6):
        raise Wrong("compare with torch.autograd.grad of the cross-entropy of `x.flatten(1) @ weight`, by `weight`")
    return "as autograd has it, for twelve pictures and five classes"
