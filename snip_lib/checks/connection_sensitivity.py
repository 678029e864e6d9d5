"""Exercises of *Connection sensitivity, derived*."""

import torch

from snip_lib.checks.verdict import Wrong, checker

Tensors = dict[str, torch.Tensor]


@checker
def sensitivity(answer):
    """A function (model, x, y) that returns Equation 6, tried on a small network whose biases are not zero."""
    model, x, y = _small_network()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    given = answer(model, x, y)
    if any(not torch.equal(p, before[name]) for name, p in model.named_parameters()):
        raise Wrong("it changed the network's weights")
    if any(p.grad is not None for p in model.parameters()):
        raise Wrong("it left gradients behind in the network: torch.autograd.grad returns them and stores none")
    if set(given) != set(before):
        raise Wrong(f"the names should be {', '.join(before)}, and these are {', '.join(map(str, given))}")
    signed = _by_differences(model, x, y)
    slopes = {name: g / before[name] for name, g in signed.items()}
    if not _near(given, _shares(signed)):
        raise Wrong(_mistake(given, signed, slopes))
    return f"the scores of all {sum(g.numel() for g in signed.values())} connections agree with finite differences"


def _small_network() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)).double()
    for parameter in model.parameters():
        parameter.detach().normal_(generator=source)
    return model, torch.randn(5, 3, generator=source, dtype=torch.float64), torch.arange(5) % 3


@torch.no_grad()
def _by_differences(model: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, step: float = 1e-5) -> Tensors:
    """Equation 5 by turning each switch a little up and down."""
    slopes = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        for j, w in enumerate(parameter.flatten().tolist()):
            losses = []
            for c in (1 + step, 1 - step):
                parameter.view(-1)[j] = c * w
                losses.append(torch.nn.functional.cross_entropy(model(x), y))
            parameter.view(-1)[j] = w
            slopes[name].view(-1)[j] = (losses[0] - losses[1]) / (2 * step)
    return slopes


def _mistake(given: Tensors, signed: Tensors, slopes: Tensors) -> str:
    """What the scores are, when they are not those of Equation 6."""
    total = sum(g.abs().sum() for g in signed.values())
    layers = {name: g.abs() / g.abs().sum() for name, g in signed.items()}
    for scores, mistake in (
        (_shares(slopes), "these are the scores of dL/dw: multiply each by its weight"),
        (layers, "each tensor's scores sum to 1: divide by the sum over all tensors together"),
        ({name: g.abs() for name, g in signed.items()}, "the absolute values are right: divide them by their sum"),
        ({name: g / total for name, g in signed.items()}, "the signs are still there: take absolute values"),
        ({name: g.abs() for name, g in slopes.items()}, "this is |dL/dw|: multiply by the weights, divide by the sum"),
    ):
        if _near(given, scores):
            return mistake
    return "the scores differ from finite differences, and from the usual mistakes too"


def _shares(scores: Tensors) -> Tensors:
    total = sum(s.abs().sum() for s in scores.values())
    return {name: s.abs() / total for name, s in scores.items()}


def _near(given: Tensors, wanted: Tensors) -> bool:
    return all(
        given[name].shape == scores.shape and torch.allclose(given[name].double(), scores, rtol=1e-4, atol=1e-7)
        for name, scores in wanted.items()
    )
