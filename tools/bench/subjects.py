"""What the measurements share: networks, batches and scores. Speed does not depend on what the pictures show."""

import torch
from torch import Tensor, nn

import snip_lib as sl
from snip_lib.models import INPUT_SHAPES
from snip_lib.training import Trainer
from snip_lib.training.batched import BatchedTrainer
from snip_lib.training.recipes import Recipe

SPARSITY = 0.97
RECIPE = Recipe(iterations=10**9, batch_size=100, learning_rate=0.05, evaluations=1)  # never ends


def scored(
    network: str, batch: int, device: str = "cpu", *, side: int | None = None, classes: int = 10
) -> tuple[nn.Module, Tensor, Tensor]:
    """A network in evaluation mode and a batch to score it on; side: of the pictures, its data set's by default."""
    generator, (channels, *sides) = torch.Generator().manual_seed(0), INPUT_SHAPES[network]
    shape = (channels, *(sides if side is None else (side, side)))
    made = {"generator": generator, "input_shape": shape, "classes": classes, "device": device}
    model = sl.models.build(network, **made).eval()
    x = torch.randn(batch, *shape, generator=generator)
    y = torch.randint(0, classes, (batch,), generator=generator)
    return model, x.to(device), y.to(device)


def floor(model: nn.Module, x: Tensor, y: Tensor) -> list[Tensor]:
    """The least that a score needs: one forward pass, and the gradient of all prunable parameters."""
    parameters = list(sl.prunable_parameters(model).values())
    return list(torch.autograd.grad(nn.functional.cross_entropy(model(x), y), parameters))


def scores(number: int) -> Tensor:
    """Made-up scores (number,), spread over many orders of magnitude as real ones are; made without a second copy."""
    return torch.randn(number, generator=torch.Generator().manual_seed(0)).pow_(3).abs_()


def kappa(number: int) -> int:
    """How many of so many scores are kept."""
    return sl.keep_count(number, SPARSITY)


def pruned(network: str, count: int) -> tuple[sl.data.DataSet, list[nn.Module], list[sl.Masks]]:
    """Networks of different seeds with their masks, and the digits that they are trained on."""
    data = sl.data.load("digits")
    x, y = sl.data.pruning_batch(data, 100, seed=0)
    models = [sl.models.build(network, generator=seed) for seed in range(count)]
    return data, models, [sl.snip(model, x, y, sparsity=0.9) for model in models]


def trainers(network: str, count: int) -> list[Trainer]:
    """One trainer for each of `pruned`."""
    data, models, masks = pruned(network, count)
    return [Trainer(m, data, RECIPE, seed=i, masks=masks[i]) for i, m in enumerate(models)]


def together(network: str, count: int) -> list[BatchedTrainer]:
    """One trainer for all of `pruned`, in a list."""
    data, models, masks = pruned(network, count)
    return [BatchedTrainer(models, data, RECIPE, seeds=range(count), masks=masks)]
