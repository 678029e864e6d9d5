"""What repairs a pruned network: near isometry under the mask, and its control, the scale alone."""

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.pruning import isometry
from snip_lib.pruning.isometry import REPAIRS, isometric_, rescaled_


def pruned(shape, share=0.2, seed=0, kernel=None):
    """A layer of (out, in) drawn by LeCun's scheme, and a random mask that keeps `share` of its weights."""
    source = torch.Generator().manual_seed(seed)
    out, into = shape
    layer = nn.Linear(into, out) if kernel is None else nn.Conv2d(into, out, kernel)
    sl.init.initialize_(layer, "vs-l", generator=source)
    mask = torch.rand(layer.weight.shape, generator=source) < share
    return layer, sl.Masks({"weight": mask})


def loss(weight):
    matrix = weight.detach().flatten(1).double()
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    return float((small - torch.eye(len(small), dtype=torch.float64)).square().sum())


@pytest.mark.parametrize(("shape", "kernel"), [((40, 40), None), ((20, 60), None), ((60, 20), None), ((16, 8), 3)])
def test_no_other_point_nearby_is_nearer_isometry(shape, kernel):
    """The derivative of the loss by each kept weight, by central differences in float64, is about 0 at the end."""
    layer, masks = pruned(shape, kernel=kernel)
    at_first = loss(layer.weight * masks["weight"])
    isometric_(layer, masks)
    weight = layer.weight.detach().double()
    assert not weight[~masks["weight"]].any()
    assert loss(weight) < 0.3 * at_first
    slopes = []
    for place in masks["weight"].nonzero()[::17]:
        step = torch.zeros_like(weight)
        step[tuple(place)] = 1e-5
        slopes.append((loss(weight + step) - loss(weight - step)) / 2e-5)
    assert max(map(abs, slopes)) < 0.1


def test_an_orthogonal_matrix_that_is_kept_whole_stays():
    layer = sl.init.initialize_(nn.Linear(30, 30), "orthogonal", generator=0)
    before = layer.weight.detach().clone()
    isometric_(layer, sl.Masks({"weight": torch.ones(30, 30, dtype=torch.bool)}))
    assert torch.allclose(layer.weight, before, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
def test_the_end_does_not_depend_on_how_large_the_weights_were(scale):
    layer, masks = pruned((30, 30), share=0.5)
    with torch.no_grad():
        layer.weight.mul_(scale)
    isometric_(layer, masks)
    assert layer.weight.isfinite().all()
    if scale >= 1:  # from very small weights 300 steps are too few, and stay stable
        assert loss(layer.weight) < 3


def test_rescaling_gives_back_the_norm_and_keeps_the_directions():
    layer, masks = pruned((30, 20))
    before = layer.weight.detach().clone()
    rescaled_(layer, masks)
    assert torch.isclose(layer.weight.norm(), before.norm())
    kept = masks["weight"]
    ratio = layer.weight.detach()[kept] / before[kept]
    assert torch.allclose(ratio, ratio[:1].expand_as(ratio))
    assert float(ratio[0]) > 1
    assert not layer.weight[~kept].any()


@pytest.mark.parametrize("how", REPAIRS)
def test_an_empty_layer_stays_empty(how):
    layer, _ = pruned((30, 20))
    REPAIRS[how](layer, sl.Masks({"weight": torch.zeros(30, 20, dtype=torch.bool)}))
    assert how == "none" or not layer.weight.any()


@pytest.mark.parametrize("how", ["isometry", "scale"])
def test_biases_are_masked_and_no_more(how):
    layer, masks = pruned((30, 20))
    nn.init.ones_(layer.bias)
    half = torch.arange(30) < 15
    REPAIRS[how](layer, sl.Masks({**masks, "bias": half}))
    assert torch.equal(layer.bias.detach(), half.float())


@pytest.mark.parametrize(("largest", "scale"), [(1.5, 1.0), (2.0, 1.0), (6.0, 3.0)])
def test_each_singular_value_descends_by_itself_from_where_it_is(largest, scale):
    """Of a diagonal matrix that is kept whole the descent is s - RATE s (s^2 - 1), entry by entry, in plain numbers.

    Only where the largest is above LONGEST are all brought down at first, so that it is LONGEST; the smallest would
    end elsewhere from any other start.
    """
    start = [largest, 0.4, 1e-13]
    layer = nn.Linear(3, 3).double()
    with torch.no_grad():
        layer.weight.copy_(torch.diag(torch.tensor(start, dtype=torch.float64)))
    isometric_(layer, sl.Masks({"weight": torch.ones(3, 3, dtype=torch.bool)}))
    wanted = [value / scale for value in start]
    for _ in range(isometry.STEPS):
        wanted = [s - isometry.RATE * s * (s * s - 1) for s in wanted]
    assert layer.weight.detach().diagonal().tolist() == pytest.approx(wanted, rel=1e-6)
