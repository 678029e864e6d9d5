"""What criteria of a second derivative share: the network at c ∘ w, and the derivatives of a loss by it."""

import contextlib
import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from snip_lib import given
from snip_lib.scoring.backward import Loss, demand_gradient, has_own_backward, needing
from snip_lib.scoring.modes import scoring
from snip_lib.scoring.sensitivity import Prunable, prunable_parameters
from snip_lib.scoring.switches import masked

Weights = dict[str, Tensor]
Gradient = dict[str, Tensor | None]  # None where the loss does not reach


@contextlib.contextmanager
def network_at(
    model: nn.Module, at: Mapping[str, Tensor] | None, *, batch_norm: str, mode: str, prunable: Prunable
) -> Iterator[Weights]:
    """Within, the model is in its state for scoring and computes with u = c ∘ w: name -> u, which require gradients.

    at: the masks c; None: all 1. The model's own weights are set aside, not written to. Raises as `switches.masked`.
    """
    with torch.inference_mode(False), torch.enable_grad():
        w, instead = prunable_parameters(model, prunable), masked(model, at)
        # For all, so that no backward pass of the model's own leaves a gradient in one; they share the weights' memory.
        instead = {p: nn.Parameter(p.detach(), p.requires_grad) for p in model.parameters()} | instead
        # of attention torch has no second derivative but by its plain formula
        with scoring(model, batch_norm, mode, instead), sdpa_kernel(SDPBackend.MATH):
            yield {name: instead[p] for name, p in w.items()}


def loss_of(model: nn.Module, x: object, y: object, loss: Loss, temperature: float = 1) -> Tensor:
    """The loss on a batch, of outputs that are divided by `temperature`, with a graph that goes back to the inputs."""
    output = given.forward(model, needing(x))
    if temperature != 1:
        if not isinstance(output, Tensor):
            raise TypeError(
                f"the model returned {given.described(output)}, which no temperature divides: return logits, or pass "
                "temperature=1"
            )
        output = output / temperature
    return given.one_number(loss(output, y))


def gradient_of(value: Tensor, u: Weights) -> Gradient:
    """d value / du by name; None where `value` does not depend on it.

    Raises ValueError when it depends on nothing, or where a custom function may hide that it does.
    """
    demand_gradient(value)
    found = torch.autograd.grad(value, list(u.values()), allow_unused=True)
    hidden = [name for name, each in zip(u, found, strict=True) if each is None]
    if hidden and has_own_backward(value):
        raise ValueError(
            f"the gradient of {hidden[0]!r} is taken inside another backward pass (checkpointing with "
            "use_reentrant=True, a reversible block), where this criterion cannot see it: use_reentrant=False, or snip"
        )
    return dict(zip(u, found, strict=True))


def hessian_times(value: Tensor, u: Weights, direction: Weights) -> Weights:
    """H v of `value` by name, exactly: the derivative of its slope along the constant v = `direction`.

    Raises ValueError where torch has no second derivative of something in the network.
    """
    slope = torch.autograd.grad(value, list(u.values()), create_graph=True, allow_unused=True)
    along = sum((each * v).sum() for each, v in zip(slope, direction.values(), strict=True) if each is not None)
    curved = isinstance(along, Tensor) and along.requires_grad  # else a straight line everywhere
    try:
        found = torch.autograd.grad(along, list(u.values()), allow_unused=True) if curved else [None] * len(u)
    except RuntimeError as error:  # NotImplementedError is one
        if not re.search("not implemented|double backward", str(error)):
            raise
        raise ValueError(
            f"this criterion takes a second derivative, and torch has none for the network ({error}): use another "
            "criterion, as snip, or other modules"
        ) from error
    return {n: torch.zeros_like(u[n]) if each is None else each for n, each in zip(u, found, strict=True)}
