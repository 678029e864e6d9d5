"""Effective connections against a search of every path on tiny networks, and against real gradients and outputs."""

import warnings

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.models.blocks import BatchNorm2d, conv
from snip_lib.models.recurrent import RowReader
from snip_lib.models.resnet import BasicBlock
from snip_lib.models.wrn import PreActivationBlock


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))


def convolutional():
    return nn.Sequential(
        conv(2, 4, 3),
        BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(),
        nn.Conv2d(4, 3, 2, padding=1, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 3),
    )


def grouped():
    return nn.Sequential(
        nn.Conv2d(4, 6, 3, groups=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2)
    )


def preactivated():
    blocks = PreActivationBlock(3, 4, 2, project=True), PreActivationBlock(4, 4, 1, project=False)
    return nn.Sequential(conv(2, 3, 3), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


def residual():
    blocks = BasicBlock(3, 3, 1), BasicBlock(3, 4, 2)
    return nn.Sequential(conv(2, 3, 3), nn.ReLU(), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))


# Each weight joins two layers of units, "in" being the input and "out" the output; None joins unit i with unit i.
TINY = {
    "mlp": (mlp, (1, 2, 2), [("1.weight", "in", "a"), ("3.weight", "a", "b"), ("5.weight", "b", "out")]),
    "convolutional": (
        convolutional,
        (2, 6, 6),
        [("0.weight", "in", "a"), ("5.weight", "a", "b"), ("9.weight", "b", "out")],
    ),
    "grouped": (grouped, (4, 5, 5), [("0.weight", "in", "a"), ("4.weight", "a", "out")]),
    "preactivated": (
        preactivated,
        (2, 8, 8),
        [
            ("0.weight", "in", "a"),
            ("1.conv1.weight", "a", "b"),
            ("1.conv2.weight", "b", "c"),
            ("1.shortcut.weight", "a", "c"),
            ("2.conv1.weight", "c", "d"),
            ("2.conv2.weight", "d", "e"),
            (None, "c", "e"),
            ("5.weight", "e", "out"),
        ],
    ),
    "residual": (
        residual,
        (2, 8, 8),
        [
            ("0.weight", "in", "a"),
            ("2.conv1.weight", "a", "b"),
            ("2.conv2.weight", "b", "c"),
            (None, "a", "c"),
            ("3.conv1.weight", "c", "d"),
            ("3.conv2.weight", "d", "e"),
            ("3.shortcut.conv.weight", "c", "e"),
            ("6.weight", "e", "out"),
        ],
    ),
}


def random_masks(model, share, seed):
    """Masks that keep a share of the weights, of a convolution a share of its kernels, each with half of its taps."""
    source, masks = torch.Generator().manual_seed(seed), {}
    for name, parameter in sl.prunable_parameters(model).items():
        masks[name] = torch.rand(parameter.shape, generator=source) < (0.5 if parameter.ndim > 2 else share)
        if parameter.ndim > 2:
            masks[name] &= torch.rand(*parameter.shape[:2], 1, 1, generator=source) < share
    return sl.Masks(masks)


def edges(masks, model, joins):
    """(layer, unit) -> list of (name, row, column, (next layer, unit)), one for each kept tap's pair of units."""
    found, units = {}, {}
    for name, source, target in joins:
        if name is None:
            for i in range(units[source]):
                found.setdefault((source, i), []).append((None, i, i, (target, i)))
            continue
        mask = masks[name]
        units[target] = len(mask)
        spread = mask.shape[1] // units.get(source, mask.shape[1])  # pixels of a channel that was flattened
        groups = getattr(model.get_submodule(name.removesuffix(".weight")), "groups", 1)
        for row, column in mask.flatten(2).any(2).nonzero().tolist() if mask.ndim > 2 else mask.nonzero().tolist():
            first = row // (len(mask) // groups) * mask.shape[1]
            unit = (column + first) // max(spread, 1)
            found.setdefault((source, unit), []).append((name, row, column, (target, row)))
    return found


def on_a_path(graph):
    """The (name, row, column) of every edge on some path from "in" to "out", by walking each path to its end."""
    marked = set()

    def walk(node, trail):
        if node[0] == "out":
            marked.update(trail)
        for name, row, column, target in graph.get(node, ()):
            walk(target, [*trail, (name, row, column)])

    for node in graph:
        if node[0] == "in":
            walk(node, [])
    return marked


@pytest.mark.parametrize("share", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("name", TINY)
def test_every_kept_weight_on_a_path_and_no_other_is_effective(name, share):
    make, shape, joins = TINY[name]
    model = make()
    thinned = 0
    for seed in range(12):
        masks = random_masks(model, share, seed)
        found = masks.effective(model, torch.zeros(3, *shape))
        marked = on_a_path(edges(masks, model, joins))
        for weight in (w for w, _, _ in joins if w):
            on_path = torch.zeros(masks[weight].shape[:2], dtype=torch.bool)
            for other, row, column in marked:
                if other == weight:
                    on_path[row, column] = True
            expected = masks[weight] & on_path.view(*on_path.shape, *[1] * (masks[weight].ndim - 2))
            assert torch.equal(found[weight], expected), (weight, seed)
            bias = weight.removesuffix("weight") + "bias"
            if bias in masks:
                assert torch.equal(found[bias], masks[bias] & expected.flatten(1).any(1)), (bias, seed)
        thinned += found.kept < masks.kept
    assert thinned > 6 or share > 0.5  # at low density some connections are cut off, so the comparison bites


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_recurrent_weights_are_effective_where_the_real_network_has_a_gradient(cell, share):
    """With biases 0 and weights at random, a derivative is exactly 0 only where no signal can pass."""
    thinned = 0
    for seed in range(20):
        source = torch.Generator().manual_seed(seed)
        model = RowReader((1, 5, 3), 2, cell=cell, units=4).double()
        for parameter in model.parameters():
            parameter.data = torch.randn(parameter.shape, generator=source, dtype=torch.float64) * (parameter.ndim > 1)
        masks = random_masks(model, share, seed)
        found = masks.effective(model, torch.zeros(1, 1, 5, 3, dtype=torch.float64))
        masks.apply_(model)
        x = torch.randn(1, 1, 5, 3, generator=source, dtype=torch.float64)
        (model(x) @ torch.randn(2, generator=source, dtype=torch.float64)).sum().backward()
        carrying = {n: masks[n] & (model.get_parameter(n).grad != 0) for n in masks}
        fed = (carrying["cell.weight_ih_l0"] | carrying["cell.weight_hh_l0"]).view(-1, 4, 4).any(2).any(0)
        carrying["project.bias"] &= carrying["project.weight"].any(1)
        carrying["cell.bias_ih_l0"] &= fed.repeat(len(masks["cell.bias_ih_l0"]) // 4)
        carrying["fc.bias"] &= carrying["fc.weight"].any(1)
        for name in masks:
            assert torch.equal(found[name], carrying[name]), (name, seed)
        thinned += found.kept < masks.kept
    assert thinned > 10


def test_a_gate_without_a_state_to_scale_is_not_effective():
    model = RowReader((1, 4, 2), 2, cell=nn.LSTM, units=3)
    masks = {name: torch.ones_like(p, dtype=torch.bool) for name, p in sl.prunable_parameters(model).items()}
    for name in ("cell.weight_ih_l0", "cell.weight_hh_l0"):
        masks[name][2 * 3 + 1] = False  # nothing reaches the candidate state of unit 1
    found = sl.Masks(masks).effective(model, torch.zeros(1, 1, 4, 2))
    for gate in range(4):
        assert not found["cell.weight_ih_l0"][gate * 3 + 1].any()
        assert found["cell.weight_ih_l0"][gate * 3 + 2].all()
    assert not found["cell.weight_hh_l0"][:, 1].any()  # and so unit 1 has nothing to send
    assert not found["fc.weight"][:, 1].any()


@pytest.mark.parametrize("name", ["lenet-5-caffe", "alexnet-s", "vgg-c", "wrn-16-8", "lstm-s", "gru-s", "resnet-20"])
def test_dropping_what_is_not_effective_changes_no_output(name):
    sample = sl.data.load("digits" if sl.models.INPUT_SHAPES[name][0] == 1 else "cifar10-sample")
    x, y = sl.data.pruning_batch(sample, 4, seed=0)
    model = sl.models.build(name, generator=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sl.LayerCollapseWarning)
        masks = sl.snip(model, x, y, sparsity=0.99)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    found = masks.effective(model, x)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert model.training
    assert all((found[n] <= masks[n]).all() for n in masks)
    assert found.kept < masks.kept
    with torch.no_grad():
        before = masks.apply_(model).eval()(x)
        after = found.apply_(model)(x)
    assert torch.allclose(before, after, rtol=1e-4, atol=1e-6)
    assert found.effective(model, x) == found


def test_a_network_of_its_own_is_refused_by_name_and_left_alone():
    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    for layer, name in [(Doubled(3, 3), "Doubled"), (nn.Sigmoid(), "Sigmoid"), (nn.Softmax(1), "Softmax")]:
        model = nn.Sequential(nn.Linear(3, 3), layer, nn.Linear(3, 2))
        masks = random_masks(model, 0.5, 0)
        with pytest.raises(TypeError, match=f"1 is {name}"):
            masks.effective(model, torch.zeros(1, 3))
        assert "forward" not in vars(model[0])
    model = RowReader((1, 4, 2), 2, cell=nn.GRU, units=3)
    masks = random_masks(model, 0.5, 0)
    for options in ({"bidirectional": True}, {"num_layers": 2}, {"batch_first": False}):
        model.cell = nn.GRU(3, 3, **{"batch_first": True, **options})
        with pytest.raises(TypeError, match="cell"):
            masks.effective(model, torch.zeros(1, 1, 4, 2))


def test_masks_of_normalisation_and_frozen_weights():
    model = nn.Sequential(conv(2, 3, 3), BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2))
    model[0].requires_grad_(False)
    masks = {n: torch.rand(p.shape) < 0.5 for n, p in model.named_parameters() if p.requires_grad}
    found = sl.Masks(masks).effective(model, torch.zeros(1, 2, 2, 2))
    assert list(found) == list(masks)
    assert torch.equal(found["1.weight"], masks["1.weight"])
    assert torch.equal(found["4.weight"], masks["4.weight"])  # the frozen convolution reaches every channel
