"""Pruning in rounds: the number kept after each, what is ranked, and what may return."""

from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.pruning import schedules

pytestmark = pytest.mark.filterwarnings("ignore::snip_lib.LayerCollapseWarning", "ignore::snip_lib.ZeroScoreWarning")

G = torch.Generator().manual_seed(5)
X, Y = torch.randn(40, 12, generator=G), torch.arange(40) % 4


def network(seed=0, dtype=torch.float32):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(12, 30), nn.Tanh(), nn.Linear(30, 20), nn.Tanh(), nn.Linear(20, 4)).to(dtype)


def gradient_at(model, masks):
    """dL(c * w)/dc at c = masks, in float64, through an explicit c."""
    model = network_like(model)
    weights = {name: p.detach() for name, p in model.named_parameters()}
    c = {name: masks[name].double().requires_grad_() for name in weights}
    logits = functional_call(model, {name: c[name] * weights[name] for name in weights}, (X.double(),))
    return dict(zip(c, torch.autograd.grad(cross_entropy(logits, Y), list(c.values())), strict=True))


def network_like(model):
    twin = network(dtype=torch.float64)
    twin.load_state_dict(model.state_dict())
    return twin


def flat(tensors):
    return torch.cat([t.flatten() for t in tensors.values()])


# How many after each round


@given(st.integers(1, 10**7), st.integers(0, 999), st.integers(1, 100))
def test_the_number_after_each_round_is_the_formula(total, permille, rounds):
    density = 1 - Fraction(permille, 1000)
    with localcontext(prec=60):
        each = [Decimal(total) * (Decimal(1000 - permille) / 1000) ** (Decimal(t) / rounds) for t in range(rounds + 1)]
        expected = [int(number.to_integral_value(ROUND_HALF_UP)) for number in each]
        clear = [abs(number % 1 - Decimal("0.5")) > Decimal("1e-40") for number in each]
    found = [schedules.kept_after(total, density, t, rounds=rounds) for t in range(rounds + 1)]
    assert [f for f, sure in zip(found, clear, strict=True) if sure] == [
        e for e, sure in zip(expected, clear, strict=True) if sure
    ]
    assert found[0] == total
    assert found == sorted(found, reverse=True)


def test_halves_are_told_exactly_and_rounded_up():
    assert schedules.kept_after(7, Fraction(1, 4), 1, rounds=2) == 4  # 3.5
    assert schedules.kept_after(9, Fraction(1, 8), 1, rounds=3) == 5  # 4.5
    assert schedules.kept_after(9, Fraction(1, 8), 2, rounds=3) == 2  # 2.25
    assert schedules.kept_after(10, Fraction(0), 1, rounds=3) == 0


# One round


@pytest.mark.parametrize("sparsity", [0, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("revive", [False, True])
def test_one_round_of_snip_is_snip(sparsity, revive):
    model = network()
    expected = sl.snip(model, X, Y, sparsity=sparsity)
    assert sl.prune(model, X, Y, sparsity=sparsity, revive=revive) == expected
    batches = [(X[:20], Y[:20]), (X[20:], Y[20:])]
    assert sl.prune(model, batches, sparsity=sparsity) == sl.snip(model, batches, sparsity=sparsity)


def test_other_criteria_and_quotas():
    model = network()
    expected = sl.keep_top(sl.criteria.magnitude(model), sparsity=0.9)
    for rounds in (1, 4):
        assert sl.prune(model, X, Y, sparsity=0.9, criterion="magnitude", rounds=rounds) == expected
    for quota in ("uniform", "erk", expected.counts()):
        scores = sl.connection_gradient(model, X, Y)
        by_quota = sl.keep_top({name: g.abs() for name, g in scores.items()}, sparsity=0.9, quota=quota)
        assert sl.prune(model, X, Y, sparsity=0.9, quota=quota) == by_quota
        for revive in (False, True):
            in_rounds = sl.prune(model, X, Y, sparsity=0.9, quota=quota, rounds=3, revive=revive)
            assert in_rounds.counts() == by_quota.counts()


def test_random_draws_from_the_generator_it_is_given_alone():
    model = network()
    options = {"sparsity": 0.9, "criterion": "random"}
    expected = sl.keep_top(sl.criteria.random(model, generator=3), sparsity=0.9)
    assert sl.prune(model, X, Y, generator=3, **options) == expected
    drawn = [sl.prune(model, X, Y, generator=3, rounds=2, revive=True, **options) for _ in range(2)]
    assert drawn[0] == drawn[1] != expected  # the second round draws anew
    assert sl.prune(model, X, Y, generator=4, **options) != expected
    with pytest.raises(TypeError, match="generator"):
        sl.prune(model, X, Y, **options)


# Several


def by_hand(model, sparsity, rounds, revive):
    """Masks after each round: a stable sort of |dL/dc| at c = mask in float64."""
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in model.named_parameters()}
    total, found = sum(m.numel() for m in masks.values()), []
    for t in range(1, rounds + 1):
        kept = int(total * (1 - sparsity) ** (t / rounds) + 0.5)
        scores = flat(gradient_at(model, masks)).abs()
        if not revive:
            scores[~flat(masks)] = -1
        chosen = torch.zeros(total, dtype=torch.bool)
        chosen[scores.sort(descending=True, stable=True).indices[:kept]] = True
        parts = chosen.split([m.numel() for m in masks.values()])
        masks = {name: part.view(masks[name].shape) for name, part in zip(masks, parts, strict=True)}
        found.append(masks)
    return found


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("revive", [False, True])
@pytest.mark.parametrize(("sparsity", "rounds"), [(0.9, 2), (0.95, 5), (0.8, 3)])
def test_rounds_equal_an_independent_computation(seed, revive, sparsity, rounds):
    model = network(seed).double()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    found = sl.prune(model, X.double(), Y, sparsity=sparsity, rounds=rounds, revive=revive)
    expected = by_hand(model, sparsity, rounds, revive)
    assert found == sl.Masks(expected[-1])
    if not revive:
        assert all(not (found[name] & ~masks[name]).any() for masks in expected for name in found)
    else:
        returned = [flat(masks) & ~flat(earlier) for earlier, masks in pairwise(expected)]
        assert any(each.any() for each in returned)
    assert all(torch.equal(p, before[name]) and p.grad is None for name, p in model.named_parameters())


def test_from_90_to_80_per_cent_the_highest_at_the_mask_return():
    model = network(dtype=torch.float64)
    at = sl.snip(model, X.double(), Y, sparsity=0.9)
    scores = {name: g.abs() for name, g in sl.connection_gradient(model, X.double(), Y, at=at).items()}
    masks = sl.keep_top(scores, sparsity=0.8)
    back = flat(masks) & ~flat(at)
    expected = flat(gradient_at(model, at)).abs()
    kept = int(flat(masks).sum())
    highest = expected.sort(descending=True, stable=True).indices[:kept]
    assert set(back.nonzero().flatten().tolist()) == {i for i in highest.tolist() if not flat(at)[i]}
    assert back.any()


def test_a_network_that_dies_on_the_way_says_in_which_round():
    model = network()
    for i in (0, 2, 4):
        nn.init.zeros_(model[i].bias)
    middle = {"0.weight": 0, "2.weight": 4, "4.weight": 0}  # 600 (4 / 600)^(1/2) = 48.99 after the first round
    with pytest.raises(ValueError, match="in round 2, with 49 connections left: all scores are 0"):
        sl.prune(model, X, Y, sparsity=None, quota=middle, rounds=2, prunable=lambda _m, _n, p: p.ndim > 1)


# What is refused


@pytest.mark.parametrize("rounds", [0, -1, 2.0, True, None, "3"])
def test_bad_rounds_are_refused(rounds):
    with pytest.raises(ValueError, match="rounds must be a whole number from 1 on"):
        sl.prune(network(), X, Y, sparsity=0.5, rounds=rounds)


def test_batches_that_end_after_one_round_are_refused():
    model = network()
    assert sl.prune(model, iter([(X, Y)]), sparsity=0.5) == sl.snip(model, X, Y, sparsity=0.5)
    with pytest.raises(ValueError, match="x can be gone through once, and 2 rounds are wanted: pass a list"):
        sl.prune(model, iter([(X, Y)]), sparsity=0.5, rounds=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 1}, r"sparsity must be in \[0, 1\)"),
        ({"sparsity": 0.5, "criterion": "snap"}, "unknown criterion 'snap'.*did you mean 'snip'"),
        ({"sparsity": 0.5, "quota": "global-ish"}, "quota must be one of"),
        ({"sparsity": 0.9999}, "keeps none"),
    ],
)
def test_bad_choices_are_refused_before_anything_is_computed(options, message):
    with pytest.raises(ValueError, match=message):
        sl.prune(network(), None, None, rounds=3, **options)


def test_only_the_masks_that_come_out_are_warned_of():
    model = network()
    with pytest.warns(sl.LayerCollapseWarning) as found:
        sl.prune(model, X, Y, quota=dict.fromkeys(dict(model.named_parameters()), 0) | {"4.bias": 4}, sparsity=None)
    assert [w.filename for w in found if w.category is sl.LayerCollapseWarning] == [__file__]
