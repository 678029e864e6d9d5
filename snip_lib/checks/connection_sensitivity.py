"""Exercises of *Connection sensitivity, derived*."""

from collections.abc import Mapping

import torch

from snip_lib.checks.raised import kind, shown
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
    if not isinstance(given, Mapping):
        raise Wrong(f"a dictionary is wanted, from each parameter's name to its scores, and this is {kind(given)}")
    if set(given) != set(before):
        raise Wrong(f"the names should be {', '.join(before)}, and these are {shown(', '.join(map(str, given)))}")
    for name, scores in given.items():
        if not isinstance(scores, torch.Tensor) or scores.shape != before[name].shape:
            raise Wrong(f"{name}: a tensor of shape {tuple(before[name].shape)} is wanted, and this is {kind(scores)}")
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
    """What the scores are, when they are not those of Equation 6: each usual mistake, alone and with the others."""
    wholes = {
        "": lambda of, name: sum(s.abs().sum() for s in of.values()),
        "divide by their sum": lambda of, name: 1.0,
        "divide by the sum of absolute values, not by that of signed numbers": lambda of, name: sum(
            map(torch.sum, of.values())
        ),
        "divide by the sum over all tensors together, not by each tensor's": lambda of, name: of[name].abs().sum(),
        "divide by the sum over all tensors together, not by each tensor's signed one": lambda of, name: of[name].sum(),
        "divide by the sum, not by the largest": lambda of, name: max(s.abs().max() for s in of.values()),
        "divide by the sum, not by the number": lambda of, name: sum(s.numel() for s in of.values()),
    }
    for of, weigh in ((signed, ""), (slopes, "these are scores of dL/dw: multiply each by its weight")):
        for bare, absolute in ((False, ""), (True, "the signs are still there: take absolute values")):
            for divide, whole in wholes.items():
                scores = {name: (s if bare else s.abs()) / whole(of, name) for name, s in of.items()}
                if _near(given, scores):
                    return "; ".join(filter(None, (weigh, absolute, divide)))
    return "the scores differ from finite differences, and from the usual mistakes too"


def _shares(scores: Tensors) -> Tensors:
    total = sum(s.abs().sum() for s in scores.values())
    return {name: s.abs() / total for name, s in scores.items()}


def _near(given: Tensors, wanted: Tensors) -> bool:
    return all(
        given[name].shape == scores.shape and torch.allclose(given[name].double(), scores, rtol=1e-4, atol=1e-7)
        for name, scores in wanted.items()
    )
