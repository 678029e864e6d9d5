"""OBD: optimal brain damage (LeCun, Denker, Solla, 1990; section 2), by the Gauss-Newton diagonal."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib import given
from snip_lib.scoring.mean import mean_over, or_zero
from snip_lib.scoring.passes import Gradient, gradient_of, loss_of, network_at
from snip_lib.scoring.sensitivity import (
    Batches,
    Examples,
    Loss,
    Prunable,
    cross_entropy,
    default_prunable,
    prunable_parameters,
)


def obd(
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
    """½ h_jj w_j²: what the loss gains without w_j when its slope is 0, as after training (Equation 2, right).

    h is the exact diagonal of the Gauss-Newton matrix, the mean over the examples of Jᵀ B J, where J = ∂z/∂w of the
    outputs z (C,) and B the Hessian of the loss by z; LeCun et al.'s Equation 7 to 9 drop the same term of the Hessian.
    Where z is piecewise linear in each weight (ReLU, max-pooling, batch norm as identity, no weight used twice in a
    row, as recurrent ones are) it is the Hessian's own. B = Σ_k λ_k v_k v_kᵀ, so that h = Σ_k λ_k (Jᵀ v_k)²: one
    forward pass an example and C - 1 backward ones, for cross-entropy, as its λ has one 0. generator is not looked at;
    the other arguments as in `connection_gradient`, at masks c too. ValueError for batch_norm="batch", which ties the
    examples together.

    Known failure: before training the slope is not 0, and OBD does not look at it. Where the network is certain the
    curvature vanishes, whether it is right or wrong:

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(1, 2, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[20.0], [-20.0]]))
    >>> x, wrong = torch.ones(1, 1), torch.tensor([1])
    >>> sl.criteria.obd(layer, x, wrong)["weight"].max() < 1e-6, sl.criteria.snip(layer, x, wrong)["weight"].max() > 10
    (tensor(True), tensor(True))
    """
    if batch_norm == "batch":
        raise ValueError("batch_norm='batch' ties the examples together, and obd takes them one by one: use 'identity'")
    loss = loss or cross_entropy
    with network_at(model, at, batch_norm=batch_norm, mode=mode, prunable=prunable) as u:

        def mean_curvature(x: Tensor, y: Tensor) -> Gradient:
            if not isinstance(x, Tensor) or not isinstance(y, Tensor):
                what = " and ".join(map(given.described, (x, y)))
                raise TypeError(f"obd takes the examples one by one, from tensors (n, …), and x and y are {what}")
            reached = gradient_of(loss_of(model, x, y, loss), u)  # which also refuses bad labels
            h = {name: torch.zeros_like(u[name]) for name, slope in reached.items() if slope is not None}
            for i in range(len(y)):
                _add_curvature(h, u, model(x[i : i + 1]), y[i : i + 1], loss, 1 / len(y))
            return {name: h.get(name) for name in u}

        h = or_zero(mean_over(given.pairs(x, y), mean_curvature, examples), u, mode)
    weights = prunable_parameters(model, prunable)
    return {name: weights[name].detach().square() * each / 2 for name, each in h.items()}


def _add_curvature(h: dict[str, Tensor], u: dict[str, Tensor], z: Tensor, y: Tensor, loss: Loss, share: float) -> None:
    """Add an example's share of Σ_k λ_k (Jᵀ v_k)² to h; z (1, C, …): its outputs."""
    b = torch.autograd.functional.hessian(lambda output: loss(output, y), z.detach()).reshape(z.numel(), z.numel())
    b = b.to(torch.promote_types(b.dtype, torch.float32))  # eigenvalues are found in no less
    values, vectors = torch.linalg.eigh(b)
    reached = [u[name] for name in h]
    for value, vector in zip(values, vectors.T, strict=True):
        if abs(value) > values.abs().max() * z.numel() * torch.finfo(b.dtype).eps:  # not a 0 that was rounded
            along = vector.view_as(z).to(z.dtype)
            slopes = torch.autograd.grad(z, reached, along, retain_graph=True, allow_unused=True)
            for each, slope in zip(h.values(), slopes, strict=True):
                if slope is not None:
                    each += share * value * slope.square()
