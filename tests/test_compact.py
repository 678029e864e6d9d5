"""A network without its cut-off units against the network with them: outputs, training, counts."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

import snip_lib as sl
from snip_lib.models.blocks import BatchNorm1d, BatchNorm2d, conv
from snip_lib.pruning import compact


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 6), nn.Tanh(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))


def convolutional():
    body = nn.Sequential(conv(1, 5, 3), BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True))
    flat = nn.Flatten(), nn.BatchNorm1d(16)
    head = nn.Sequential(*flat, nn.Linear(16, 4, bias=False), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))
    return nn.Sequential(nn.BatchNorm2d(1), body, nn.Conv2d(5, 4, 2, padding=1, stride=2), nn.LeakyReLU(), head)


MADE = {"linear": linear, "convolutional": convolutional}
X = torch.randn(7, 1, 3, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))


LAYER = nn.Linear(3, 3)


def made(kind: str, seed: int, density: float) -> tuple[nn.Module, sl.Masks]:
    """A network in float64 with biases of 0, as before training, and masks of its weights and biases at random."""
    model, source = MADE[kind]().double(), torch.Generator().manual_seed(seed)
    sl.init.initialize_(model, "vs-h", generator=source)
    shapes = {name: p.shape for name, p in sl.prunable_parameters(model).items()}
    return model, sl.Masks({name: torch.rand(shape, generator=source) < density for name, shape in shapes.items()})


def weights(masks: sl.Masks) -> dict[str, int]:
    return {name: count for name, count in masks.counts().items() if masks[name].ndim > 1}


@given(kind=st.sampled_from(list(MADE)), seed=st.integers(0, 10**6), density=st.floats(0.1, 0.9))
def test_it_computes_the_same_from_the_connections_on_a_path(kind, seed, density):
    model, masks = made(kind, seed, density)
    effective = masks.effective(model, X)
    assume(all(weights(effective).values()))
    small, left = compact(model, masks)
    masks.apply_(model), left.apply_(small)
    for training in (True, False):
        torch.testing.assert_close(small.train(training)(X), model.train(training)(X))
    assert weights(left) == weights(effective)
    assert {n: p.shape for n, p in compact(small, left)[0].named_parameters()} == {
        n: p.shape for n, p in small.named_parameters()
    }


def normed():
    body = nn.Sequential(conv(1, 12, 5, 4), BatchNorm2d(12), nn.ReLU(), conv(12, 16, 3, 2), BatchNorm2d(16), nn.ReLU())
    return nn.Sequential(body, nn.Flatten(), nn.Linear(256, 20), BatchNorm1d(20), nn.ReLU(), nn.Linear(20, 10))


@pytest.mark.parametrize("network", ["lenet-300-100", "lenet-5-caffe", normed])
def test_it_trains_as_the_whole_network_does(network):
    """Also behind batch norm: through a ReLU at 0 no gradient comes to the shift of a channel that nothing feeds."""
    model = normed() if network is normed else sl.models.build(network, generator=0)
    model = sl.init.initialize_(model, "vs-l", generator=0).double()
    x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)
    x = x.double()
    masks = sl.snip(model, x, y, sparsity=0.98)
    small, left = compact(model, masks)
    assert sum(p.numel() for p in small.parameters()) < 0.9 * sum(p.numel() for p in model.parameters())
    losses = [], []
    for net, mask, seen in ((model, masks, losses[0]), (small, left, losses[1])):
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
        with mask.hold(net, optimizer):
            for _ in range(20):
                optimizer.zero_grad()
                seen.append(nn.functional.cross_entropy(net(x), y))
                seen[-1].backward()
                optimizer.step()
    assert losses[0][-1] < 0.9 * losses[0][0]
    torch.testing.assert_close(losses[1], losses[0])
    torch.testing.assert_close(small.eval()(x), model.eval()(x))


def test_the_new_network_shares_nothing_with_the_old_one():
    model, masks = made("convolutional", 3, 0.6)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    small, left = compact(model, masks)
    for value in small.state_dict().values():
        value.fill_(9)
    for mask in left.values():
        mask.fill_(False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert masks.kept > 0
    assert masks == made("convolutional", 3, 0.6)[1]


def test_mode_frozen_parameters_and_those_without_a_mask_stay_as_they_are():
    model, masks = made("convolutional", 1, 0.6)
    model.eval()[4][2].requires_grad_(False)
    small, left = compact(model, sl.Masks({name: masks[name] for name in ("1.0.weight", "4.2.weight")}))
    assert not any(module.training for module in small.modules())
    assert not small[4][2].weight.requires_grad
    assert small[2].weight.requires_grad
    assert list(left) == ["1.0.weight", "4.2.weight"]


def test_a_dead_unit_that_sends_a_constant_is_refused_unless_nothing_takes_it():
    model, masks = made("linear", 0, 1.0)
    masks["1.weight"][2] = False
    with torch.no_grad():
        model[1].bias[2] = 0.5
    with pytest.raises(ValueError, match=r"unit 2 of 1 is fed by nothing and sends a constant on"):
        compact(model, masks)
    masks["3.weight"][:, 2] = False
    assert compact(model, masks)[0][1].out_features == 5


@pytest.mark.parametrize("shift", ["bias", "running_mean"])
def test_so_is_one_behind_a_trained_batch_norm(shift):
    model, masks = made("convolutional", 0, 1.0)
    masks["1.0.weight"][3], masks["1.0.bias"][3] = False, False
    assert len(compact(model, masks)[0][1][1].weight) == 4
    with torch.no_grad():
        getattr(model[1][1], shift)[3] = -0.1
    with pytest.raises(ValueError, match=r"unit 3 of 1.0 .* compact the network before it is trained"):
        compact(model, masks)


def test_no_path_is_said_so():
    model, masks = made("linear", 0, 1.0)
    masks["3.weight"][:] = False
    with pytest.raises(ValueError, match=r"no path is left: every unit of 1 is cut off"):
        compact(model, masks)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (sl.models.build("resnet-20", generator=0), "group1.0 is BasicBlock"),
        (nn.Sequential(nn.Conv2d(4, 4, 1, groups=2)), "of one group.*0 is Conv2d"),
        (nn.Linear(2, 2), None),
        (nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Linear(2, 2)), r"Flatten\(\) between the convolution 0"),
        (
            nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(2), nn.Linear(2, 2)),
            r"Flatten\(\) between the convolution 0",
        ),
        (nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Conv2d(2, 2, 1)), "and nowhere else"),
        (
            nn.Sequential(nn.Linear(4, 2), nn.Flatten(), nn.Linear(6, 2)),
            "which of 6 inputs of 2 come",
        ),
        (nn.Sequential(LAYER, nn.ReLU(), LAYER), "'2.weight' is there twice"),
        (nn.Sequential(nn.Linear(2, 2), nn.Softmax(1)), "1 is Softmax"),
        (nn.Sequential(nn.BatchNorm1d(2)), "with a linear or convolutional layer"),
    ],
)
def test_what_is_no_sequence_of_known_layers_is_refused(model, message):
    masks = sl.Masks({name: torch.ones_like(p, dtype=torch.bool) for name, p in model.named_parameters()})
    if message is None:
        assert isinstance(compact(model, masks)[0], nn.Linear)
        return
    with pytest.raises(TypeError, match=message):
        compact(model, masks)


def test_masks_of_another_network_are_refused():
    with pytest.raises(ValueError, match="no parameter 'weight'"):
        compact(linear(), sl.Masks({"weight": torch.ones(2, 2, dtype=torch.bool)}))
