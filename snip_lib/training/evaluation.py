"""What a run measures: the share of wrong answers, and the result that holds it with the losses along the way."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from snip_lib import given

BATCH = 250  # examples evaluated at a time: a slow network on a CPU can be stopped between two


@dataclass
class Result:
    """What a run measured: errors are fractions in [0, 1], losses means over the iterations since the last entry."""

    iterations: int = 0
    loss: list[list[float]] = field(default_factory=list)  # [iteration, training loss]
    valid_error: list[list[float]] = field(default_factory=list)  # [iteration, error]
    last_test_errors: list[float] = field(default_factory=list)  # at the last five evaluations
    diverged: dict | None = None  # {"iteration": …, "learning_rate": …} of the first loss that was not finite
    seconds: float = 0.0

    @property
    def test_error(self) -> float:
        """Test error after the last iteration; nan for a run that diverged or did not end."""
        return math.nan if self.diverged or not self.last_test_errors else self.last_test_errors[-1]

    @property
    def best_test_error(self) -> float:
        """Best of the last five test errors, as the authors report it: slightly optimistic."""
        return math.nan if self.diverged or not self.last_test_errors else min(self.last_test_errors)

    def note(self, iteration: int, loss: float, valid: float, test: float | None = None) -> None:
        """Add what was measured after `iteration`; test: only at the last five evaluations."""
        self.loss.append([iteration, loss])
        self.valid_error.append([iteration, valid])
        if test is not None:
            self.last_test_errors.append(test)

    def summary(self) -> str:
        """What came of it in one line, for the screen."""
        if self.diverged:
            return "diverged at iteration {iteration:,}, learning rate {learning_rate:g}".format(**self.diverged)
        errors = [("validation", error) for _, error in self.valid_error[-1:]]
        errors += [("test", error) for error in self.last_test_errors[-1:]]
        return ", ".join([f"{self.iterations:,} iterations", *(f"{k} error {100 * e:.2f} %" for k, e in errors)])


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module has the mode it had, as a frozen batch norm."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(modes[0][1])  # modules may do more in `train` than set the mode
        for module, training in modes:
            module.training = training


def error_rate(model: nn.Module, x: Tensor, y: Tensor, *, batch_size: int = BATCH) -> float:
    """Share of the examples (n, …) that the model, in evaluation mode, gives another label than y (n,).

    Of labels (n, …), for logits (n, classes, …), the share of all of them. Raises ValueError when x and y do not fit
    each other or are empty, TypeError for an output that holds no logits and for raw images.

    >>> error_rate(nn.Identity(), torch.eye(4), torch.tensor([0, 1, 2, 2]))
    0.25
    """
    y = given.as_many(x, y)
    if batch_size < 1:
        raise ValueError(f"batch_size must be a number from 1 on, got {batch_size}")
    with evaluating(model):
        parts = zip(x.split(batch_size), y.split(batch_size), strict=True)
        return int(sum(_wrong(model, a, b) for a, b in parts)) / y.numel()


def _wrong(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    guesses = given.logits(given.forward(model, x)).argmax(1)
    given.same_shape(y, guesses.shape)
    return (guesses != y).sum()
