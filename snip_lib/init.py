"""Initialization: random normal, truncated normal, variance scaling and orthogonal (section 4.2 and Table 3).

Fans are counted as TensorFlow counts them, variance scaling draws truncated normals cut at two standard deviations, and
biases are zero, as in the authors' code.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from snip_lib.kinds import NORMALISATIONS, RECURRENT, has_shape, is_part, role
from snip_lib.schemes import ALIASES, SCHEMES, TRUNCATED_STD, VARIANCE_SCALING, canonical
from snip_lib.seeds import as_generator

__all__ = ["ALIASES", "SCHEMES", "TRUNCATED_STD", "VARIANCE_SCALING", "canonical", "fans", "initialize_"]


def initialize_(
    model: nn.Module, scheme: str, *, generator: torch.Generator | int, std: float | None = None
) -> nn.Module:
    """Draw every weight of `model` anew, in place, in the order of `named_parameters`; returns the model.

    scheme: "vs-l" (LeCun, the authors' code), "vs-x" or "glorot", "vs-h" or "he", "vs-l-2018" (LeCun as
    TensorFlow drew it until mid-2018, 0.88 times as wide), "rn" (normal), "tn" (normal cut at
    two `std`), "orthogonal". `rn` and `tn` need `std`, the others refuse it. What is a weight or a bias `kinds.role`
    says, as it does for pruning: weights are drawn, biases become 0, normalisation layers are reset (scale 1, shift 0),
    and scales, slopes, position tables, tokens and embeddings are left alone. A tied tensor is drawn once, as what its
    first name says. Draws are made on the CPU, in the parameter's precision but at least float32, so that a seed gives
    the same weights on every device.

    Raises ValueError for an unknown scheme, a `std` that is missing, superfluous or not positive, a parametrised
    weight, or one without a shape yet, before anything is drawn.

    >>> model = initialize_(nn.Sequential(nn.Linear(4, 2), nn.PReLU()), "vs-l", generator=0)
    >>> model[0].bias.tolist(), model[1].weight.tolist()
    ([0.0, 0.0], [0.25])
    """
    scheme = canonical(scheme, std)
    source = as_generator(generator)
    for module, name, parameter in list(_weights_and_biases(model)):
        if role(module, name, parameter) == "bias":
            parameter.detach().zero_()
            continue
        precision = torch.promote_types(parameter.dtype, torch.float32)
        value = torch.empty(parameter.shape, dtype=precision, device="cpu")
        _draw_(value, fans(module, name, parameter), scheme, std, source)
        parameter.detach().copy_(value)
    for module in model.modules():
        if isinstance(module, NORMALISATIONS):
            module.reset_parameters()
        elif hasattr(module, "reset_constants"):  # what is neither drawn nor 0: see `RowReader`
            module.reset_constants()
    return model


def fans(module: nn.Module, name: str, parameter: Tensor) -> tuple[int, int]:
    """(fan in, fan out) as TensorFlow counts them: inputs and outputs times the size of the kernel.

    A recurrent layer's two matrices count as the one kernel on (input, state) that they are halves of.

    >>> layer = nn.Conv2d(3, 8, 5)
    >>> fans(layer, "weight", layer.weight)
    (75, 200)
    """
    if isinstance(module, RECURRENT) and ("_ih" in name or "_hh" in name):
        halves = name.replace("_hh", "_ih"), name.replace("_ih", "_hh")
        return sum(getattr(module, half).shape[1] for half in halves), parameter.shape[0]
    kernel = math.prod(parameter.shape[2:])
    return parameter.shape[1] * kernel, parameter.shape[0] * kernel


def _weights_and_biases(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Parameter]]:
    """(module, name in it, parameter); ValueError for a part that a parametrised weight is computed from."""
    seen = set()
    for prefix, module in model.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            full = f"{prefix}.{name}".removeprefix(".")
            has_shape(full, parameter)
            if is_part(module, full):
                raise ValueError(f"{full!r} is a part of a parametrised weight: draw first, parametrise then")
            if parameter not in seen and role(module, name, parameter) in ("weight", "bias"):
                yield module, name, parameter
            seen.add(parameter)


def _draw_(value: Tensor, fan: tuple[int, int], scheme: str, std: float | None, source: torch.Generator) -> None:
    if scheme == "orthogonal":
        nn.init.orthogonal_(value, generator=source)
    elif scheme == "rn":
        value.normal_(0.0, std, generator=source)
    elif scheme == "tn":
        nn.init.trunc_normal_(value, std=std, a=-2 * std, b=2 * std, generator=source)
    else:
        scale, which = VARIANCE_SCALING[scheme]
        width = math.sqrt(scale / {"in": fan[0], "average": sum(fan) / 2}[which]) / TRUNCATED_STD
        nn.init.trunc_normal_(value, std=width, a=-2 * width, b=2 * width, generator=source)
