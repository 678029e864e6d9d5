"""Many small networks at once: networks of one shape, trained as one batched computation.

A LeNet is too small to fill a GPU: its steps cost the launching of kernels. Stacked along a new first dimension, a
hundred of them cost hardly more launches than one. Each sees its own batches, masks and gradients, so that it is
trained as it would be alone, up to rounding.
"""

import copy
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from snip_lib.data import DataSet
from snip_lib.pruning.masks import Masks
from snip_lib.training.evaluation import Result, evaluating
from snip_lib.training.execution import Execution
from snip_lib.training.recipes import Recipe
from snip_lib.training.step import precise
from snip_lib.training.trainer import Trainer


def can_batch(model: nn.Module) -> bool:
    """Whether networks like `model` can be trained together: nothing recurrent, and no state beside parameters."""
    return not list(model.buffers()) and not any(isinstance(m, nn.RNNBase) for m in model.modules())


class BatchedTrainer(Trainer):
    """Trains networks that differ in their weights, masks and seeds alone, in one computation; see `Trainer`.

    models: of one shape; they get their trained weights when `run` returns. seeds: of the order of the batches, one
    each. masks: one each, None for a dense network. `results` holds what was measured, one each; a network that
    diverges does not stop the others. Seconds are shared out evenly.

    Raises ValueError when the networks cannot be trained together.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        data: DataSet,
        recipe: Recipe,
        *,
        seeds: Sequence[int],
        masks: Sequence[Masks | None] | None = None,
        execution: Execution | None = None,
    ):
        masks = masks or [None] * len(models)
        if not len(models) == len(seeds) == len(masks) > 0:
            raise ValueError(f"{len(models)} models, {len(seeds)} seeds and {len(masks)} masks: one each is wanted")
        if not can_batch(models[0]):
            raise ValueError("networks with buffers or recurrent modules cannot be trained together")
        if recipe.augment:
            raise ValueError("a recipe that augments is for networks trained one by one")
        execution = replace(execution or Execution.on(data.train_x.device), channels_last=False)  # these have five axes
        self.models = list(models)
        stacked = _stacked(self.models)
        super().__init__(stacked, data, recipe, seed=tuple(seeds), masks=_stacked_masks(masks), execution=execution)
        self.results = [Result() for _ in models]

    def run(
        self, until: int | None = None, *, progress: bool = False, stop: Callable[[], bool] | None = None
    ) -> list[Result]:
        """As `Trainer.run`, for all networks: one result each, in order."""
        super().run(until, progress=progress, stop=stop)
        self.write_back()
        return self.results

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy the trained weights into the models they belong to."""
        for name, together in self.model.named_parameters():
            for model, weights in zip(self.models, together, strict=True):
                model.get_parameter(name).copy_(weights)

    def _outputs(self, x: Tensor, *, shared: bool) -> Tensor:
        """Logits (networks, n, classes); x: (networks, n, …), or (n, …) when shared."""
        with self.execution.precision(self.device):
            each = vmap(self._output, in_dims=(0, None if shared else 0))
            return each(dict(self.model.named_parameters()), x)

    def _output(self, weights: dict[str, Tensor], x: Tensor) -> Tensor:
        return functional_call(self.model, weights, (x,))

    def _network_losses(self, x: Tensor, y: Tensor) -> Tensor:
        each = vmap(functools.partial(nn.functional.cross_entropy, label_smoothing=self.recipe.label_smoothing))
        return each(precise(self._outputs(x, shared=False)), y)

    def _wrong(self, x: Tensor, y: Tensor) -> Tensor:
        with evaluating(self.model):
            return (self._outputs(x, shared=True).argmax(2) != y).sum(1)


def _stacked(models: list[nn.Module]) -> nn.Module:
    """A module like each of `models`, whose parameters hold those of all, along a new first dimension."""
    stacked = copy.deepcopy(models[0])
    parameters = [dict(model.named_parameters()) for model in models]
    for name, first in parameters[0].items():
        if any(name not in other or other[name].shape != first.shape for other in parameters):
            raise ValueError(f"the networks differ in {name!r}, so they cannot be trained together")
        owner, _, attribute = name.rpartition(".")
        together = torch.stack([other[name].detach() for other in parameters])
        setattr(stacked.get_submodule(owner), attribute, nn.Parameter(together, requires_grad=first.requires_grad))
    return stacked


def _stacked_masks(masks: Sequence[Masks | None]) -> Masks | None:
    given = [each for each in masks if each is not None]
    if not given:
        return None
    if any(list(each) != list(given[0]) for each in given):
        raise ValueError("the masks are of different parameters, so the networks cannot be trained together")
    dense = {name: torch.ones_like(mask) for name, mask in given[0].items()}
    each = [dense if one is None else one for one in masks]
    return Masks({name: torch.stack([one[name] for one in each]) for name in dense})
