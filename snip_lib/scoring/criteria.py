"""Other scores to prune by, with the signature of connection sensitivity, for comparison."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import (
    Batches,
    Prunable,
    connection_sensitivity,
    default_prunable,
    prunable_parameters,
)
from snip_lib.seeds import as_generator
from snip_lib.words import nearest

Scores = dict[str, Tensor]


def magnitude(
    model: nn.Module,
    x: Tensor | Batches | None = None,
    y: Tensor | None = None,
    *,
    prunable: Prunable = default_prunable,
) -> Scores:
    """The size of each weight, |w_j| (Equation 2, left); x and y are not looked at."""
    return {name: p.detach().abs() for name, p in prunable_parameters(model, prunable).items()}


def random(
    model: nn.Module,
    x: Tensor | Batches | None = None,
    y: Tensor | None = None,
    *,
    generator: torch.Generator | int,
    prunable: Prunable = default_prunable,
) -> Scores:
    """A uniform random number in [0, 1) for each connection, drawn where the generator is; x, y are not looked at."""
    source = as_generator(generator)
    parameters = prunable_parameters(model, prunable)
    return {
        name: torch.rand(p.shape, generator=source, device=source.device).to(p.device) for name, p in parameters.items()
    }


CRITERIA: dict[str, Callable[..., Scores]] = {
    "snip": connection_sensitivity,
    "magnitude": magnitude,
    "random": random,
}


def named(name: str) -> Callable[..., Scores]:
    """The criterion of that name; ValueError with the nearest known one otherwise."""
    if name not in CRITERIA:
        raise ValueError(f"unknown criterion {name!r}; known: {', '.join(CRITERIA)}{nearest(name, CRITERIA)}")
    return CRITERIA[name]
