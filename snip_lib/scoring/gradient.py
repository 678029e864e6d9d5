"""The gradient alone, SNIP without the weight, to see what the weight is for."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import (
    Batches,
    Examples,
    Loss,
    Prunable,
    default_prunable,
    loss_gradient,
    prunable_parameters,
)


def gradient(
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
    """|∂L/∂w_j|: what an infinitely small change of the weight does, one forward and one backward pass.

    generator is not looked at; the other arguments as in `connection_gradient`. at: the derivative is taken at c ∘ w
    (by it RigL grows connections; Evci et al., 2020, section 3).

    Known failure: removing a connection changes its weight by w_j, which is forgotten. A bias of 0 is kept although its
    removal changes nothing, and halving one layer's weights while doubling the next one's moves the mask:

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(1, 1)
    >>> layer.weight.data.fill_(0.5), layer.bias.data.fill_(0.0)
    (tensor([[0.5000]]), tensor([0.]))
    >>> x, y = torch.ones(1, 1), torch.zeros(1)
    >>> scores = sl.criteria.gradient(layer, x, y, loss=lambda output, y: output.sum())
    >>> scores["weight"].item(), scores["bias"].item()
    (1.0, 1.0)
    """
    options = {"loss": loss, "batch_norm": batch_norm, "mode": mode, "examples": examples, "at": at}
    found = loss_gradient(model, x, y, prunable_parameters(model, prunable), **options)
    return {name: grad.abs() for name, grad in found.items()}
