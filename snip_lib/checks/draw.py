"""Exercises of *Draw a digit*."""

import torch

from snip_lib.checks.verdict import Wrong, checker

SHAPE = "the parts are (outputs, pixels): a product of three matrices, times `x` along the last axis"


def _parts(matrices: list[torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What each pixel brings to each output (outputs, pixels), and the outputs, by autograd."""
    first, second, third = matrices
    x = x.clone().requires_grad_()
    outputs = third @ torch.relu(second @ torch.relu(first @ x))
    slopes = [torch.autograd.grad(z, x, retain_graph=True)[0] for z in outputs]
    return x.detach() * torch.stack(slopes), outputs.detach()


@checker(likely=((r"must match|broadcast|shapes cannot|size mismatch", SHAPE),))
def parts(answer):
    """A function (W1, W2, W3, x) that returns what each pixel brings to each output, (outputs, pixels)."""
    source = torch.Generator().manual_seed(0)
    for pixels, one, two, outputs in ((9, 7, 5, 3), (4, 6, 8, 2)):
        shapes = ((one, pixels), (two, one), (outputs, two))
        matrices = [torch.randn(shape, generator=source, dtype=torch.double) for shape in shapes]
        x = torch.randn(pixels, generator=source, dtype=torch.double)
        expected, sums = _parts(matrices, x)
        given = answer(*(matrix.clone() for matrix in matrices), x.clone())
        product = matrices[2] @ matrices[1] @ matrices[0]
        mistakes = (
            (expected / x, "these are the slopes: what a pixel brings is its slope times its value"),
            (product * x, "closed ReLUs let nothing through: their rows have to go"),
            (product, "closed ReLUs let nothing through, and a slope is multiplied by the pixel"),
            (expected.T, SHAPE),
            (expected - expected.mean(0), "that is the evidence: here nothing is taken away yet"),
        )
        for wrong, why in mistakes:
            if given.shape == wrong.shape and torch.allclose(given, wrong):
                raise Wrong(why)
        if given.shape != expected.shape:
            raise Wrong(SHAPE)
        if not torch.allclose(given, expected):
            off = (given.sum(1) - sums).abs().max() > 1e-8
            raise Wrong("the parts do not add up to the outputs" if off else "they add up, and are not x times slope")
    return "as autograd has it, in two networks"
