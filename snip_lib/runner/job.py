"""A unit of runs in memory: their data, scores and masks, the weights that are trained, and what they measured."""

import dataclasses
import functools
import time
import warnings

import torch
from torch import nn

from snip_lib import data, models, pruning
from snip_lib.data import DataSet
from snip_lib.pruning import LayerCollapseWarning, Masks, ZeroScoreWarning
from snip_lib.runner.units import Unit
from snip_lib.scoring.sensitivity import prunable_parameters
from snip_lib.seeds import generator
from snip_lib.studies.run import Run
from snip_lib.training import Execution, Result, Trainer
from snip_lib.training.batched import BatchedTrainer


class Job:
    """What a unit holds in memory: the masks and networks, in the order of its runs, and their trainer."""

    def __init__(self, unit: Unit, device: torch.device | str, state: dict | None = None):
        """state: of an earlier job of the same unit, to go on from."""
        self.runs, first = unit.runs, unit.runs[0]
        dataset, start = dataset_of(first, device), time.perf_counter()
        if state is None:
            self.masks, self.models = zip(*(prune(run, dataset) for run in self.runs), strict=True)
        else:
            self.masks = [Masks(masks) if masks else None for masks in state["masks"]]
            self.models = [_network(run, dataset, "train weights") for run in self.runs]
        self.seconds = time.perf_counter() - start if state is None else state["seconds"]
        self.classes = dataset.classes
        execution, seen = Execution.on(device, first.dtype, first.layout), _labelled(first, dataset)
        if len(self.runs) == 1:
            self.trainer = Trainer(
                self.models[0], seen, first.recipe, seed=first.seed, masks=self.masks[0], execution=execution
            )
        else:
            self.trainer = BatchedTrainer(
                self.models,
                seen,
                first.recipe,
                seeds=[run.seed for run in self.runs],
                masks=self.masks,
                execution=execution,
            )
        if state is not None:
            self.trainer.load_state_dict(state["trainer"])

    def state(self) -> dict:
        """What a later job goes on from."""
        masks = [dict(each) if each is not None else None for each in self.masks]
        return {"trainer": self.trainer.state_dict(), "masks": masks, "seconds": self.seconds}

    def metrics(self) -> list[dict]:
        """What each run measured, as its record holds it; seconds of scoring are shared out evenly."""
        parts = zip(self.trainer.results, self.masks, self.models, strict=True)
        return [_metrics(*each, classes=self.classes, scoring=self.seconds / len(self.runs)) for each in parts]


def _metrics(result: Result, masks: Masks | None, model: nn.Module, *, classes: int, scoring: float) -> dict:
    """Errors as shares, None where a run diverged."""
    layers, ended = layers_of(masks, model), result.diverged is None
    return {
        "test_error": result.test_error if ended else None,
        "best_test_error": result.best_test_error if ended else None,
        "valid_error": result.valid_error[-1][1] if ended else None,
        "last_test_errors": result.last_test_errors,
        "valid_errors": result.valid_error,
        "losses": [[iteration, round(loss, 6)] for iteration, loss in result.loss],
        "diverged": result.diverged,
        "classes": classes,
        "kept": sum(kept for kept, _ in layers.values()),
        "total": sum(total for _, total in layers.values()),
        "layers": layers,
        "empty_layers": masks.empty_layers() if masks is not None else [],
        "iterations": result.iterations,
        "seconds": round(result.seconds, 3),
        "scoring_seconds": round(scoring, 3),
    }


def layers_of(masks: Masks | None, model: nn.Module) -> dict[str, list[int]]:
    """Name of each prunable parameter -> [kept, of how many]."""
    if masks is not None:
        return {name: [int(mask.sum()), mask.numel()] for name, mask in masks.items()}
    return {name: [p.numel(), p.numel()] for name, p in prunable_parameters(model).items()}


def prune(run: Run, dataset: DataSet) -> tuple[Masks | None, nn.Module]:
    """The masks, None where dense, and the network with the weights that are trained (Algorithm 1, lines 1 to 5).

    With `redraw` they are drawn after, and independently of, the weights that are scored, as the authors' code does.
    """
    model = _network(run, dataset, "train weights")
    if run.sparsity == 0:
        return None, model
    scored = _network(run, dataset, "score weights") if run.redraw else model
    x, y = data.pruning_batch(dataset, run.pruning_batch, seed=run.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LayerCollapseWarning)  # the record names the layers that were left empty
        warnings.simplefilter("ignore", ZeroScoreWarning)  # dead pixels, at low sparsities
        masks = pruning.prune(
            scored,
            x,
            y,
            sparsity=run.sparsity,
            criterion=run.criterion,
            batch_norm=run.batch_norm,
            generator=generator(run.seed, "criterion"),
        )
    return masks, model


def dataset_of(run: Run, device: torch.device | str) -> DataSet:
    """The run's data set on the device; the last one used is kept in memory."""
    return _loaded(run.data, run.split_seed, str(device))


@functools.lru_cache(maxsize=1)
def _loaded(name: str, split_seed: int, device: str) -> DataSet:
    return data.load(name, split_seed=split_seed, device=device)


def _labelled(run: Run, dataset: DataSet) -> DataSet:
    """The data set that is trained on: with labels drawn uniformly where the run says so (Figure 4)."""
    if run.labels == "true":
        return dataset
    drawn = torch.randint(dataset.classes, dataset.train_y.shape, generator=generator(run.seed, "random labels"))
    return dataclasses.replace(dataset, train_y=drawn.to(dataset.train_y.device))


def _network(run: Run, dataset: DataSet, purpose: str) -> nn.Module:
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
