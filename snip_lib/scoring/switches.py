"""The switches c at other values than 1: scoring at c = mask, with parameters that stand in for the model's own."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib import kinds


@torch.no_grad()
def masked(model: nn.Module, at: Mapping[str, Tensor] | None) -> dict[nn.Parameter, nn.Parameter]:
    """parameter w -> a parameter c ∘ w of its own memory, for those that `at` names; the model is not written to.

    at: name -> boolean tensor c of the parameter's shape, as `Masks` are; what it does not name keeps c = 1. Raises
    TypeError when it is something else, ValueError when it does not fit the model or was applied to it already.
    """
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise TypeError(f"at must be masks, name -> boolean tensor, got {type(at).__name__}")
    parameters = dict(kinds.bare(model).named_parameters())
    for name, mask in at.items():
        _check_fit(name, mask, parameters.get(name))
    found = {parameters[name]: mask.to(parameters[name].device) for name, mask in at.items()}
    if _applied(found):
        raise ValueError(
            "at: the weights that it prunes are 0 in the model already, so their w dL/dw says nothing: "
            "score the weights as they were before apply_ or hold"
        )
    return {p: nn.Parameter(p.clone().masked_fill_(~c, 0), requires_grad=p.requires_grad) for p, c in found.items()}


def _check_fit(name: str, mask: object, parameter: nn.Parameter | None) -> None:
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        raise TypeError(f"at: the mask of {name!r} must be a boolean tensor, got {getattr(mask, 'dtype', type(mask))}")
    if parameter is None:
        raise ValueError(f"at: the masks do not fit the model, which has no parameter {name!r}")
    if parameter.shape != mask.shape:
        shapes = f"{tuple(parameter.shape)}, the mask {tuple(mask.shape)}"
        raise ValueError(f"at: the masks do not fit the model, whose {name!r} has shape {shapes}")


def _applied(masks: Mapping[nn.Parameter, Tensor]) -> bool:
    """Whether no pruned weight is left in the model: all are 0, and in some tensor no others are.

    A tensor may hold zeros of its own (biases, an identity), and those have a score of 0 and are pruned first. So one
    pruned weight that is not 0 is enough to show that the masks were not applied; zeros of a vector prove nothing.
    """
    exactly = False
    for parameter, mask in masks.items():
        nonzero = parameter != 0
        if bool((nonzero & ~mask).any()):
            return False
        some = 0 < int(mask.count_nonzero()) < mask.numel()
        exactly |= some and parameter.ndim >= 2 and bool((nonzero == mask).all())
    return exactly
