"""Masks: exactly kappa kept (Equation 7), held at zero through training, kept in files, counted."""

import hashlib
import json
import math
import sys
import warnings
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import snip_lib as sl

pytestmark = pytest.mark.filterwarnings("ignore::snip_lib.ZeroScoreWarning")  # see test_quotas
SPARSITIES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)


# Algorithm 1, lines 2 to 5, by an independent computation


def snip_by_hand(model, x, y, sparsity):
    """The masks of Algorithm 1 in ten lines that share nothing with the library: explicit c, a stable sort."""
    weights = {name: p.detach() for name, p in model.named_parameters()}
    c = {name: torch.ones_like(w, requires_grad=True) for name, w in weights.items()}
    logits = functional_call(model, {name: c[name] * weights[name] for name in weights}, (x,))
    cross_entropy(logits, y).backward()
    scores = torch.cat([c[name].grad.abs().flatten() for name in c])
    kappa = (len(scores) * (1 - Decimal(str(sparsity)))).to_integral_value(ROUND_HALF_UP)
    order = torch.sort(scores, descending=True, stable=True).indices
    kept = torch.zeros_like(scores, dtype=torch.bool).index_fill(0, order[: int(kappa)], True)
    parts = kept.split([w.numel() for w in weights.values()])
    return {name: part.view_as(w) for (name, w), part in zip(weights.items(), parts, strict=True)}


@pytest.fixture(scope="module")
def digits():
    return sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)


@pytest.mark.parametrize("pixels", ["all pixels", "half the pixels dead"])
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_masks_of_lenet_equal_an_independent_computation_entry_by_entry(digits, sparsity, pixels):
    x, y = digits
    if pixels != "all pixels":
        x = x * (torch.arange(28) % 2)  # every other column is 0, so are the scores of its 14 * 28 * 300 connections
    model = sl.models.build("lenet-300-100", generator=0)
    expected = snip_by_hand(model, x, y, sparsity)
    masks = sl.snip(model, x, y, sparsity=sparsity)
    assert masks.kept == oracles.kappa(266_610, sparsity)
    assert list(masks) == list(expected)
    for name in expected:
        assert torch.equal(masks[name], expected[name]), name


def test_dead_pixels_make_the_ties_that_the_test_above_is_about(digits):
    model = sl.models.build("lenet-300-100", generator=0)
    gradient = sl.connection_gradient(model, digits[0] * (torch.arange(28) % 2), digits[1])
    zeros = sum(int((g == 0).sum()) for g in gradient.values())
    assert zeros > 14 * 28 * 300
    masks = sl.keep_top({name: g.abs() for name, g in gradient.items()}, sparsity=0.2)
    assert masks.kept > masks.total - zeros  # some of the zeros are kept, the first ones


def test_masks_do_not_depend_on_the_default_device(digits):
    model = sl.models.build("lenet-300-100", generator=0)
    with torch.device("meta"):
        masks = sl.snip(model, *digits, sparsity=0.95)
    assert masks == sl.snip(model, *digits, sparsity=0.95)


# keep_count


@given(st.integers(1, 10**9), st.decimals(0, "0.9999", places=4))
def test_kappa_is_exact_in_the_decimal_sparsity(total, sparsity):
    expected = math.floor(total * (1 - Fraction(sparsity)) + Fraction(1, 2))
    if expected == 0:
        with pytest.raises(ValueError, match="keeps none"):
            sl.keep_count(total, float(sparsity))
        return
    for number in (float(sparsity), sparsity, Fraction(sparsity), str(sparsity), np.float64(sparsity)):
        assert sl.keep_count(total, number) == expected
    # float32 holds seven digits, so the four digits written are the four digits meant
    assert sl.keep_count(total, np.float32(sparsity)) == expected


def test_kappa_where_binary_arithmetic_rounds_the_other_way():
    assert 1000 * (1 - 0.9985) < 1.5  # one and a half, were it not for binary fractions
    assert sl.keep_count(1000, 0.9985) == 2
    assert sl.keep_count(266_610, 0.95) == 13_331  # 13,330.5 upwards, as the authors' code keeps
    assert sl.keep_count(3, Fraction(1, 3)) == 2
    assert sl.keep_count(10, 0) == 10


@pytest.mark.parametrize("sparsity", [1, 1.0, -0.1, 95, math.nan, math.inf, "a lot", None, torch.tensor([0.5, 0.5])])
def test_a_bad_sparsity_is_refused(sparsity):
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\)"):
        sl.keep_count(100, sparsity)
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\)"):
        sl.keep_top({"w": torch.ones(3)}, sparsity=sparsity)


def test_a_sparsity_that_keeps_nothing_is_refused():
    with pytest.raises(ValueError, match=r"sparsity 0.99 of 10 connections keeps none"):
        sl.keep_top({"w": torch.ones(10)}, sparsity=0.99)


# keep_top

SHAPES = st.sampled_from([(), (1,), (7,), (3, 4), (2, 3, 2, 2)])
FEW_VALUES = st.sampled_from([-2.0, -1e-40, -0.0, 0.0, 1e-45, 0.5, 0.5000001, 3e38])
DTYPES = st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.float16])


@st.composite
def scores(draw):
    """Scores of one to four parameters, most of them tied, some in other precisions or memory orders."""
    result = {}
    for i, shape in enumerate(draw(st.lists(SHAPES, min_size=1, max_size=4))):
        values = draw(st.lists(FEW_VALUES, min_size=math.prod(shape), max_size=math.prod(shape)))
        dtype = draw(DTYPES)
        score = torch.tensor(values, dtype=torch.float64).clamp(-6e4, 6e4 if dtype == torch.float16 else 3e38)
        score = score.to(dtype).reshape(shape)
        result[f"p{i}"] = score.t().contiguous().t() if score.ndim == 2 else score
    return result


@pytest.mark.filterwarnings("ignore::snip_lib.LayerCollapseWarning")
@given(scores(), st.integers(0, 99), st.integers(0, 99))
def test_exactly_kappa_are_kept_and_the_lower_index_wins_ties(scores, a, b):
    total, nested = sum(s.numel() for s in scores.values()), []
    for percent in sorted((a, b)):
        sparsity = percent / 100
        if oracles.kappa(total, sparsity) == 0:
            continue
        masks = sl.keep_top(scores, sparsity=sparsity)
        assert masks.kept == oracles.kappa(total, sparsity)
        for name, expected in oracles.highest(scores, masks.kept).items():
            assert torch.equal(masks[name], expected)
        nested.append(masks)
    if len(nested) == 2:  # what a higher sparsity keeps, a lower one keeps too
        assert all((nested[0][name] | ~nested[1][name]).all() for name in scores)


@pytest.mark.filterwarnings("ignore::snip_lib.LayerCollapseWarning")
@given(scores(), st.integers(1, 95), st.integers(-20, 20))
def test_scaling_the_scores_does_not_change_the_masks(scores, percent, power):
    scores = {name: s.double() for name, s in scores.items()}
    if oracles.kappa(sum(s.numel() for s in scores.values()), percent / 100):
        scaled = {name: s * 2.0**power for name, s in scores.items()}  # a power of two, so no new ties
        assert sl.keep_top(scores, sparsity=percent / 100) == sl.keep_top(scaled, sparsity=percent / 100)


@pytest.mark.parametrize("size", [1 << 18, 600_001])
def test_selection_over_more_scores_than_it_looks_at_in_one_go(size):
    values = torch.randn(size, generator=torch.Generator().manual_seed(0)).round(decimals=2)
    many = {"a": values[: size // 3], "b": values[size // 3 :]}
    for sparsity in (0.03, 0.5, 0.97):
        masks, expected = sl.keep_top(many, sparsity=sparsity), oracles.highest(many, oracles.kappa(size, sparsity))
        assert all(torch.equal(masks[name], expected[name]) for name in many)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_scores_that_are_not_finite_are_refused_by_name(bad):
    with pytest.raises(ValueError, match="scores of 'second' are not finite"):
        sl.keep_top({"first": torch.ones(2), "second": torch.tensor([1.0, bad])}, sparsity=0.5)


def test_finite_scores_whose_sum_overflows_are_fine():
    assert sl.keep_top({"w": torch.full((4,), 3e38)}, sparsity=0.5)["w"].tolist() == [True, True, False, False]


def test_an_empty_weight_tensor_warns_and_an_empty_bias_does_not():
    scores = {"a.weight": torch.zeros(2, 2), "a.bias": torch.zeros(2), "b.weight": torch.ones(2, 2)}
    with pytest.warns(sl.LayerCollapseWarning, match=r"nothing is kept of a.weight: no signal passes"):
        masks = sl.keep_top(scores, sparsity=0.6)
    assert masks.empty_layers() == ["a.weight"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            sl.keep_top({"a.bias": torch.zeros(2), "b.weight": torch.ones(2, 2)}, sparsity=0.5).density()["a.bias"] == 0
        )


# Counting and comparing


def masks_of(**values):
    return sl.Masks({name: torch.tensor(value, dtype=torch.bool) for name, value in values.items()})


def test_counts():
    masks = masks_of(a=[[1, 0], [0, 0]], b=[0, 1, 1], c=[[0]])
    assert (masks.kept, masks.total, masks.sparsity) == (3, 8, 1 - 3 / 8)
    assert masks.density() == {"a": 1 / 4, "b": 2 / 3, "c": 0}
    assert masks.empty_layers() == ["c"]
    assert repr(masks) == "Masks(3 of 8 kept, 62.50 % pruned, 3 tensors)"
    assert masks == masks_of(a=[[1, 0], [0, 0]], b=[0, 1, 1], c=[[0]]) != masks_of(a=[[1, 0], [0, 0]])


def test_jaccard_by_chance_is_what_shuffles_come_to():
    """The mean over many shuffles, layer by layer, of two masks whose layers are kept unlike."""
    draw = torch.Generator().manual_seed(0)
    shares = {"wide": (400, 0.1, 0.3), "narrow": (60, 0.7, 0.2), "empty": (50, 0.0, 0.5)}
    a, b = (sl.Masks({n: torch.rand(s[0], generator=draw) < s[i] for n, s in shares.items()}) for i in (1, 2))
    found = torch.tensor([a.jaccard(b.shuffled(generator=seed)) for seed in range(400)], dtype=torch.float64)
    assert abs(found.mean() - a.jaccard_by_chance(b)) < 4 * found.std() / 20
    assert a.jaccard_by_chance(b) == b.jaccard_by_chance(a)
    nothing = sl.Masks({"w": torch.zeros(0, dtype=torch.bool)})
    assert nothing.jaccard_by_chance(nothing) == nothing.jaccard(nothing) == 1
    with pytest.raises(ValueError, match="different parameters"):
        a.jaccard_by_chance(nothing)


def test_jaccard():
    a, b = masks_of(v=[1, 1, 0, 0], w=[[1, 0]]), masks_of(v=[0, 1, 1, 0], w=[[1, 0]])
    assert a.jaccard(b) == b.jaccard(a) == 2 / 4
    assert a.jaccard(a) == 1
    assert masks_of(v=[1, 0]).jaccard(masks_of(v=[0, 1])) == 0
    assert masks_of(v=[0, 0]).jaccard(masks_of(v=[0, 0])) == 1
    for other in (masks_of(v=[1, 1, 0, 0]), masks_of(v=[1, 1, 0], w=[[1, 0]])):
        with pytest.raises(ValueError, match="masks are of different parameters"):
            a.jaccard(other)


@pytest.mark.parametrize("entry", [torch.ones(2), torch.ones(2, dtype=torch.uint8), [True, False]])
def test_only_booleans_are_masks(entry):
    with pytest.raises(TypeError, match="the mask of 'w' must be a boolean tensor"):
        sl.Masks({"w": entry})


def test_masks_of_nothing_are_refused():
    with pytest.raises(ValueError, match="no parameter"):
        sl.Masks({})


# Holding

X, Y = torch.randn(64, 6, generator=torch.Generator().manual_seed(3)), torch.arange(64) % 3


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def half(model):
    return sl.snip(model, X, Y, sparsity=0.5)


def pruned(model, masks):
    return torch.cat([p.detach()[~masks[name]] for name, p in model.named_parameters() if name in masks])


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "fused sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1, fused=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.02, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.1, centered=True),
}


def step(model, optimizer, forward=None):
    """One step from two accumulated batches, with clipped gradients."""
    optimizer.zero_grad()
    for part in (slice(0, 32), slice(32, 64)):
        cross_entropy((forward or model)(X[part]), Y[part]).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.05)
    optimizer.step()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_training_under_hold_is_training_of_the_loss_of_c_times_w(kind):
    """Held weights follow those of the masked network L(c * w) through accumulation, clipping, momentum and decay."""
    model, explicit = network(), network()
    masks = half(model)
    masks.apply_(explicit)
    c = {name: mask.float() for name, mask in masks.items()}

    def masked_network(x):
        weights = {name: c.get(name, torch.ones(())) * p for name, p in explicit.named_parameters()}
        return functional_call(explicit, weights | dict(explicit.named_buffers()), (x,))

    ours, theirs = OPTIMIZERS[kind](model.parameters()), OPTIMIZERS[kind](explicit.parameters())
    held = masks.hold(model, ours)
    for _ in range(5):
        step(model, ours)
        step(explicit, theirs, masked_network)
        assert not pruned(model, masks).any()
        for name, p in model.named_parameters():
            torch.testing.assert_close(p, explicit.get_parameter(name), msg=name)
            torch.testing.assert_close(p.grad, explicit.get_parameter(name).grad, msg=name)
    held.release()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_old_momentum_and_weight_decay_revive_nothing(kind):
    """What the optimizer remembers from dense steps would move pruned weights; after every step they are 0."""
    model = network()
    optimizer = OPTIMIZERS[kind](model.parameters())
    for _ in range(3):
        step(model, optimizer)
    masks = half(model)
    with masks.hold(model, optimizer):
        for _ in range(5):
            assert not pruned(model, masks).any()
            step(model, optimizer)
        assert not pruned(model, masks).any()
    step(model, optimizer)
    assert pruned(model, masks).any()  # released: they move again


def test_closures_that_step_more_than_once():
    model = network().eval()
    masks = half(model)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(model(X), Y)
        loss.backward()
        assert not pruned(model, masks).any()
        return loss

    with masks.hold(model, optimizer):
        first, last = optimizer.step(closure).item(), optimizer.step(closure).item()
    assert last < first


def test_release_takes_every_hook_away_and_leaves_the_weights():
    model = network()
    masks, optimizer = half(model), torch.optim.SGD(model.parameters(), lr=0.1)
    held = masks.hold(model, optimizer)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    assert model[0].weight._post_accumulate_grad_hooks
    held.release()
    held.release()  # harmless
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
    assert not optimizer._optimizer_step_post_hooks
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_with_releases_after_an_error_too():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(KeyError), half(model).hold(model, optimizer):
        raise KeyError
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())


def test_a_compiled_step_can_hold_with_the_two_operations():
    """Without an optimizer nothing is hooked; the operations go into the step, which compiles as one graph."""
    model, hooked = network(), network()
    masks = half(model)
    held = masks.hold(model)
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())
    before, after = (
        torch.compile(f, backend="eager", fullgraph=True) for f in (held.mask_gradients_, held.mask_weights_)
    )
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1) for m in (model, hooked)]
    masks.hold(hooked, optimizers[1])
    for _ in range(3):
        for m, optimizer in zip((model, hooked), optimizers, strict=True):
            optimizer.zero_grad()
            cross_entropy(m(X), Y).backward()
            if m is model:
                assert pruned_gradient(model, masks).any()
                before()
                assert not pruned_gradient(model, masks).any()
            optimizer.step()
        with torch.no_grad():  # something else moves them
            model[0].weight += 1
            model[0].weight -= 1
        after()
    for a, b in zip(model.parameters(), hooked.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def pruned_gradient(model, masks):
    return torch.cat([model.get_parameter(name).grad[~mask] for name, mask in masks.items()])


def test_a_parameter_frozen_since_it_was_scored_is_held_too():
    model = network()
    masks = half(model)
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with masks.hold(model, optimizer):
        step(model, optimizer)
        assert not pruned(model, masks).any()


def test_masks_are_applied_also_over_weights_that_are_not_finite():
    model = nn.Linear(2, 2)
    nn.init.constant_(model.weight, math.nan)
    masks_of(weight=[[1, 0], [0, 0]]).apply_(model)
    assert model.weight.isnan().tolist() == [[True, False], [False, False]]


def test_a_tied_tensor_is_held_through_both_its_names():
    model = nn.Sequential(nn.Linear(6, 6, bias=False), nn.ReLU(), nn.Linear(6, 6, bias=False))
    model[2].weight = model[0].weight
    masks = sl.snip(model, X, Y, sparsity=0.5)
    assert list(masks) == ["0.weight"]
    assert masks.total == 36
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with masks.hold(model, optimizer):
        step(model, optimizer)
    assert not model[2].weight[~masks["0.weight"]].any()


@pytest.mark.parametrize("use", [lambda masks, m: masks.apply_(m), lambda masks, m: masks.hold(m)])
def test_masks_that_do_not_fit_change_nothing(use):
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    for masks, message in (
        (masks_of(weight=[[0, 0, 0]] * 2, gain=[1]), "it has no parameter 'gain'"),
        (masks_of(weight=[[0, 0, 0]] * 2, bias=[0]), r"'bias' has shape \(2,\), the mask \(1,\)"),
    ):
        with pytest.raises(ValueError, match=f"the masks do not fit the model: {message}"):
            use(masks, model)
        assert torch.equal(model.weight, before)


# Files


@given(st.lists(SHAPES, min_size=1, max_size=4), st.integers(0, 2**20))
def test_a_file_gives_back_the_same_masks(tmp_path_factory, shapes, seed):
    g = torch.Generator().manual_seed(seed)
    masks = sl.Masks({f"layer.{i}": torch.rand(shape, generator=g) < 0.5 for i, shape in enumerate(shapes)})
    path = tmp_path_factory.mktemp("masks") / "some.safetensors"
    masks.save(path)
    assert sl.Masks.load(path) == sl.Masks.load(str(path)) == masks


def test_a_file_takes_a_bit_a_connection(tmp_path):
    masks = sl.Masks({"w": torch.ones(1000, 1000, dtype=torch.bool).t()})
    masks.save(tmp_path / "some.safetensors")
    assert 125_000 <= (tmp_path / "some.safetensors").stat().st_size < 126_000


SHAPES_OF_W = json.dumps({"w": [3, 5]})
HEADER = {
    "format": "snip masks 2",
    "shapes": SHAPES_OF_W,
    "sha256": hashlib.sha256(SHAPES_OF_W.encode() + bytes(2)).hexdigest(),
}
DAMAGED = {
    "text": b"not a safetensors file at all, but long enough to look for a header in it",
    "nothing": b"",
    "other tensors": ({"w": np.zeros(2, np.uint8)}, {}),
    "no shapes": ({"w": np.zeros(2, np.uint8)}, {"format": "snip masks 2"}),
    "shapes not JSON": ({"w": np.zeros(2, np.uint8)}, HEADER | {"shapes": "3x5"}),
    "shapes not a list": ({"w": np.zeros(2, np.uint8)}, HEADER | {"shapes": '{"w": "3x5"}'}),
    "no mask in it": ({"w": np.zeros(2, np.uint8)}, HEADER | {"shapes": "{}"}),
    "another name": ({"v": np.zeros(2, np.uint8)}, HEADER),
    "bits missing": ({"w": np.zeros(1, np.uint8)}, HEADER),
    "bits too many": ({"w": np.zeros(3, np.uint8)}, HEADER),
    "not bits": ({"w": np.zeros(2, np.float32)}, HEADER),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_or_foreign_file_is_refused_by_name(tmp_path, kind):
    path = tmp_path / "some.safetensors"
    if isinstance(DAMAGED[kind], bytes):
        path.write_bytes(DAMAGED[kind])
    else:
        save_file(DAMAGED[kind][0], path, metadata=DAMAGED[kind][1])
    with pytest.raises(ValueError, match=r"some.safetensors is not a readable file of masks: "):
        sl.Masks.load(path)


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "some.safetensors"
    masks_of(w=[1, 0, 1]).save(path)
    whole = path.read_bytes()
    for length in (0, 4, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not a readable file of masks"):
            sl.Masks.load(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        sl.Masks.load(path)


def test_without_safetensors_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ModuleNotFoundError, match="pip install safetensors"):
        masks_of(w=[1]).save(tmp_path / "some.safetensors")
