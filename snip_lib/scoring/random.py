"""Random: a number drawn for each connection, the control that every criterion has to beat."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib.scoring.sensitivity import Batches, Examples, Loss, Prunable, default_prunable, prunable_parameters
from snip_lib.seeds import as_generator


def random(
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
    generator: torch.Generator | int,
) -> dict[str, Tensor]:
    """A uniform number in [0, 1) for each connection, drawn where the generator is: no pass, no data.

    Of the arguments only prunable and generator, or a seed, are looked at; `at` changes nothing. TypeError without a
    generator.

    Known failure: every tensor keeps the same share, so that one that is small already is left with next to nothing.

    >>> import torch, snip_lib as sl
    >>> drawn = sl.criteria.random(torch.nn.Linear(2, 1), generator=0)
    >>> [(name, tuple(scores.shape)) for name, scores in drawn.items()]
    [('weight', (1, 2)), ('bias', (1,))]
    """
    source = as_generator(generator)
    where = {"generator": source, "device": source.device, "dtype": torch.float32}  # whatever torch's defaults are
    return {name: torch.rand(p.shape, **where).to(p.device) for name, p in prunable_parameters(model, prunable).items()}
