"""Initialization: fans, distributions and their cuts, names, and seeds that give the same weights everywhere."""

import math

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib import init

STD = {  # of a weight with 400 inputs and 600 outputs
    "vs-l": math.sqrt(1 / 400),
    "vs-x": math.sqrt(2 / (400 + 600)),
    "vs-h": math.sqrt(2 / 400),
    "vs-l-2018": 0.879625661 * math.sqrt(1 / 400),
    "rn": 0.1,
    "tn": 0.1 * init.TRUNCATED_STD,
}


def options(scheme):
    return {"std": 0.1} if scheme in ("rn", "tn") else {}


def draw(scheme, model, generator=0):
    return sl.init.initialize_(model, scheme, generator=generator, **options(scheme))


def normal_below(z):
    return (1 + torch.erf(z / math.sqrt(2))) / 2


@pytest.mark.parametrize("scheme", STD)
def test_weights_have_the_standard_deviation_and_the_shape_asked_for(scheme):
    """240,000 weights: their deviation is known to 0.15 %, their distribution to 1.63 / sqrt(n) (Kolmogorov, 1 %)."""
    weight = draw(scheme, nn.Linear(400, 600)).weight.detach().double().flatten()
    assert weight.mean().abs() < 4 * STD[scheme] / math.sqrt(len(weight))
    assert weight.std() == pytest.approx(STD[scheme], rel=0.006)
    if scheme == "rn":
        assert weight.abs().max() > 4 * STD[scheme]
        expected = normal_below(weight.sort().values / 0.1)
    else:
        sigma = STD[scheme] / init.TRUNCATED_STD
        assert 1.99 * sigma < weight.abs().max() <= 2 * sigma * (1 + 1e-6)
        outside = normal_below(torch.tensor(-2.0))
        expected = (normal_below(weight.sort().values / sigma) - outside) / (1 - 2 * outside)
    found = torch.arange(len(weight), dtype=torch.float64) / len(weight)
    assert (found - expected).abs().max() < 1.63 / math.sqrt(len(weight))


def test_the_constant_is_the_deviation_of_a_normal_cut_at_two():
    z = torch.linspace(-2, 2, 2_000_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2)
    variance = torch.trapezoid(z.square() * density, z) / torch.trapezoid(density, z)
    assert float(variance.sqrt()) == pytest.approx(init.TRUNCATED_STD, abs=1e-9)


@pytest.mark.parametrize("shape", [(30, 50), (50, 30), (8, 3, 3, 3)])
def test_orthogonal_rows_or_columns(shape):
    layer = nn.Linear(shape[1], shape[0]) if len(shape) == 2 else nn.Conv2d(shape[1], shape[0], shape[2])
    weight = draw("orthogonal", layer).weight.detach().flatten(1)
    gram = weight @ weight.t() if weight.shape[0] <= weight.shape[1] else weight.t() @ weight
    torch.testing.assert_close(gram, torch.eye(len(gram)), atol=1e-5, rtol=0)


# Fans


def tensorflow_fans(kernel):
    """TensorFlow's rule on a kernel in its own order (…, inputs, outputs)."""
    receptive = math.prod(kernel[:-2])
    return kernel[-2] * receptive, kernel[-1] * receptive


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        (nn.Linear(784, 300), (784, 300)),
        (nn.Conv2d(3, 64, (5, 3)), (5, 3, 3, 64)),
        (nn.Conv2d(8, 16, 3, groups=4), (3, 3, 2, 16)),
        (nn.Conv1d(3, 7, 5), (5, 3, 7)),
    ],
)
def test_fans_are_tensorflows(layer, kernel):
    assert init.fans(layer, "weight", layer.weight) == tensorflow_fans(kernel)


@pytest.mark.parametrize(
    ("layer", "gates"), [(nn.LSTM(28, 64, num_layers=2, bidirectional=True), 4), (nn.GRU(28, 64, num_layers=2), 3)]
)
def test_the_two_matrices_of_a_recurrent_layer_are_one_kernel(layer, gates):
    """On (input, state); the second layer's input is the first one's output, in both directions."""
    directions = 1 + layer.bidirectional
    inputs = {"l0": 28, "l1": 64 * directions}
    seen = set()
    for name, p in layer.named_parameters():
        if p.ndim > 1:
            level = name.split("_")[2]
            seen.add(level)
            assert init.fans(layer, name, p) == tensorflow_fans((inputs[level] + 64, gates * 64)), name
    assert seen == {"l0", "l1"}


def test_the_fans_of_a_cell_are_those_of_its_layer():
    cell = nn.LSTMCell(28, 64)
    assert init.fans(cell, "weight_ih", cell.weight_ih) == init.fans(cell, "weight_hh", cell.weight_hh) == (92, 256)


def test_recurrent_weights_have_the_deviation_of_the_whole_kernel():
    lstm = draw("vs-x", nn.LSTM(200, 300))
    for weight in (lstm.weight_ih_l0, lstm.weight_hh_l0):
        assert weight.std().item() == pytest.approx(math.sqrt(2 / (500 + 1200)), rel=0.01)


# What is drawn, and what is not


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 8)
        self.a = nn.Linear(8, 8)
        self.norm = nn.BatchNorm1d(8)
        self.layer = nn.LayerNorm((2, 8))
        self.b = nn.Linear(8, 8)
        self.b.weight = self.a.weight
        self.head = nn.Linear(8, 5, bias=False)
        self.head.weight = self.embed.weight


def disturbed():
    model = Everything()
    with torch.no_grad():
        for tensor in (*model.parameters(), model.norm.running_mean, model.norm.running_var):
            tensor.fill_(7)
    return model


def test_biases_are_zero_normalisation_is_reset_embeddings_are_left_alone():
    model = draw("vs-l", disturbed())
    assert not model.a.bias.any()
    assert not model.b.bias.any()
    for one in (model.norm.weight, model.norm.running_var, model.layer.weight):
        assert (one == 1).all()
    for zero in (model.norm.bias, model.norm.running_mean, model.layer.bias):
        assert not zero.any()
    assert (model.embed.weight == 7).all()
    assert model.head.weight is model.embed.weight


def test_a_tied_tensor_is_drawn_once():
    """So what is drawn after it is what it would be without the second name."""
    tied, alone = nn.Sequential(*(nn.Linear(8, 8) for _ in range(3))), nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    tied[1].weight = tied[0].weight
    draw("vs-l", tied)
    draw("vs-l", alone)
    assert torch.equal(tied[0].weight, alone[0].weight)
    assert torch.equal(tied[2].weight, alone[1].weight)


# Seeds


@pytest.mark.parametrize("scheme", init.SCHEMES)
def test_a_seed_gives_the_same_weights_and_leaves_the_global_state(scheme):
    first = draw(scheme, nn.Linear(5, 7), generator=3)
    model = nn.Linear(5, 7)
    state = torch.get_rng_state()
    with torch.device("meta"):
        draw(scheme, model, generator=torch.Generator(device="cpu").manual_seed(3))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(first.weight, model.weight)
    assert not torch.equal(first.weight, draw(scheme, nn.Linear(5, 7), generator=4).weight)


@pytest.mark.parametrize("scheme", init.SCHEMES)
def test_half_precision_gets_the_rounded_weights_of_float32(scheme):
    full, half = nn.Linear(20, 30), nn.Linear(20, 30).to(torch.bfloat16)
    assert torch.equal(draw(scheme, half).weight, draw(scheme, full).weight.to(torch.bfloat16))
    assert draw(scheme, nn.Linear(20, 30).double()).weight.dtype == torch.float64


def test_a_generator_moves_on():
    g = torch.Generator().manual_seed(0)
    first, second = (draw("vs-l", nn.Linear(5, 7), generator=g).weight for _ in range(2))
    assert not torch.equal(first, second)


# Names and errors


@pytest.mark.parametrize(
    ("alias", "name"), [("lecun", "vs-l"), ("glorot", "vs-x"), ("Xavier", "vs-x"), ("he", "vs-h"), ("kaiming", "vs-h")]
)
def test_aliases(alias, name):
    assert init.canonical(alias) == init.canonical(name.upper()) == name
    assert torch.equal(draw(alias, nn.Linear(5, 7)).weight, draw(name, nn.Linear(5, 7)).weight)


@pytest.mark.parametrize(
    ("scheme", "std", "message"),
    [
        ("vs-k", None, r"unknown initialization 'vs-k'; known: vs-l, .*did you mean 'vs-"),
        ("zzz", None, r"unknown initialization 'zzz'; known: .*kaiming$"),
        ("rn", None, "'rn' needs std="),
        ("tn", None, "'tn' needs std="),
        ("glorot", 0.1, "'vs-x' takes no std"),
        ("orthogonal", 0.1, "'orthogonal' takes no std"),
        ("rn", 0.0, "std must be a positive number, got 0.0"),
        ("tn", -1.0, "std must be a positive number"),
        ("rn", math.nan, "std must be a positive number, got nan"),
        ("rn", math.inf, "std must be a positive number, got inf"),
        ("tn", math.inf, "std must be a positive number, got inf"),
    ],
)
def test_errors_come_before_anything_is_drawn(scheme, std, message):
    layer = nn.Linear(5, 7)
    before = layer.weight.detach().clone()
    with pytest.raises(ValueError, match=message):
        sl.init.initialize_(layer, scheme, std=std, generator=0)
    assert torch.equal(layer.weight, before)


# Networks by name, whose weights are drawn here


@pytest.mark.parametrize("name", ["lenet-300-100", "lenet-5-caffe"])
def test_networks_are_the_same_for_a_seed_whatever_the_default_device(name):
    state = torch.get_rng_state()
    plain = sl.models.build(name, generator=5)
    with torch.device("meta"):
        other = sl.models.build(name, generator=5)
    assert torch.equal(state, torch.get_rng_state())
    for a, b in zip(plain.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
