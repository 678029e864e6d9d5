"""The library's own loop under a mask, clipped, with frozen parameters: as torch's own on c ∘ w, written out."""

import copy
import dataclasses

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.data import batch_indices
from snip_lib.training import Trainer
from snip_lib.training.batched import BatchedTrainer
from snip_lib.training.recipes import Recipe

SHORT = Recipe(iterations=12, batch_size=32, learning_rate=0.05)
SEEDS = (3, 4)


@pytest.fixture(scope="module")
def digits():
    data = sl.data.load("digits")
    names = ("train_x", "train_y", "valid_x", "valid_y", "test_x", "test_y")
    return dataclasses.replace(data, **{name: getattr(data, name)[:500] for name in names})


def lenet(seed=0):
    return sl.models.build("lenet-300-100", generator=seed)


def pruned(data, sparsity, seed=0):
    model = lenet(seed)
    return model, sl.snip(model, data.train_x[:100], data.train_y[:100], sparsity=sparsity)


def by_hand(data, recipe, masks, *, seed, start):
    """The weights c ∘ w after training w by torch's SGD on the loss of c ∘ w, clipped by torch."""
    weights = {name: p.detach().clone().requires_grad_() for name, p in start.named_parameters()}
    options = {"momentum": recipe.momentum, "nesterov": recipe.nesterov, "weight_decay": recipe.weight_decay}
    optimizer = torch.optim.SGD(list(weights.values()), lr=recipe.learning_rate, **options)
    for i in range(recipe.iterations):
        x, y = (part[batch_indices(len(data.train_x), 32, i, seed=seed)] for part in (data.train_x, data.train_y))
        optimizer.zero_grad()
        cross_entropy(functional_call(lenet(), {n: masks[n] * w for n, w in weights.items()}, (x,)), y).backward()
        if recipe.clip is not None:
            nn.utils.clip_grad_norm_(list(weights.values()), recipe.clip)
        optimizer.step()
    return {name: masks[name] * w.detach() for name, w in weights.items()}


@pytest.mark.parametrize("clip", [0.05, 0.5])
@pytest.mark.parametrize("sparsity", [0.9, 0.98])
def test_clipping_under_a_mask_sees_the_gradient_of_what_is_kept(digits, clip, sparsity):
    """The norm of the whole gradient, pruned weights included, is some times longer: steps would be shorter."""
    recipe = dataclasses.replace(SHORT, clip=clip)
    model, masks = pruned(digits, sparsity)
    wanted = by_hand(digits, recipe, masks, seed=1, start=model)
    Trainer(model, digits, recipe, seed=1, masks=masks).run()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), wanted[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("clip", [0.05])
def test_clipping_under_a_mask_together_as_alone(digits, clip):
    recipe = dataclasses.replace(SHORT, clip=clip)
    models, masks = zip(*(pruned(digits, *each) for each in zip((0.98, 0.5), SEEDS, strict=True)), strict=True)
    wanted = [by_hand(digits, recipe, m, seed=s, start=n) for m, s, n in zip(masks, SEEDS, models, strict=True)]
    BatchedTrainer(models, digits, recipe, seeds=SEEDS, masks=masks).run()
    for model, one in zip(models, wanted, strict=True):
        for name, p in model.named_parameters():
            torch.testing.assert_close(p.detach(), one[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.5, False), (0.5, True), (0.9, False)])
def test_momentum_is_the_recipes(digits, momentum, nesterov):
    recipe = dataclasses.replace(SHORT, momentum=momentum, nesterov=nesterov, learning_rate=0.02)
    model, masks = pruned(digits, 0.5)
    wanted = by_hand(digits, recipe, masks, seed=2, start=model)
    Trainer(model, digits, recipe, seed=2, masks=masks).run()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.detach(), wanted[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("together", [False, True])
def test_what_is_frozen_stays_alone_and_together(digits, together, optimizer):
    """Also under momentum and weight decay, while what is not frozen moves as if nothing stood beside it."""
    recipe = dataclasses.replace(SHORT, optimizer=optimizer, learning_rate=0.01, weight_decay=0.1)
    models = [lenet(seed) for seed in SEEDS]
    for model in models:
        model.fc2.requires_grad_(False)
    before = copy.deepcopy(models)
    if together:
        BatchedTrainer(models, digits, recipe, seeds=SEEDS).run()
    else:
        for model, seed in zip(models, SEEDS, strict=True):
            Trainer(model, digits, recipe, seed=seed).run()
    for model, old in zip(models, before, strict=True):
        assert torch.equal(model.fc2.weight, old.fc2.weight)
        assert torch.equal(model.fc2.bias, old.fc2.bias)
        assert not torch.equal(model.fc1.weight, old.fc1.weight)
        assert not torch.equal(model.fc3.weight, old.fc3.weight)
        assert not model.fc2.weight.requires_grad
