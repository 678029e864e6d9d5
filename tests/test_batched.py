"""Networks trained together end as networks trained one by one."""

import copy
import dataclasses
import math

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.training import Trainer
from snip_lib.training.batched import BatchedTrainer, can_batch
from snip_lib.training.execution import Execution
from snip_lib.training.recipes import Recipe

SHORT = Recipe(iterations=6, batch_size=8, learning_rate=0.05, schedule="cosine", evaluations=3)


@pytest.fixture(scope="module")
def digits():
    """In float64, so that what differs by more than rounding is seen."""
    data = sl.data.load("digits")
    parts = {name: getattr(data, name) for name in ("train_x", "train_y", "valid_x", "valid_y", "test_x", "test_y")}
    small = {name: value[:60].double() if name.endswith("x") else value[:60] for name, value in parts.items()}
    return dataclasses.replace(data, **small)


def networks(name, data):
    """Five networks that differ in seed, initialization, sparsity and criterion; the last is dense."""
    inits = ("vs-l", "vs-x", "vs-h", "vs-l", "vs-l")
    models = [sl.models.build(name, generator=i, init=init).double() for i, init in enumerate(inits)]
    x, y = data.train_x[:20], data.train_y[:20]
    masks = [sl.snip(m, x, y, sparsity=s) for m, s in zip(models[:3], (0.5, 0.9, 0.99), strict=True)]
    by_chance = sl.keep_top(sl.criteria.random(models[3], generator=3), sparsity=0.9)
    return models, [*masks, by_chance, None]


@pytest.mark.parametrize(
    "recipe",
    [SHORT, dataclasses.replace(SHORT, optimizer="adam", learning_rate=1e-3, clip=0.5, label_smoothing=0.1)],
    ids=["sgd", "adam, clipped and smoothed"],
)
@pytest.mark.parametrize("name", ["lenet-300-100", "lenet-5-caffe"])
def test_together_as_one_by_one(digits, name, recipe):
    (models, masks), (others, _) = networks(name, digits), networks(name, digits)
    together = BatchedTrainer(models, digits, recipe, seeds=[7, 8, 9, 7, 8], masks=masks).run()
    for i, seed in enumerate([7, 8, 9, 7, 8]):
        alone = Trainer(others[i], digits, recipe, seed=seed, masks=masks[i]).run()
        assert together[i].valid_error == alone.valid_error
        assert together[i].last_test_errors == alone.last_test_errors
        assert [at for at, _ in together[i].loss] == [at for at, _ in alone.loss]
        assert [loss for _, loss in together[i].loss] == pytest.approx([loss for _, loss in alone.loss], rel=1e-8)
        for (key, p), q in zip(models[i].named_parameters(), others[i].parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-9, msg=key)
            assert masks[i] is None or bool((p[~masks[i][key]] == 0).all()), key


def test_one_that_diverges_does_not_touch_the_others(digits):
    models, masks = networks("lenet-300-100", digits)
    others = copy.deepcopy(models)
    models[1].fc1.weight.data.fill_(math.inf)
    results = BatchedTrainer(models, digits, SHORT, seeds=range(5), masks=masks).run()
    expected = BatchedTrainer(others, digits, SHORT, seeds=range(5), masks=masks).run()
    assert results[1].diverged == {"iteration": 1, "learning_rate": 0.05}
    assert results[1].valid_error == []
    for i in (0, 2, 3, 4):
        assert results[i] == dataclasses.replace(expected[i], seconds=results[i].seconds)
        assert all(torch.equal(p, q) for p, q in zip(models[i].parameters(), others[i].parameters(), strict=True))


def test_all_diverged_ends_the_run(digits):
    models, _ = networks("lenet-300-100", digits)
    for model in models:
        model.fc1.weight.data.fill_(math.inf)
    trainer = BatchedTrainer(models, digits, SHORT, seeds=range(5))
    assert all(result.diverged for result in trainer.run())
    assert trainer.iteration == 1
    assert trainer.finished


def test_resumed_together_ends_as_undisturbed(digits):
    (models, masks), (others, _) = networks("lenet-300-100", digits), networks("lenet-300-100", digits)
    expected = BatchedTrainer(models, digits, SHORT, seeds=range(5), masks=masks).run()
    first = BatchedTrainer(others, digits, SHORT, seeds=range(5), masks=masks)
    first.run(until=4)
    second = BatchedTrainer(copy.deepcopy(others), digits, SHORT, seeds=range(5), masks=masks)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    results = second.run()
    for i in range(5):
        assert results[i] == dataclasses.replace(expected[i], seconds=results[i].seconds)
        weights = zip(models[i].parameters(), second.models[i].parameters(), strict=True)
        assert all(torch.equal(p, q) for p, q in weights)


@pytest.mark.parametrize(
    ("name", "execution", "rtol"),
    [
        ("lenet-300-100", Execution(compile="aot_eager"), 1e-6),
        ("lenet-5-caffe", Execution(autocast=True, channels_last=True, fused=True), 0.05),
    ],
)
def test_together_in_another_execution(digits, name, execution, rtol):
    losses = []
    for how in (Execution(), execution):
        models, masks = networks(name, digits)
        trainer = BatchedTrainer(models, digits, SHORT, seeds=range(5), masks=masks, execution=how)
        losses.append(torch.stack([trainer.step() for _ in range(3)]).double())
    torch.testing.assert_close(*losses, rtol=rtol, atol=0)


def test_what_cannot_be_trained_together_is_refused(digits):
    models, masks = networks("lenet-300-100", digits)
    assert can_batch(models[0])
    assert not can_batch(nn.BatchNorm1d(3))
    assert not can_batch(nn.Sequential(nn.GRU(3, 3)))
    with pytest.raises(ValueError, match="5 models, 4 seeds and 5 masks"):
        BatchedTrainer(models, digits, SHORT, seeds=range(4), masks=masks)
    other = sl.models.build("lenet-300-100", generator=0, input_shape=(1, 8, 8))
    with pytest.raises(ValueError, match="differ in 'fc1.weight'"):
        BatchedTrainer([models[0], other], digits, SHORT, seeds=range(2))
    with pytest.raises(ValueError, match="buffers or recurrent"):
        BatchedTrainer([nn.BatchNorm1d(3)], digits, SHORT, seeds=[0])
    with pytest.raises(ValueError, match="augments"):
        BatchedTrainer(models, digits, dataclasses.replace(SHORT, augment=True), seeds=range(5))
    weights_only = sl.Masks({"fc1.weight": masks[0]["fc1.weight"]})
    with pytest.raises(ValueError, match="masks are of different parameters"):
        BatchedTrainer(models[:2], digits, SHORT, seeds=range(2), masks=[masks[0], weights_only])
