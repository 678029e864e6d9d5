"""A unit of runs in memory: their data, scores and masks, the weights that are trained, and what they measured."""

import functools
import time

import torch
from torch import nn

from snip_lib import data
from snip_lib.data import DataSet
from snip_lib.pruning import Masks
from snip_lib.pruning.isometry import REPAIRS
from snip_lib.runner.masking import masks_of, network, seen_by, sparsity_after
from snip_lib.runner.units import Unit
from snip_lib.scoring.sensitivity import prunable_parameters
from snip_lib.studies.run import Run
from snip_lib.training import Execution, Result, Trainer
from snip_lib.training.batched import BatchedTrainer


class Job:
    """What a unit holds in memory: the masks and networks, in the order of its runs, and their trainer.

    A run with `pretrain` is trained more than once: `phase` counts the trainings that are over, `go_on` begins the
    next.
    """

    def __init__(self, unit: Unit, device: torch.device | str, state: dict | None = None):
        """state: of an earlier job of the same unit, to go on from."""
        self.runs, self.device = unit.runs, device
        self.dataset, start = dataset_of(unit.runs[0], device), time.perf_counter()
        self.phase, self.trained = 0, {"iterations": 0, "seconds": 0.0}
        if state is None:
            self.masks, self.models = zip(*(prune(run, self.dataset) for run in self.runs), strict=True)
            self.seconds = time.perf_counter() - start
        else:
            self.masks = [Masks(masks) if masks else None for masks in state["masks"]]
            self.models = [network(run, self.dataset, "train weights") for run in self.runs]
            self.seconds, self.phase = state["seconds"], state.get("phase", 0)
            self.trained = state.get("trained", self.trained)
        self.trainer = self._new_trainer()
        if state is not None:
            self.trainer.load_state_dict(state["trainer"])

    @property
    def finished(self) -> bool:
        """Whether the last training is over, or one has diverged."""
        return self.trainer.finished and (self.phase == self.runs[0].pretrain or bool(self.trainer.result.diverged))

    @property
    def iteration(self) -> int:
        """The iteration that the last training has reached; 0 before it."""
        return self.trainer.iteration if self.phase == self.runs[0].pretrain else 0

    def go_on(self) -> None:
        """Prune the network that was trained, and begin its next training, from its weights."""
        result, run = self.trainer.result, self.runs[0]
        self.trained = {key: value + getattr(result, key) for key, value in self.trained.items()}
        start, self.phase = time.perf_counter(), self.phase + 1
        sparsity = sparsity_after(self.phase, run.pretrain, run.sparsity)
        self.masks = [masks_of(run, self.dataset, self.models[0], sparsity=sparsity)]
        self.seconds += time.perf_counter() - start
        self.trainer = self._new_trainer()

    def state(self) -> dict:
        """What a later job goes on from."""
        masks = [dict(each) if each is not None else None for each in self.masks]
        here = {"phase": self.phase, "trained": self.trained, "seconds": self.seconds}
        return {"trainer": self.trainer.state_dict(), "masks": masks, **here}

    def metrics(self) -> list[dict]:
        """What each run measured, as its record holds it; seconds of scoring are shared out evenly."""
        parts = zip(self.trainer.results, self.masks, self.models, strict=True)
        own = {"classes": self.dataset.classes, "scoring": self.seconds / len(self.runs), "before": self.trained}
        return [_metrics(*each, **own) for each in parts]

    def _new_trainer(self) -> Trainer:
        first, seen = self.runs[0], seen_by(self.runs[0], self.dataset)
        execution = Execution.on(self.device, first.dtype, first.layout)
        if len(self.runs) == 1:
            options = {"seed": first.seed, "masks": self.masks[0]}
            return Trainer(self.models[0], seen, first.recipe, execution=execution, **options)
        options = {"seeds": [run.seed for run in self.runs], "masks": self.masks}
        return BatchedTrainer(self.models, seen, first.recipe, execution=execution, **options)


def _metrics(result: Result, masks: Masks | None, model: nn.Module, *, classes: int, scoring: float, before: dict):
    """Errors as shares, None where a run diverged; iterations and seconds of all its trainings."""
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
        "iterations": before["iterations"] + result.iterations,
        "seconds": round(before["seconds"] + result.seconds, 3),
        "scoring_seconds": round(scoring, 3),
    }


def layers_of(masks: Masks | None, model: nn.Module) -> dict[str, list[int]]:
    """Name of each prunable parameter -> [kept, of how many]."""
    if masks is not None:
        return {name: [int(mask.sum()), mask.numel()] for name, mask in masks.items()}
    return {name: [p.numel(), p.numel()] for name, p in prunable_parameters(model).items()}


def prune(run: Run, dataset: DataSet) -> tuple[Masks | None, nn.Module]:
    """The masks, None where the training is dense, and the network that is trained (Algorithm 1, lines 1 to 5)."""
    model = network(run, dataset, "train weights")
    if run.sparsity == 0 or run.pretrain:
        return None, model
    masks = masks_of(run, dataset, model)
    return masks, REPAIRS[run.repair](model, masks)


def dataset_of(run: Run, device: torch.device | str) -> DataSet:
    """The run's data set on the device; the last one used is kept in memory."""
    return _loaded(run.data, run.split_seed, str(device))


@functools.lru_cache(maxsize=1)
def _loaded(name: str, split_seed: int, device: str) -> DataSet:
    return data.load(name, split_seed=split_seed, device=device)
