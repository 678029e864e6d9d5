"""Connection sensitivity (section 4.1, Equations 3 to 6): what a network's loss does when a connection is removed.

One forward and one backward pass on the live network, no copies: g = w * dL/dw is dL/dc at c = 1 (chain rule on
L(c * w)). What scoring has to switch (modes, batch norm's statistics, dropout) `modes` switches, and back.
"""

import inspect
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from snip_lib import given, kinds
from snip_lib.given import Batches, Examples
from snip_lib.scoring.backward import Loss, mean_gradient
from snip_lib.scoring.mean import or_zero
from snip_lib.scoring.modes import scoring
from snip_lib.scoring.switches import masked

Prunable = Callable[[nn.Module, str, nn.Parameter], bool]


def default_prunable(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    """Weights and biases (see `kinds.role`), so not those of normalisation and embedding modules (the authors' choice).

    Raises ValueError for what a parametrised weight is computed from: removing a part of it removes no connection.
    """
    if kinds.is_part(module, name):
        raise ValueError(
            f"{name!r} is only a part that a parametrised weight is computed from, so its entries are no connections: "
            "make the weight whole first (remove_parametrizations, remove_weight_norm, prune.remove), or pass prunable="
        )
    return kinds.role(module, name, parameter) in ("weight", "bias")


def prunable_parameters(model: nn.Module, prunable: Prunable = default_prunable) -> dict[str, nn.Parameter]:
    """The parameters that pruning may touch, by name, in the order of `named_parameters`.

    prunable: a predicate (module that owns it, full name, parameter). Only floating-point parameters that require a
    gradient are asked about; a tied one is listed once, under its first name; inside a wrapper (`kinds.bare`) they have
    the model's own names. Raises ValueError when none is left, when one has no shape yet or can have no gradient, or
    (the default) for parts of parametrised weights.

    >>> list(prunable_parameters(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.PReLU())))
    ['0.weight', '0.bias']
    """
    found, seen = {}, set()
    for prefix, module in kinds.bare(model).named_modules():
        for name, parameter in module.named_parameters(prefix, recurse=False):
            kinds.has_shape(name, parameter)
            if parameter.is_inference():
                raise ValueError(
                    f"{name!r} was made in inference mode and can have no gradient: make the model outside"
                )
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
    mode: str = "eval",
    prunable: Prunable = default_prunable,
    examples: Examples | None = None,
    at: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """The signed effect g_j = dL(c * w)/dc_j at c = 1 of every connection on the loss (Equation 5).

    x, y: one mini-batch, inputs (n, …) and labels (n,); or x an iterable of such pairs, whose signed gradients are
    averaged over all examples. examples: a function (x, y) that returns how many a batch holds; default, its number of
    labels. loss: a function (output, y) that returns the mean over the examples; default cross-entropy.
    batch_norm: "identity" (the authors': scale and shift only, as in a fresh network in evaluation mode), "batch" (the
    batch's statistics) or "running" (the stored ones). mode: "eval", or "train" for a model whose loss or auxiliary
    output exists in training mode only; dropout is off in either, recurrent modules are in training mode in either.
    at: masks; the derivative is taken at c = mask, so a pruned connection has a score too. The model must still hold
    the weights that they prune.

    Returns name -> tensor of the parameter's shape; parameters that the loss does not reach get 0 and a warning. Raises
    ValueError for an empty batch, labels out of range, nothing to prune or masks that do not fit, TypeError for batches
    that are no pairs, an output or labels that the default loss cannot take, and a scripted model.

    The model is left as it was found, also on an error: parameters, buffers, `.grad`, hooks, modes and the random
    state. Not what its forward pass writes into plain attributes (a step counter, a cache). Meanwhile it is switched
    over, so it must not be scored or run by two threads at a time.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 5.0]]))
    >>> x, y = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0]])
    >>> connection_gradient(layer, x, y, loss=lambda output, y: output.mean())["weight"]  # w x
    tensor([[ 3., 10.]])
    """
    options = {"loss": loss, "batch_norm": batch_norm, "mode": mode, "examples": examples, "at": at}
    parameters = prunable_parameters(model, prunable)
    gradient = loss_gradient(model, x, y, parameters, **options)
    # taken out one by one, so that two copies of all scores never exist
    return {name: gradient.pop(name) * parameter.detach() for name, parameter in parameters.items()}


def loss_gradient(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None,
    parameters: Mapping[str, nn.Parameter],
    *,
    loss: Loss | None,
    batch_norm: str,
    mode: str,
    examples: Examples | None,
    at: Mapping[str, Tensor] | None,
) -> dict[str, Tensor]:
    """dL(c ∘ w)/d(c ∘ w) of some of the model's parameters by name, at c = 1 or `at`; as `connection_gradient`."""
    if isinstance(loss, type) or not (loss is None or callable(loss)):
        raise TypeError(f"loss must be a function (output, y) that returns the mean loss, got {given.described(loss)}")
    with torch.inference_mode(False), torch.enable_grad():
        instead = masked(model, at)
        weights = {name: instead.get(p, p) for name, p in parameters.items()}
        with scoring(model, batch_norm, mode, instead):
            batches = given.pairs(x, y)
            found, unrecorded = mean_gradient(model, batches, loss or cross_entropy, weights, examples=examples)
    return or_zero(found, weights, mode, unrecorded)


def connection_sensitivity(
    model: nn.Module, x: Tensor | Batches, y: Tensor | None = None, **options
) -> dict[str, Tensor]:
    """The connection sensitivity s_j = |g_j| / sum_k |g_k| of every connection (Equation 6); all scores sum to 1.

    Arguments and errors as `connection_gradient`; raises ValueError too when a score is not finite or all are 0.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[1.0, -3.0]]))
    >>> connection_sensitivity(layer, torch.ones(1, 2), torch.zeros(1), loss=lambda output, y: output.mean())["weight"]
    tensor([[0.2500, 0.7500]])
    """
    scores = absolute(connection_gradient(model, x, y, **options))
    total = sum(float(score.sum(dtype=torch.promote_types(score.dtype, torch.float32))) for score in scores.values())
    return {name: score.div_(total) for name, score in scores.items()}


connection_sensitivity.__signature__ = inspect.signature(connection_gradient)  # what help() and tools show


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


def cross_entropy(output: object, y: object) -> Tensor:
    """The paper's loss: mean cross-entropy of logits (n, classes, …) and labels (n, …), checked; see `given.labels`."""
    if isinstance(y, Tensor) and not y.ndim:
        raise ValueError("y is one label without a dimension: give a batch, x (n, …) and y (n,), as a DataLoader does")
    output = given.logits(output)
    return nn.functional.cross_entropy(output, given.labels(output, y))
