"""What a run prunes and trains on: its network, its masks or the control in their place, its examples and labels.

A control keeps as many connections as the run's criterion would, but others, so that the difference in test error is
what the choice of places was worth:

shuffled   of each tensor the same number, at places drawn at random.
inverted   of each tensor the same number, those that the criterion scores lowest.
magnitude  of each tensor the same number, where the weights that are trained are largest.
redrawn    the criterion's mask of another draw of weights and of another pruning batch: numbers differ a little.
other-inputs  of each unit of the first layer the same number, from inputs drawn at random; elsewhere its own.
other-units   of each input of the first layer the same number, to units drawn at random; elsewhere its own.
"""

import dataclasses
import warnings

import torch
from torch import Tensor, nn

from snip_lib import data, models, pruning
from snip_lib.data import DataSet
from snip_lib.pruning import LayerCollapseWarning, Masks, ZeroScoreWarning
from snip_lib.scoring import criteria
from snip_lib.scoring.sensitivity import default_prunable
from snip_lib.seeds import generator
from snip_lib.studies.run import Run

REDRAWN = 1_000_000  # added to the seed of a redrawn mask, so that it is that of no other run


def masks_of(run: Run, dataset: DataSet, model: nn.Module, *, sparsity: float | None = None) -> Masks:
    """The masks that a run trains `model` with, by its criterion or, where it has one, its control.

    With `redraw` the weights that are scored are drawn independently of the model's, as in the authors' code. sparsity:
    of this pruning, where it is not the run's last.
    """
    if run.control == "redrawn":
        run = dataclasses.replace(run, control="none", seed=run.seed + REDRAWN)
        return masks_of(run, dataset, network(run, dataset, "train weights"), sparsity=sparsity)
    scored = network(run, dataset, "score weights") if run.redraw else model
    batch = data.pruning_batch(dataset, run.pruning_batch, seed=run.seed, label=run.pruning_label)
    options = {"batch_norm": run.batch_norm, "prunable": weights_alone if run.biases == "kept" else default_prunable}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerCollapseWarning)  # the record names the layers that were left empty
        warnings.simplefilter("ignore", ZeroScoreWarning)  # dead pixels, at low sparsities
        how = options | {"criterion": run.criterion, "sparsity": run.sparsity if sparsity is None else sparsity}
        masks = pruning.prune(scored, *batch, generator=generator(run.seed, "criterion"), **how)
        return _controlled(run, masks, scored, model, batch, options)


def _controlled(
    run: Run, masks: Masks, scored: nn.Module, trained: nn.Module, batch: tuple[Tensor, Tensor], options: dict
) -> Masks:
    """The masks, or others with as many kept of each tensor."""
    if run.control == "shuffled":
        return masks.shuffled(generator=generator(run.seed, "shuffled"))
    if run.control == "inverted":
        drawn = generator(run.seed, "criterion")
        scores = criteria.named(run.criterion)(scored, *batch, generator=drawn, **options)
        return pruning.keep_top({name: -score for name, score in scores.items()}, quota=masks.counts())
    if run.control == "magnitude":
        return pruning.keep_top(criteria.magnitude(trained, prunable=options["prunable"]), quota=masks.counts())
    if run.control in ("other-inputs", "other-units"):
        return first_dealt(masks, run.control, generator=generator(run.seed, run.control))
    return masks


def first_dealt(masks: Masks, control: str, *, generator: torch.Generator) -> Masks:
    """The masks with their first weight dealt anew: each unit keeps its number of connections, or each input does.

    >>> import torch
    >>> masks = Masks({"bias": torch.ones(3) > 0, "weight": torch.eye(3) > 0, "last": torch.eye(3) > 0})
    >>> dealt = first_dealt(masks, "other-inputs", generator=generator(0, "dealt"))
    >>> dealt["weight"].sum(1).tolist(), dealt["weight"].equal(masks["weight"]), dealt["last"].equal(masks["last"])
    ([1, 1, 1], False, True)
    """
    name = next(name for name, mask in masks.items() if mask.ndim >= 2)
    matrix = masks[name].flatten(1)  # (units, inputs), a place of a kernel being an input of its own
    order = torch.rand(matrix.shape, generator=generator).argsort(1 if control == "other-inputs" else 0)
    dealt = matrix.gather(1 if control == "other-inputs" else 0, order.to(matrix.device))
    return Masks({**masks, name: dealt.view(masks[name].shape)})


def weights_alone(module: nn.Module, name: str, parameter: nn.Parameter) -> bool:
    """Weight tensors, of two or more dimensions, as `default_prunable` has them, and no biases."""
    return parameter.ndim >= 2 and default_prunable(module, name, parameter)


def sparsity_after(done: int, rounds: int, sparsity: float) -> float:
    """1 - (1 - sparsity)^(t/T) after pruning t of T, the same share of what was left pruned each time.

    >>> [sparsity_after(t, 2, 0.99) for t in (1, 2)]
    [0.9, 0.99]
    """
    return sparsity if done == rounds else round(1 - (1 - sparsity) ** (done / rounds), 9)


def seen_by(run: Run, dataset: DataSet) -> DataSet:
    """The data set as it is trained on: with random labels, or the validation examples, where the run says so."""
    if run.validation == "trained":
        joined = [torch.cat([getattr(dataset, f"{part}_{kind}") for part in ("train", "valid")]) for kind in "xy"]
        dataset = dataclasses.replace(dataset, train_x=joined[0], train_y=joined[1])
    if run.labels == "random":  # drawn uniformly (Figure 4)
        drawn = torch.randint(dataset.classes, dataset.train_y.shape, generator=generator(run.seed, "random labels"))
        dataset = dataclasses.replace(dataset, train_y=drawn.to(dataset.train_y.device))
    return dataset


def network(run: Run, dataset: DataSet, purpose: str) -> nn.Module:
    """The run's network, its weights drawn for a purpose: "train weights", or "score weights" by `score_init`."""
    scored = purpose == "score weights" and run.score_init is not None
    return models.build(
        run.network,
        init=run.score_init if scored else run.init,
        std=run.score_std if scored else run.std,
        generator=generator(run.seed, purpose),
        input_shape=dataset.input_shape,
        classes=dataset.classes,
        device=dataset.train_x.device,
    )
