"""Magnitude: the size of a weight, the oldest criterion (Equation 2 of the paper, left)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import Batches, Examples, Loss, Prunable, default_prunable, prunable_parameters


def magnitude(
    model: nn.Module,
    x: Tensor | Batches | None = None,
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
    """|w_j|: no pass, no data. Of the arguments only prunable is looked at; `at` changes nothing.

    Known failure: before training the scale of a layer is what the initialization says, so that the layers with the
    largest fan-in lose the most; and biases, which begin at 0, all go.

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(2, 1)
    >>> _ = layer.weight.data.copy_(torch.tensor([[-3.0, 2.0]]))
    >>> sl.criteria.magnitude(layer)["weight"]
    tensor([[3., 2.]])
    """
    return {name: p.detach().abs() for name, p in prunable_parameters(model, prunable).items()}
