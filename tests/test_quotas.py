"""How many connections are kept, of all and of each tensor, and what is said where scores do not decide."""

import math
import warnings
from fractions import Fraction
from itertools import pairwise

import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import snip_lib as sl
from snip_lib.pruning import quotas

pytestmark = pytest.mark.filterwarnings("ignore::snip_lib.LayerCollapseWarning")
SHAPES = st.sampled_from([(), (1,), (7,), (0,), (3, 4), (50, 2), (2, 3, 2, 2), (8, 1, 3, 3)])


@st.composite
def scores(draw):
    shapes = draw(st.lists(SHAPES, min_size=1, max_size=6).filter(lambda found: sum(map(math.prod, found))))
    g = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    return {f"p{i}": torch.rand(shape, generator=g) + 0.1 for i, shape in enumerate(shapes)}


# Quotas


@given(scores(), st.integers(0, 99), st.sampled_from(["uniform", "erk"]))
def test_a_quota_keeps_exactly_kappa_and_of_each_tensor_its_highest(scores, percent, quota):
    total = sum(s.numel() for s in scores.values())
    if not (kappa := oracles.kappa(total, percent / 100)):
        return
    masks = sl.keep_top(scores, sparsity=percent / 100, quota=quota)
    assert masks.kept == kappa
    for name, score in scores.items():
        assert torch.equal(masks[name], oracles.highest({name: score}, masks.counts()[name])[name])


@given(scores(), st.integers(0, 99))
def test_uniform_shares_are_off_by_less_than_one(scores, percent):
    total = sum(s.numel() for s in scores.values())
    if not (kappa := oracles.kappa(total, percent / 100)):
        return
    masks = sl.keep_top(scores, sparsity=percent / 100, quota="uniform")
    for name, score in scores.items():
        assert abs(masks.counts()[name] - Fraction(kappa * score.numel(), total)) < 1


def erk_by_bisection(shapes, kappa):
    """Evci et al.'s numbers before rounding, by looking for epsilon: density epsilon * sum / product, at most 1."""
    low, high = 0.0, float(max(map(math.prod, shapes.values())))
    for _ in range(200):
        epsilon = (low + high) / 2
        found = {n: min(epsilon * (sum(s) or 1), math.prod(s)) for n, s in shapes.items()}
        low, high = (epsilon, high) if sum(found.values()) < kappa else (low, epsilon)
    return found


@given(scores(), st.integers(0, 99))
def test_erk_is_that_of_evci_and_others_rounded(scores, percent):
    shapes = {name: tuple(score.shape) for name, score in scores.items()}
    if not (kappa := oracles.kappa(sum(map(math.prod, shapes.values())), percent / 100)):
        return
    masks = sl.keep_top(scores, sparsity=percent / 100, quota="erk")
    for name, share in erk_by_bisection(shapes, kappa).items():
        assert abs(masks.counts()[name] - share) < 1 + 1e-6


def erk_as_published(shapes, density):
    """Densities by the loop of the code of Evci et al. (`sparse_utils.get_mask_random`'s numbers), weights alone."""
    dense = set()
    while True:
        rest = [n for n in shapes if n not in dense]
        divisor = sum(sum(shapes[n]) for n in rest)
        wanted = sum(density * math.prod(shapes[n]) for n in rest)
        wanted -= sum((1 - density) * math.prod(shapes[n]) for n in dense)
        raw = {n: sum(shapes[n]) / math.prod(shapes[n]) for n in rest}
        if max(raw.values()) * wanted / divisor <= 1:
            return {n: 1.0 if n in dense else wanted / divisor * raw[n] for n in shapes}
        dense |= {n for n in rest if raw[n] == max(raw.values())}


@pytest.mark.parametrize("sparsity", [0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("network", ["lenet-5-caffe", "vgg-like", "wrn-16-8"])
def test_erk_has_the_densities_of_the_published_code(network, sparsity):
    model = sl.models.build(network, generator=0)
    shapes = {n: p.shape for n, p in sl.prunable_parameters(model, lambda _m, _n, p: p.ndim > 1).items()}
    found = quotas.counts(shapes, sl.keep_count(sum(map(math.prod, shapes.values())), sparsity), quota="erk")
    for name, density in erk_as_published(shapes, 1 - sparsity).items():
        assert abs(found[name] - density * math.prod(shapes[name])) <= 1


def test_uniform_keeps_the_same_share_of_the_first_layer_too():
    """Zhu and Gupta's; Evci et al. keep the first layer whole, which a mapping says."""
    shapes = {"first": torch.Size([10, 10]), "second": torch.Size([20, 10])}
    assert quotas.counts(shapes, 30, quota="uniform") == {"first": 10, "second": 20}
    rest = quotas.counts({"second": shapes["second"]}, 20, quota="uniform")
    assert quotas.counts(shapes, None, quota={"first": 100, **rest}) == {"first": 100, "second": 20}


def test_erk_by_hand():
    """Sums of dimensions 20, 110, 10 (at most 10 of them): epsilon = 1/2 at first, then the bias is full."""
    shapes = {"a": torch.Size([10, 10]), "b": torch.Size([10, 100]), "bias": torch.Size([10])}
    assert quotas.counts(shapes, 70, quota="erk") == {"a": 10, "b": 55, "bias": 5}
    assert quotas.counts(shapes, 270, quota="erk") == {"a": 40, "b": 220, "bias": 10}  # epsilon = 2
    assert quotas.counts(shapes, 1000, quota="erk") == {"a": 100, "b": 890, "bias": 10}  # a and the bias are full
    assert quotas.counts(shapes, 1110, quota="erk") == {"a": 100, "b": 1000, "bias": 10}


def test_the_largest_remainders_get_one_more_and_the_earlier_among_equals():
    shapes = {name: torch.Size([n]) for name, n in (("a", 3), ("b", 3), ("c", 4))}
    assert quotas.counts(shapes, 5, quota="uniform") == {"a": 2, "b": 1, "c": 2}  # 1.5, 1.5, 2
    assert quotas.counts(shapes, 6, quota="uniform") == {"a": 2, "b": 2, "c": 2}  # 1.8, 1.8, 2.4


def test_another_masks_counts_are_a_quota():
    scores = {"a": torch.rand(5, 6), "b": torch.rand(6), "c": torch.rand(2, 2)}
    first = sl.keep_top({name: torch.rand(s.shape) for name, s in scores.items()}, sparsity=0.7)
    for masks in (
        sl.keep_top(scores, quota=first.counts()),
        sl.keep_top(scores, sparsity=0.7, quota=first.counts()),
        sl.keep_top(scores, sparsity=first.sparsity, quota={n: np.int64(k) for n, k in first.counts().items()}),
    ):
        assert masks.counts() == first.counts()
    assert sl.keep_top(scores, quota={"a": 0, "b": 6, "c": 1}).counts() == {"a": 0, "b": 6, "c": 1}


@pytest.mark.parametrize(
    ("quota", "message"),
    [
        ("unifrom", "quota must be one of global, uniform, erk.*did you mean 'uniform'"),
        (None, "quota must be one of"),
        ({"w": 2}, "only one of them has b"),
        ({"w": 1, "b": 1, "v": 1}, "only one of them has v"),
        ({"w": 5, "b": -2}, "quota of 'w' must be a whole number from 0 to 4, got 5"),
        ({"w": 2.0, "b": 1}, "quota of 'w' must be a whole number"),
        ({"w": True, "b": 2}, "quota of 'w' must be a whole number"),
        ({"w": 1, "b": 1}, "quota keeps 2 connections, sparsity 3"),
    ],
)
def test_a_bad_quota_is_refused(quota, message):
    with pytest.raises(ValueError, match=message):
        sl.keep_top({"w": torch.rand(2, 2), "b": torch.rand(2)}, sparsity=0.5, quota=quota)


# The control


@given(scores(), st.integers(0, 2**20))
def test_shuffled_masks_keep_as_many_of_each(scores, seed):
    masks = sl.Masks({name: s < 0.5 for name, s in scores.items()})
    drawn = masks.shuffled(generator=seed)
    assert drawn.counts() == masks.counts()
    assert [m.shape for m in drawn.values()] == [m.shape for m in masks.values()]
    assert drawn == masks.shuffled(generator=torch.Generator().manual_seed(seed))


def test_shuffled_masks_lie_elsewhere_and_every_place_is_as_likely():
    masks = sl.Masks({"w": torch.arange(60).view(6, 10) < 12, "v": torch.arange(60).view(6, 10) < 12})
    drawn = [masks.shuffled(generator=seed) for seed in range(500)]
    assert not torch.equal(drawn[0]["w"], drawn[0]["v"])  # each tensor by itself
    shares = torch.stack([each["w"].float() for each in drawn]).mean(0)
    assert float((shares - 0.2).abs().max()) < 5 * math.sqrt(0.2 * 0.8 / 500)
    with pytest.raises(TypeError, match="generator"):
        masks.shuffled()


# Sparsities and scores of every kind


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("percent", [5, 50, 90, 95, 98])
def test_the_decimal_of_a_scalar_tensor_is_the_one_written(dtype, percent):
    written = percent / 100
    for number in (torch.tensor(written, dtype=dtype), torch.tensor(written, dtype=dtype, requires_grad=True)):
        assert sl.keep_count(266_610, number) == oracles.kappa(266_610, written)
    if dtype != torch.bfloat16:
        scalar = torch.tensor(written, dtype=dtype).numpy()
        assert sl.keep_count(266_610, scalar) == sl.keep_count(266_610, scalar[()]) == oracles.kappa(266_610, written)


def test_a_sparsity_of_zero_as_a_tensor():
    assert sl.keep_count(10, torch.tensor(0)) == sl.keep_count(10, torch.tensor(0.0)) == 10


@pytest.mark.parametrize(
    "bad", [torch.tensor(math.nan), torch.tensor(1.0), torch.tensor(-0.5), torch.tensor(0.5j), torch.ones(0), "1/0"]
)
def test_other_scalars_are_refused(bad):
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got"):
        sl.keep_count(10, bad)


def test_integer_scores_are_ranked_exactly():
    for first in (2**24, 2**53, 2**62, -(2**53) - 20):
        masks = sl.keep_top({"w": first + torch.arange(10)}, sparsity=0.5)
        assert masks["w"].tolist() == [False] * 5 + [True] * 5
    mixed = {"w": 2**24 + torch.arange(10), "b": torch.tensor([2.0**24 + 7.5, 0.5])}
    assert sl.keep_top(mixed, sparsity=0.75)["w"].tolist() == [False] * 8 + [True] * 2
    assert sl.keep_top(mixed, sparsity=0.75)["b"].tolist() == [True, False]
    limits = torch.tensor([torch.iinfo(torch.int64).min, -1, 0, torch.iinfo(torch.int64).max])
    assert sl.keep_top({"w": limits}, sparsity=0.5)["w"].tolist() == [False, False, True, True]
    assert sl.keep_top({"w": torch.tensor([True, False])}, sparsity=0.5)["w"].tolist() == [True, False]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_small_integers_beside_floats(dtype):
    scores = {"w": torch.tensor([3, 1, 2], dtype=dtype), "b": torch.tensor([2.5, 0.5, 1.5], dtype=torch.float16)}
    masks = sl.keep_top(scores, sparsity=0.5)
    assert (masks["w"].tolist(), masks["b"].tolist()) == ([True, False, True], [True, False, False])


def test_float32_beside_float64_is_ranked_in_float64():
    close = torch.tensor([0.1, 0.1 + 1e-12], dtype=torch.float64)
    masks = sl.keep_top({"a": torch.tensor([0.05, 0.2]), "b": close}, sparsity=0.5)
    assert (masks["a"].tolist(), masks["b"].tolist()) == ([False, True], [False, True])


@pytest.mark.parametrize("bad", [torch.tensor([3j, 1, 2, 0]), torch.ones(4, dtype=torch.uint64), [1, 2], None])
def test_scores_without_an_order_are_refused(bad):
    with pytest.raises(TypeError, match="scores of 'w' must be a tensor of real numbers"):
        sl.keep_top({"w": bad}, sparsity=0.5)


def test_no_scores_at_all_are_refused():
    for nothing in ({}, {"w": torch.zeros(0)}):
        with pytest.raises(ValueError, match="scores of no connection at all"):
            sl.keep_top(nothing, sparsity=0.5)


# Scores of 0 that are kept for their place


def said(scores, **options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        sl.keep_top(scores, **options)
    return [w for w in found if w.category is sl.ZeroScoreWarning]


@given(st.lists(st.sampled_from([-1.0, -0.0, 0.0, 1.0, 2.0]), min_size=2, max_size=30), st.integers(0, 95))
def test_zeros_kept_by_place_are_counted(values, percent):
    scores = {"w": torch.tensor(values)}
    if not (kappa := oracles.kappa(len(values), percent / 100)):
        return
    above, zeros = sum(v > 0 for v in values), sum(v == 0 for v in values)
    by_place = kappa - above if 0 < kappa - above < zeros else 0
    found = said(scores, sparsity=percent / 100)
    assert len(found) == bool(by_place)
    for warning in found:
        assert str(warning.message).startswith(f"{by_place} of the {kappa} connections kept have a score of 0")
        assert warning.filename == __file__


def test_zeros_are_counted_under_a_quota_and_by_snip_too():
    scores = {"a": torch.tensor([1.0, 0, 0, 0]), "b": torch.tensor([0.0, 0, 0, 2])}
    assert not said(scores, sparsity=0.75)
    assert "4 of the 6" in str(said(scores, sparsity=0.25, quota="uniform")[0].message)
    assert not said(scores, sparsity=0)  # all are kept, for their place or not
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    x = torch.randn(10, 4) * torch.tensor([1.0, 1, 0, 0])  # two dead pixels
    for prune in (sl.snip, sl.prune):
        with pytest.warns(sl.ZeroScoreWarning) as found:
            prune(model, x, torch.arange(10) % 3, sparsity=0.1)
        assert {w.filename for w in found} == {__file__}


def test_nested_sparsities_keep_nested_counts_under_erk():
    """A tensor never gets fewer of more, but for the one that rounding moves."""
    shapes = {"a": torch.Size([30, 40]), "b": torch.Size([40]), "c": torch.Size([10, 30])}
    found = [quotas.counts(shapes, kappa, quota="erk") for kappa in range(1, 1541)]
    assert all(b[name] >= a[name] - 1 for a, b in pairwise(found) for name in shapes)
