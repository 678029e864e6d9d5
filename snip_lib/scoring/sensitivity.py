"""Connection sensitivity (section 4.1, Equations 3 to 6): what a network's loss does when a connection is removed.

One forward and one backward pass on the live network, no copies: g = w * dL/dw is dL/dc at c = 1 (chain rule on
L(c * w)). What scoring has to switch (modes, batch norm's statistics, dropout) the room `state` switches, and back.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from snip_lib.kinds import EMBEDDINGS, NORMALISATIONS
from snip_lib.scoring.modes import scoring

Batches = Iterable[tuple[Tensor, Tensor]]
Loss = Callable[[object, Tensor], Tensor]
Prunable = Callable[[nn.Module, str, nn.Parameter], bool]


def default_prunable(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    """Weights and biases, except those of normalisation and embedding modules (the authors' choice)."""
    return not isinstance(module, NORMALISATIONS + EMBEDDINGS)


def prunable_parameters(model: nn.Module, prunable: Prunable = default_prunable) -> dict[str, nn.Parameter]:
    """The parameters that pruning may touch, by name, in the order of `named_parameters`.

    prunable: a predicate (module that owns it, full name, parameter). Only floating-point parameters that require a
    gradient are asked about; a tied one is listed once, under its first name. Raises ValueError when none is left.
    """
    found, seen = {}, set()
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(prefix, recurse=False):
            if parameter in seen or not (parameter.requires_grad and parameter.is_floating_point()):
                continue
            seen.add(parameter)
            if prunable(module, name, parameter):
                found[name] = parameter
    if not found:
        raise ValueError("nothing to prune: no floating-point parameter requires a gradient and passes `prunable`")
    return found


def connection_gradient(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    prunable: Prunable = default_prunable,
    at: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The signed effect g_j = dL(c * w)/dc_j at c = 1 of every connection on the loss (Equation 5).

    x, y: one mini-batch, inputs (n, …) and labels (n,); or x an iterable of such pairs, whose signed gradients are
    averaged over all examples. loss: a function (output, y) that returns the mean over the examples; default
    cross-entropy. batch_norm: "identity" (the authors': scale and shift only, as in a fresh network in evaluation
    mode), "batch" (the batch's statistics) or "running" (the stored ones). Dropout is off, recurrent modules are in
    training mode, and the model is left as it was found, also on an error.

    Returns name -> tensor of the parameter's shape; parameters that the loss does not reach get 0 and a warning.
    Raises ValueError for an empty batch, labels out of range or nothing to prune, TypeError for an output that the
    default loss cannot take.
    """
    parameters = prunable_parameters(model, prunable)
    with torch.inference_mode(False), scoring(model, batch_norm), torch.enable_grad():
        # at: the forward pass sees c * w, the derivative is by c, so the gradient there is multiplied by w itself
        found = {name: parameters[name].detach().clone() for name in at or ()}
        try:
            for name, weights in found.items():
                parameters[name].detach().copy_(torch.where(at[name], weights, 0))
            grads = _weight_gradient(model, _batches(x, y), loss or cross_entropy, list(parameters.values()))
        finally:
            for name, weights in found.items():
                parameters[name].detach().copy_(weights)
    unreached = [name for name, grad in zip(parameters, grads, strict=True) if grad is None]
    if unreached:
        warnings.warn(f"the loss does not reach {', '.join(unreached)}: scored 0", stacklevel=2)
    scores = {}
    for i, (name, parameter) in enumerate(parameters.items()):
        grad, grads[i] = grads[i], None  # dropped one by one, so that two copies of all scores never exist
        scores[name] = torch.zeros_like(parameter) if grad is None else grad * parameter.detach()
    return scores


def connection_sensitivity(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    prunable: Prunable = default_prunable,
) -> dict[str, Tensor]:
    """The connection sensitivity s_j = |g_j| / sum_k |g_k| of every connection (Equation 6); all scores sum to 1.

    Arguments and errors as `connection_gradient`; raises ValueError too when a score is not finite or all are 0.
    """
    scores = absolute(connection_gradient(model, x, y, loss=loss, batch_norm=batch_norm, prunable=prunable))
    total = sum(float(score.sum(dtype=torch.promote_types(score.dtype, torch.float32))) for score in scores.values())
    return {name: score.div_(total) for name, score in scores.items()}


def absolute(gradient: dict[str, Tensor]) -> dict[str, Tensor]:
    """|g|, in place: the scores before they are normalised. Raises ValueError when not finite, or all 0."""
    scores = {name: g.abs_() for name, g in gradient.items()}
    check_finite(scores)
    if not any(bool(score.any()) for score in scores.values()):
        raise ValueError(
            "all scores are 0: no connection changes the loss. The network is saturated or dead at this "
            "initialization; variance scaling (init='vs-l') keeps the signal in range"
        )
    return scores


def check_finite(scores: dict[str, Tensor]) -> None:
    """Raise ValueError naming the first parameter with a score that is infinite or not a number."""
    for name, score in scores.items():
        # A sum is finite when all its terms are; only a sum that overflows needs the closer look.
        if not bool(score.sum().isfinite()) and not bool(score.isfinite().all()):
            raise ValueError(
                f"scores of {name!r} are not finite: check the inputs, the loss and the scale of the weights"
            )


def cross_entropy(output: object, y: Tensor) -> Tensor:
    """The paper's loss: mean cross-entropy of logits (n, classes, …) and labels, checked before a GPU sees them."""
    if not isinstance(output, Tensor) or output.ndim < 2:
        what = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else type(output).__name__
        raise TypeError(
            f"the model returned {what}, which cross-entropy cannot take: "
            "pass loss=, a function (output, y) that returns the mean loss"
        )
    if not y.is_floating_point():
        low, high = int(y.min()), int(y.max())
        if low < 0 or high >= output.shape[1]:
            raise ValueError(
                f"labels from {low} to {high}, but the model has {output.shape[1]} classes (0 is the first)"
            )
    return nn.functional.cross_entropy(output, y)


def _batches(x: Tensor | Batches, y: Tensor | None) -> Batches:
    if isinstance(x, Tensor):
        if y is None:
            raise TypeError("labels are missing: pass (model, x, y), or an iterable of (x, y) pairs as x")
        return [(x, y)]
    if y is not None:
        raise TypeError("x is not a tensor, so it must be an iterable of (x, y) pairs, and y must be left out")
    if isinstance(x, (tuple, list)) and x and isinstance(x[0], Tensor):
        raise TypeError("x is one (x, y) pair: pass it as (model, *batch), or in a list of such pairs")
    return x


def _weight_gradient(
    model: nn.Module, batches: Batches, loss: Loss, parameters: list[nn.Parameter]
) -> list[Tensor | None]:
    """dL/dw over all batches, weighted by their numbers of examples; None where the loss does not reach."""
    total, examples = None, 0
    for x, y in batches:
        if len(x) == 0:
            raise ValueError("an empty batch: connection sensitivity needs at least one example")
        value = loss(model(x), y)
        if not value.requires_grad:
            raise ValueError("the loss depends on no parameter: was it computed under no_grad, or detached?")
        # unused inputs are None, and gradients may share memory, so they are never written to
        grads = torch.autograd.grad(value, parameters, allow_unused=True)
        if total is None:
            total, examples = list(grads), len(x)
            continue
        examples += len(x)
        share = len(x) / examples
        total = [_weighted(old, new, share) for old, new in zip(total, grads, strict=True)]
    if total is None:
        raise ValueError("no batches: connection sensitivity needs at least one example")
    return total


def _weighted(old: Tensor | None, new: Tensor | None, share: float) -> Tensor | None:
    if old is None or new is None:
        present, weight = (new, share) if old is None else (old, 1 - share)
        return None if present is None else present * weight
    return torch.lerp(old, new, share)
