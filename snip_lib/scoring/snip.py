"""SNIP: connection sensitivity (Lee, Ajanthan, Torr, 2019; Equations 5 and 6)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import (
    Batches,
    Examples,
    Loss,
    Prunable,
    absolute,
    connection_gradient,
    default_prunable,
)


def snip(
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
    """|g_j| = |∂L(c ∘ w)/∂c_j| = |w_j ∂L/∂w_j|, the numerator of Equation 6: one forward and one backward pass.

    Equation 6 divides all of them by their sum (`sl.connection_sensitivity` does). That changes no order in exact
    arithmetic, and in floats it rounds and makes new ties; so what is ranked is not divided. Arguments, warnings and
    errors as `connection_gradient`; ValueError too when a score is not finite or all are 0. generator is not looked at.

    Known failure: nothing in the ranking keeps a layer from being left empty, and at high sparsity one is.

    >>> import snip_lib as sl
    >>> model = sl.models.build("lenet-300-100", generator=0)
    >>> x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)
    >>> scores = sl.criteria.snip(model, x, y)
    >>> sl.keep_top(scores, sparsity=0.95) == sl.snip(model, x, y, sparsity=0.95)
    True
    """
    options = {"at": at, "loss": loss, "batch_norm": batch_norm, "mode": mode}
    return absolute(connection_gradient(model, x, y, prunable=prunable, examples=examples, **options))
