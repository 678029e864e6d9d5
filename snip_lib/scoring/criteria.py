"""Other scores to prune by, with the signature of connection sensitivity, for comparison."""

from __future__ import annotations  # the names are read without torch

from collections.abc import Callable
from typing import TYPE_CHECKING

from snip_lib.words import Later, nearest

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from snip_lib.scoring.sensitivity import Batches, Prunable

    Scores = dict[str, Tensor]


def magnitude(
    model: nn.Module,
    x: Tensor | Batches | None = None,
    y: Tensor | None = None,
    *,
    prunable: Prunable | None = None,
) -> Scores:
    """The size of each weight, |w_j| (Equation 2, left); x and y are not looked at."""
    return {name: p.detach().abs() for name, p in _parameters(model, prunable).items()}


def random(
    model: nn.Module,
    x: Tensor | Batches | None = None,
    y: Tensor | None = None,
    *,
    generator: torch.Generator | int,
    prunable: Prunable | None = None,
) -> Scores:
    """A uniform random number in [0, 1) for each connection, drawn where the generator is; x, y are not looked at."""
    import torch

    from snip_lib.seeds import as_generator

    source, parameters = as_generator(generator), _parameters(model, prunable)
    return {
        name: torch.rand(p.shape, generator=source, device=source.device).to(p.device) for name, p in parameters.items()
    }


def _parameters(model: nn.Module, prunable: Prunable | None) -> dict[str, nn.Parameter]:
    from snip_lib.scoring.sensitivity import default_prunable, prunable_parameters

    return prunable_parameters(model, prunable or default_prunable)


CRITERIA: dict[str, Callable[..., Scores]] = {
    "snip": Later("snip_lib.scoring.sensitivity", "connection_sensitivity"),
    "magnitude": magnitude,
    "random": random,
}


def named(name: str) -> Callable[..., Scores]:
    """The criterion of that name; ValueError with the nearest known one otherwise."""
    if name not in CRITERIA:
        raise ValueError(f"unknown criterion {name!r}; known: {', '.join(CRITERIA)}{nearest(name, CRITERIA)}")
    return CRITERIA[name]
