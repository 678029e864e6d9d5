"""The training loop (section 5 of the paper).

Data order, augmentation and learning rate are pure functions of seed and iteration, so a trainer's whole state is its
weights, its optimizer's state, the iteration and what it has measured so far.
"""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict

import torch
from torch import Tensor, nn

from snip_lib.data import DataSet, batch_indices, flip_and_shift
from snip_lib.pruning.masks import Masks
from snip_lib.seeds import generator
from snip_lib.training.evaluation import BATCH, Result, evaluating
from snip_lib.training.execution import Execution
from snip_lib.training.progress import Progress
from snip_lib.training.recipes import Recipe
from snip_lib.training.step import Step, precise

LAST = 5  # the authors report the best of the test errors at their last five checkpoints
LOOK_EVERY = 100  # steps between two looks at the losses where the device has to be waited for
RECENT = 100  # steps of which the loss on the screen is the mean


class Trainer:
    """Trains one network by a recipe, step by step: `run` to the end, or until an iteration, and on from there.

    model, data: on one device. masks: what to keep; the rest is set to 0 and stays so. seed: of the order of the
    batches and of the augmentation. execution: how steps are computed, default what is sensible on the device. On a CPU
    two runs of one seed are equal to the bit, interrupted or not. `result` holds what was measured.

    >>> import snip_lib as sl
    >>> digits, model = sl.data.load("digits"), sl.models.build("lenet-300-100", generator=0)
    >>> trainer = Trainer(model, digits, sl.RECIPES["paper-mnist"].shortened(20), seed=0)
    >>> _ = trainer.run(until=5)
    >>> trainer.iteration, trainer.run().iterations
    (5, 20)
    """

    def __init__(
        self,
        model: nn.Module,
        data: DataSet,
        recipe: Recipe,
        *,
        seed: int,
        masks: Masks | None = None,
        execution: Execution | None = None,
    ):
        self.device = data.train_x.device
        if strange := {p.device for p in model.parameters()} - {self.device}:
            raise ValueError(f"the data is on {self.device}, the model on {strange.pop()}: move one of them")
        self.model, self.data, self.recipe, self.seed = model, data, recipe, seed
        self.execution = execution or Execution.on(self.device)
        if self.execution.channels_last:
            model.to(memory_format=torch.channels_last)
        held = masks.hold(model) if masks is not None else None  # without hooks: the step masks by itself
        self._step = Step(model, self._network_losses, recipe, held=held, execution=self.execution)
        self.optimizer = self._step.optimizer
        self.iteration = 0
        self.look_every = 1 if self.device.type == "cpu" else LOOK_EVERY
        self.results = [Result()]
        self._evaluated = recipe.evaluated()
        self._losses: list[Tensor] = []  # since the last evaluation, (networks,) each
        self._looked_at = 0  # how many of them were found finite
        self._evaluation: Iterator[None] | None = None  # the one under way

    @property
    def result(self) -> Result:
        """What was measured so far."""
        return self.results[0]

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do: diverged, or trained and evaluated to the end."""
        ended = self.iteration >= self.recipe.iterations and not self._due()
        return ended or all(result.diverged for result in self.results)

    def run(
        self, until: int | None = None, *, progress: bool = False, stop: Callable[[], bool] | None = None
    ) -> Result:
        """Train up to iteration `until` (default: to the end), or to the first loss that is not finite.

        stop: asked before every batch of training and of evaluation; when it returns True, `run` returns at once. The
        next `run` goes on with the evaluation that was cut short, or after `load_state_dict` makes it anew.
        """
        with Progress(self, shown=progress) as bar, self._timed():
            while not self.finished and (self._due() or until is None or self.iteration < until):
                if stop is not None and stop():
                    break
                self._evaluate() if self._due() else self._train()
                bar.update()
            self._look()
        return self.result

    def step(self) -> Tensor:
        """One step of the optimizer; returns the loss of its batch, one for each network, on the device."""
        self.model.train()
        losses = self._step(*self._batch(), rate=self.recipe.rate(self.iteration))
        self.iteration, self._evaluation = self.iteration + 1, None
        self._losses.append(losses)
        return losses

    def standing(self) -> str:
        """Training loss of the last steps and validation error, for the screen; means over the networks."""
        going = [k for k, result in enumerate(self.results) if not result.diverged]
        parts = [result.summary() for result in self.results if result.diverged]
        if self._looked_at and going:
            recent = self._losses[max(0, self._looked_at - RECENT) : self._looked_at]
            parts.append(f"loss {float(torch.stack(recent)[:, going].mean()):.3f}")
        if errors := [self.results[k].valid_error[-1][1] for k in going if self.results[k].valid_error]:
            parts.append(f"error {100 * sum(errors) / len(errors):.2f} %")
        return ", ".join(parts)

    def state_dict(self) -> dict:
        """Everything a later `load_state_dict` needs to go on as if nothing had happened."""
        self._look()
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "iteration": self.iteration,
            "losses": torch.stack(self._losses) if self._losses else torch.zeros(0, len(self.results)),
            "results": [asdict(result) for result in self.results],
        }

    def load_state_dict(self, state: dict) -> None:
        """Go on from what `state_dict` returned; the trainer must have been made with the same arguments."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.iteration, self._losses = state["iteration"], list(state["losses"].to(self.device))
        self._looked_at, self._evaluation = len(self._losses), None
        self._step.reset()
        self.results = [Result(**result) for result in state["results"]]

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            for result in self.results:
                result.seconds += (time.perf_counter() - start) / len(self.results)

    def _batch(self) -> tuple[Tensor, Tensor]:
        x, y = self.data.train_x, self.data.train_y
        chosen = batch_indices(len(x), self.recipe.batch_size, self.iteration, seed=self.seed, device=self.device)
        x = self.data.standardise(x[chosen])
        if self.recipe.augment:
            drawn = generator(self.seed, "augment", self.iteration, device=self.device)
            x = flip_and_shift(x, generator=drawn)
        if self.execution.channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        return x, y[chosen]

    def _network_losses(self, x: Tensor, y: Tensor) -> Tensor:
        """The loss of each network, (networks,); here of the one there is."""
        with self.execution.precision(self.device):
            output = self.model(x)
        return nn.functional.cross_entropy(precise(output), y, label_smoothing=self.recipe.label_smoothing)[None]

    def _wrong(self, x: Tensor, y: Tensor) -> Tensor:
        """How many of the examples each network gets wrong, (networks,)."""
        with evaluating(self.model), self.execution.precision(self.device):
            return (self.model(x).argmax(1) != y).sum()[None]

    def _train(self) -> None:
        self.step()
        if self._due() or len(self._losses) - self._looked_at >= self.look_every:
            self._look()

    def _look(self) -> None:
        """Find the first loss that is not finite among those not looked at yet: the one wait for the device."""
        fresh = self._losses[self._looked_at :]
        if not fresh:
            return
        strange = ~torch.stack(fresh).cpu().isfinite()
        for result, column in zip(self.results, strange.T, strict=True):
            if result.diverged:
                continue
            result.iterations = self.iteration
            if bool(column.any()):
                result.iterations -= len(fresh) - 1 - int(column.nonzero()[0])
                rate = self.recipe.rate(result.iterations - 1)
                result.diverged = {"iteration": result.iterations, "learning_rate": rate}
        self._looked_at = len(self._losses)

    def _due(self) -> bool:
        """Whether an evaluation belongs here that has not been made."""
        if self.iteration not in self._evaluated:
            return False
        return self.iteration not in (result.valid_error[-1][0] for result in self.results if result.valid_error)

    def _evaluate(self) -> None:
        """Evaluate one batch more; at the last one, note what was measured."""
        self._evaluation = self._evaluation or self._measure()
        try:
            next(self._evaluation)
        except StopIteration:
            self._evaluation = None

    def _measure(self) -> Iterator[None]:
        late = self.iteration in self._evaluated[-LAST:]
        valid = yield from self._errors(self.data.valid_x, self.data.valid_y)
        test = (yield from self._errors(self.data.test_x, self.data.test_y)) if late else [None] * len(valid)
        losses = torch.stack(self._losses).mean(0).tolist()
        for result, *measured in zip(self.results, losses, valid, test, strict=True):
            if not result.diverged:
                result.note(self.iteration, *measured)
        self._losses.clear()
        self._looked_at = 0

    def _errors(self, x: Tensor, y: Tensor) -> Generator[None, None, list[float]]:
        """The error of each network, over one batch after the other."""
        wrong = torch.zeros(len(self.results), dtype=torch.int64, device=self.device)
        for a, b in zip(x.split(BATCH), y.split(BATCH), strict=True):
            wrong += self._wrong(self.data.standardise(a), b)
            yield
        return [count / len(y) for count in wrong.tolist()]


def train(
    model: nn.Module,
    data: DataSet,
    recipe: Recipe,
    *,
    seed: int,
    masks: Masks | None = None,
    execution: Execution | None = None,
    progress: bool = False,
) -> Result:
    """Train `model` in place by `recipe`, holding `masks`; returns what was measured (Algorithm 1, lines 6 and 7).

    >>> import snip_lib as sl
    >>> digits, model = sl.data.load("digits"), sl.models.build("lenet-300-100", generator=0)
    >>> masks = sl.snip(model, *sl.data.pruning_batch(digits, 100, seed=0), sparsity=0.9)
    >>> result = train(model, digits, sl.RECIPES["paper-mnist"].shortened(20), seed=0, masks=masks)
    >>> result.iterations, int(model.fc1.weight.count_nonzero()) <= int(masks["fc1.weight"].sum())
    (20, True)
    """
    return Trainer(model, data, recipe, seed=seed, masks=masks, execution=execution).run(progress=progress)
