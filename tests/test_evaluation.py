"""Evaluation: every module's own mode comes back, and an error rate that cannot be wrong in silence."""

import doctest
import math

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.training import evaluation

X, Y = torch.randn(20, 12, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Sequential(nn.Dropout(), nn.Linear(8, 4)))


def test_the_examples_in_the_documentation_run():
    assert doctest.testmod(evaluation).failed == 0


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("frozen", [[], [1], [2], [1, 2]])
@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_own_mode_back(training, frozen, fails):
    model = network().train(training)
    for i in frozen:
        model[i].train(not training)
    modes = [module.training for module in model.modules()]
    before = model[1].running_mean.clone()
    if fails:
        with pytest.raises(RuntimeError):
            sl.error_rate(model, X[:, :5], Y)
    else:
        sl.error_rate(model, X, Y)
    assert [module.training for module in model.modules()] == modes
    assert torch.equal(model[1].running_mean, before)


def test_what_a_module_does_when_its_mode_is_set_is_undone():
    """As low-rank adapters do, which merge into the weights for evaluation and out of them for training."""

    class Merging(nn.Linear):
        merged = False

        def train(self, mode=True):
            self.merged = not mode
            return super().train(mode)

    model = nn.Sequential(Merging(12, 4)).train()
    sl.error_rate(model, X, Y)
    assert not model[0].merged
    assert model[0].training


@pytest.mark.parametrize("batch_size", [1, 7, 20, 1000])
def test_the_rate_is_the_share_of_wrong_answers(batch_size):
    model = network().eval()
    wrong = sum(int(model(x[None]).argmax()) != int(y) for x, y in zip(X, Y, strict=True))
    for y in (Y, Y.int(), Y.float(), Y.tolist(), Y.numpy()):
        assert sl.error_rate(model, X, y, batch_size=batch_size) == wrong / 20
    pixels = nn.Conv2d(1, 4, 1)
    x, y = X.view(20, 1, 3, 4), torch.arange(240).view(20, 3, 4) % 4
    wrong = (pixels(x).argmax(1) != y).sum()
    assert sl.error_rate(pixels, x, y, batch_size=batch_size) == int(wrong) / 240


@pytest.mark.parametrize(
    ("x", "y", "options", "error", "message"),
    [
        (X, Y[:, None], {}, ValueError, r"labels have shape \(20, 1\), .* must be \(20,\): y.reshape"),
        (X, Y[:19], {}, ValueError, "x and y must hold as many examples, at least one"),
        (X[:0], Y[:0], {}, ValueError, "x and y must hold as many examples, at least one"),
        (X, torch.tensor(1), {}, ValueError, "x and y must hold as many examples"),
        (X, None, {}, TypeError, "the labels are NoneType"),
        ([(X, Y)], Y, {}, TypeError, r"x must be a tensor \(n, …\), got a list of 1"),
        (X, Y, {"batch_size": 0}, ValueError, "batch_size must be a number from 1 on, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(x, y, options, error, message):
    with pytest.raises(error, match=message):
        sl.error_rate(network(), x, y, **options)


def test_an_output_that_is_no_logits_is_refused():
    with pytest.raises(TypeError, match=r"the model returned a tensor of shape \(20, 12\)|the model returned"):
        sl.error_rate(nn.Sequential(nn.Flatten(0)), X, Y)


def test_a_run_without_an_end_has_no_test_error():
    ended, diverged = evaluation.Result(), evaluation.Result(diverged={"iteration": 3, "learning_rate": 0.1})
    for result in (ended, diverged):
        assert math.isnan(result.test_error)
        assert math.isnan(result.best_test_error)
        for error in (0.3, 0.1, 0.2):
            result.note(1, 0.5, 0.4, error)
    assert (ended.test_error, ended.best_test_error) == (0.2, 0.1)
    assert math.isnan(diverged.test_error)
    assert math.isnan(diverged.best_test_error)
