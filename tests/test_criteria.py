"""The other scores to prune by: what they return, and that they share the signature of connection sensitivity."""

import ast
import inspect
import re
from pathlib import Path

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.scoring import criteria
from snip_lib.studies.run import Run

RECIPE = sl.Recipe(iterations=3, batch_size=10, learning_rate=0.1)
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
        assert (score >= 0).all() or name in ("grasp", "signed")
        assert not score.requires_grad
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    assert torch.equal(state, torch.get_rng_state())
    weights = criteria.named(name)(model, X, Y, **OPTIONS.get(name, {}), prunable=lambda m, n, p: p.ndim > 1)
    assert list(weights) == ["0.weight", "4.weight"]
    assert sl.keep_top(scores, sparsity=0.5).kept == (25 + 18 + 1) // 2


def test_every_criterion_has_the_signature_that_the_table_states():
    """And is called with all of it; what is a criterion's own (a temperature) has a default and comes last."""
    stated = ["model", "x", "y", "at", "loss", "batch_norm", "mode", "prunable", "examples", "generator"]
    for name in criteria.CRITERIA:
        parameters = list(inspect.signature(criteria.named(name)).parameters.values())
        assert [p.name for p in parameters[:10]] == stated, name
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters[3:])
        assert all(p.default is not p.empty for p in parameters[10:])
    places = re.search(r"criterion\((.*?)\)", criteria.__doc__, re.DOTALL)[1].replace("*, ", "")
    assert [each.split("=")[0].strip() for each in places.split(",")] == stated


@pytest.mark.parametrize("name", criteria.CRITERIA)
def test_every_criterion_is_known_by_its_name_everywhere(model, name):
    assert getattr(criteria, name) is criteria.named(name)
    assert name in dir(criteria)
    assert criteria.named(name).__module__ == f"snip_lib.scoring.{name}"
    masks = sl.prune(model, X, Y, sparsity=0.5, criterion=name, generator=0)
    assert masks == sl.keep_top(criteria.named(name)(model, X, Y, generator=0), sparsity=0.5)
    assert masks == sl.prune(model, X, Y, sparsity=0.5, criterion=criteria.named(name), generator=0)
    Run("digits", "lenet-300-100", 0.9, RECIPE, 0, criterion=name)


def test_a_module_without_that_criterion_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'snap'"):
        _ = criteria.snap


def test_the_table_is_read_without_torch():
    """Its own lines: the criteria are imported when they are asked for."""
    tree = ast.parse(Path(criteria.__file__).read_text())
    modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "torch" not in modules
    assert {m for m in modules if m.startswith("snip_lib")} == {"snip_lib.words"}


def test_snip_is_not_divided_so_that_its_masks_are_snips(model):
    """|g| in the ranking: dividing by the sum makes ties of neighbouring floats, and other masks."""
    g = torch.cat([v.flatten() for v in sl.connection_gradient(model, X, Y).values()])
    assert torch.equal(torch.cat([v.flatten() for v in criteria.snip(model, X, Y).values()]), g.abs())
    layer = nn.Linear(2**12, 1, bias=False)
    values = 1.75 + torch.arange(2**12) * 2.0**-23  # neighbours, all different
    layer.weight.data.copy_(values.flip(0))
    x, identity = torch.ones(1, 2**12), lambda output, y: output.sum()
    divided = sl.connection_sensitivity(layer, x, torch.zeros(1), loss=identity)["weight"]
    assert len(divided.unique()) < 2**12
    masks = sl.prune(layer, x, torch.zeros(1), sparsity=0.875, loss=identity)
    assert masks["weight"].flatten().nonzero().flatten().tolist() == list(range(2**9))


@pytest.mark.parametrize("name", ["magnitude", "random"])
def test_masks_change_nothing_where_no_switch_enters(model, name):
    at = sl.keep_top(criteria.random(model, generator=3), sparsity=0.8)
    score = criteria.named(name)
    free, masked = (score(model, X, Y, at=masks, generator=0) for masks in (None, at))
    assert all(torch.equal(free[n], masked[n]) for n in free)


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


@pytest.mark.parametrize("name", ["snip", "signed", "gradient", "grasp", "obd"])
def test_batches_count_as_many_examples_as_they_are_said_to_hold(name):
    """As by `at` and `loss`, all criteria that look at data take `examples` alike: 3 to 1 is three batches to one."""
    model = sl.init.initialize_(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), "vs-l", generator=0)
    draw = torch.Generator().manual_seed(0)
    a, b = ((torch.randn(4, 6, generator=draw), torch.tensor([0, 1, 2, 1])) for _ in range(2))
    weigh = {id(a[0]): 12, id(b[0]): 4}
    said = getattr(sl.criteria, name)(model, [a, b], examples=lambda x, y: weigh[id(x)])
    repeated = getattr(sl.criteria, name)(model, [a, a, a, b])
    assert all(torch.allclose(said[key], repeated[key], rtol=1e-4, atol=1e-9) for key in said)


@pytest.mark.parametrize("name", ["snip", "signed", "gradient", "grasp", "obd"])
def test_what_is_there_in_training_mode_alone_can_be_scored(name):
    class Aux(nn.Module):
        def __init__(self):
            super().__init__()
            self.f, self.o, self.aux = nn.Linear(6, 5), nn.Linear(5, 3), nn.Linear(5, 3)

        def forward(self, x):
            h = self.f(x).relu()
            return self.o(h) + self.aux(h) if self.training else self.o(h)

    model = sl.init.initialize_(Aux(), "vs-l", generator=0).eval()
    x, y = torch.randn(8, 6, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
    scores = getattr(sl.criteria, name)(model, x, y, mode="train")
    assert scores["aux.weight"].any()
    assert not model.training
