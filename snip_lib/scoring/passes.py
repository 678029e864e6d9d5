"""What criteria beside SNIP share: the network at c ∘ w, the mini-batches, and the derivatives of their mean loss."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call

from snip_lib import given
from snip_lib.scoring.modes import scoring
from snip_lib.scoring.sensitivity import Batches, Examples, Prunable, prunable_parameters
from snip_lib.scoring.switches import masked
from snip_lib.words import warn

Weights = dict[str, Tensor]
Forward = Callable[[Tensor], object]


@contextlib.contextmanager
def network_at(
    model: nn.Module, at: Mapping[str, Tensor] | None, *, batch_norm: str, mode: str, prunable: Prunable
) -> Iterator[tuple[Weights, Forward]]:
    """The model in its state for scoring, as a function of u = c ∘ w: name -> u, which require gradients, and forward.

    at: the masks c; None: all 1. The model's own weights are never touched. Raises as `switches.masked`.
    """
    with torch.inference_mode(False), scoring(model, batch_norm, mode), torch.enable_grad():
        w, instead = prunable_parameters(model, prunable), masked(model, at)
        u = {name: instead.get(p, p).detach().clone().requires_grad_() for name, p in w.items()}
        yield u, lambda x: functional_call(model, u, (x,))


def shared(x: Tensor | Batches, y: Tensor | None, examples: Examples | None) -> list[tuple[object, object, float]]:
    """The mini-batches (x, y) with their share of all examples, as a list that can be gone through again."""
    found = list(given.pairs(x, y))
    if not found:
        raise ValueError("no batches: a criterion that looks at data needs at least one example")
    numbers = [given.number_of_examples(*pair, examples) for pair in found]
    if len(found) == 1:
        numbers = [1]
    elif None in numbers:
        raise TypeError("labels do not tell how many examples a batch holds: pass examples=, a function (x, y)")
    return [(*pair, number / sum(numbers)) for pair, number in zip(found, numbers, strict=True)]


def gradient_of(value: Tensor, u: Weights) -> Weights:
    """d value / du by name; 0, and a warning, where `value` does not depend on it."""
    if not value.requires_grad:
        raise ValueError("the loss depends on no parameter: was it computed under no_grad, or detached?")
    grads = torch.autograd.grad(value, list(u.values()), allow_unused=True)
    unreached = [name for name, grad in zip(u, grads, strict=True) if grad is None]
    if unreached:
        warn(f"the loss does not reach {', '.join(unreached)}: scored 0", UserWarning)
    return _filled(grads, u)


def hessian_times(value: Tensor, u: Weights, direction: Weights) -> Weights:
    """H v of `value` by name, exactly: the derivative of its slope along the constant v = `direction`."""
    slope = _filled(torch.autograd.grad(value, list(u.values()), create_graph=True, allow_unused=True), u)
    along = sum((slope[name] * direction[name]).sum() for name in u)
    if not along.requires_grad:  # a straight line everywhere
        return _filled([None] * len(u), u)
    return _filled(torch.autograd.grad(along, list(u.values()), allow_unused=True), u)


def _filled(grads: Sequence[Tensor | None], u: Weights) -> Weights:
    return {n: torch.zeros_like(u[n]) if grad is None else grad for n, grad in zip(u, grads, strict=True)}


def added(parts: Sequence[Weights]) -> Weights:
    """The sum of derivatives by name."""
    return {name: sum(part[name] for part in parts[1:]) + parts[0][name] for name in parts[0]}
