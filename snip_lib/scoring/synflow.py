"""SynFlow: synaptic flow (Tanaka, Kunin, Yamins, Ganguli, 2020; Equation 3, Algorithm 1)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib import given
from snip_lib.scoring.mean import or_zero
from snip_lib.scoring.modes import scoring
from snip_lib.scoring.passes import gradient_of
from snip_lib.scoring.sensitivity import Batches, Examples, Loss, Prunable, default_prunable, prunable_parameters
from snip_lib.scoring.switches import masked


def synflow(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    at: Mapping[str, Tensor] | None = None,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    mode: str = "eval",
    prunable: Prunable = default_prunable,
    examples: Examples | None = None,
    generator: torch.Generator | int | None = None,
) -> dict[str, Tensor]:
    """|w_j| ∂R/∂|w_j|, the sum over all paths through j of the product of their absolute weights: one pass each way.

    R is the sum of the outputs for an input of ones when every parameter is replaced by its absolute value: no data,
    no loss. Of x only the shape of an example is taken. In float64, because products over many layers leave the range
    of float32. Batch norm is γx/√(1+ε)+β, which keeps R linear in each weight; another batch_norm is refused. Scores
    are conserved: what flows into a unit flows out of it, and every layer that all paths cross has the same sum. y,
    loss and generator are not looked at. Their schedule is `sl.prune(…, criterion="synflow", rounds=100)`; at masks c
    the weights are c ∘ |w|.

    Known failure: it knows no data. Connections of a dead input score as high as any other, and one round alone leaves
    the largest layers empty. Where R is not linear (tanh, gates) nothing is conserved.

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[-3.0, 2.0]]))
    >>> sl.criteria.synflow(layer, torch.tensor([[1.0, 0.0]]))["weight"]  # the second input is dead
    tensor([[3., 2.]], dtype=torch.float64)
    """
    if batch_norm != "identity":
        raise ValueError(f"synflow needs a network that is linear: batch_norm must be 'identity', got {batch_norm!r}")
    with torch.inference_mode(False), torch.enable_grad():
        w, masked_w = prunable_parameters(model, prunable), masked(model, at)
        size = {p: nn.Parameter(masked_w.get(p, p).detach().double().abs()) for p in model.parameters()}
        flow = {name: size[p] for name, p in w.items()}  # c ∘ |w|
        with scoring(model, batch_norm, mode, size):
            _to_double(model)
            output = given.forward(model, _ones_like(x))
            slope = or_zero(gradient_of(output.sum(), flow), flow, mode)
        return {name: p.detach().double().abs() * slope[name] for name, p in w.items()}


def _to_double(model: nn.Module) -> None:
    """The buffers in float64, until `scoring` puts the model's own ones back."""
    for module in model.modules():
        floats = {name: b.double() for name, b in module._buffers.items() if b is not None and b.is_floating_point()}
        module._buffers.update(floats)


def _ones_like(x: Tensor | Batches) -> Tensor:
    first = x if isinstance(x, Tensor | Mapping) else next(iter(x))[0]
    example = first[:1] if isinstance(first, Tensor) else first
    if not isinstance(example, Tensor) or example.dtype in (torch.int64, torch.int32, torch.int16, torch.bool):
        what = f"{example.dtype}" if isinstance(example, Tensor) else given.described(example)
        raise TypeError(f"synflow puts ones in the place of x, which must be a tensor of real numbers, not {what}")
    return torch.ones_like(example, dtype=torch.float64).requires_grad_()
