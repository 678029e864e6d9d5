"""The other scores to prune by: what they return, and that they share the signature of connection sensitivity."""

import inspect

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.scoring import criteria

X, Y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 3
OPTIONS = {"random": {"generator": 0}}


@pytest.fixture
def model():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 5), nn.Linear(5, 3))
    network[3].requires_grad_(False)
    return network


@pytest.mark.parametrize("name", criteria.CRITERIA)
def test_every_criterion_scores_what_can_be_pruned(model, name):
    """Called alike, on the same parameters, without touching the model or the global random state."""
    state, before = torch.get_rng_state(), {n: p.detach().clone() for n, p in model.named_parameters()}
    scores = criteria.named(name)(model, X, Y, **OPTIONS.get(name, {}))
    assert list(scores) == ["0.weight", "0.bias", "4.weight", "4.bias"] == list(sl.prunable_parameters(model))
    for n, score in scores.items():
        assert score.shape == before[n].shape
        assert (score >= 0).all()
        assert not score.requires_grad
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    assert torch.equal(state, torch.get_rng_state())
    weights = criteria.named(name)(model, X, Y, **OPTIONS.get(name, {}), prunable=lambda m, n, p: p.ndim > 1)
    assert list(weights) == ["0.weight", "4.weight"]
    assert sl.keep_top(scores, sparsity=0.5).kept == (25 + 18 + 1) // 2


def test_every_criterion_begins_with_model_x_y():
    for score in criteria.CRITERIA.values():
        parameters = list(inspect.signature(score).parameters.values())
        assert [p.name for p in parameters[:3]] == ["model", "x", "y"]
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])


def test_magnitude_is_the_size_of_each_weight(model):
    scores = criteria.magnitude(model)
    assert all(torch.equal(score, model.get_parameter(name).abs()) for name, score in scores.items())


def test_random_is_uniform_and_a_function_of_its_seed():
    layer = nn.Linear(500, 400)
    first, again, other = (criteria.random(layer, generator=seed) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["weight"], other["weight"])
    counts = torch.histc(first["weight"], 20, 0, 1)  # 10,000 expected in each, with a deviation of about 97
    assert counts.sum() == 200_000
    assert (counts - 10_000).abs().max() < 4 * 97


def test_a_generator_moves_on_and_a_seed_does_not():
    g, layer = torch.Generator().manual_seed(1), nn.Linear(3, 2)
    first, second = (criteria.random(layer, generator=g) for _ in range(2))
    assert torch.equal(first["weight"], criteria.random(layer, generator=1)["weight"])
    assert not torch.equal(first["weight"], second["weight"])


def test_random_scores_do_not_depend_on_the_default_device():
    layer = nn.Linear(3, 2)
    with torch.device("meta"):
        scores = criteria.random(layer, generator=0)
    assert torch.equal(scores["weight"], criteria.random(layer, generator=0)["weight"])


def test_an_unknown_criterion_names_the_nearest():
    with pytest.raises(ValueError, match=r"unknown criterion 'magnitud'; known: snip, .*did you mean 'magnitude'\?"):
        criteria.named("magnitud")
