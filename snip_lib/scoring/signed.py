"""SNIP without the absolute value, to see what it is for (section 2 of the paper, on Mozer and Karnin)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import Batches, Examples, Loss, Prunable, connection_gradient, default_prunable


def signed(
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
    """-g_j = -w_j ∂L/∂w_j: kept is what the loss rises by most when it is removed, as estimated now. One pass each way.

    So Mozer and Smolensky (1989) and Karnin (1990) rank, in networks that are trained already. generator is not looked
    at; the other arguments as in `connection_gradient`, `at` too.

    Known failure: before training the sign says only what this draw of the weights happens to do. Removed first are
    the connections that raise the loss, among them the most sensitive of all; sooner kept is one that does nothing:

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 1.0]]))
    >>> x, y = torch.tensor([[1.0, 0.0]]), torch.zeros(1)  # the second input is dead
    >>> raised = lambda output, y: output.sum()
    >>> sl.criteria.signed(layer, x, y, loss=raised)["weight"] + 0
    tensor([[-3.,  0.]])
    >>> sl.criteria.snip(layer, x, y, loss=raised)["weight"]
    tensor([[3., 0.]])
    """
    options = {"at": at, "loss": loss, "batch_norm": batch_norm, "mode": mode}
    g = connection_gradient(model, x, y, prunable=prunable, examples=examples, **options)
    return {name: each.neg_() for name, each in g.items()}
