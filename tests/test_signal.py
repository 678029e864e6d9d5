"""What passes through a network, against the formulas of variance scaling and against autograd one weight at a time."""

import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.models.plain import plain
from snip_lib.scoring.signal import by_layer

# E f(z)² / E z² and E f'(z)² for a normal z: what a non-linearity leaves of a signal and of a gradient.
LEFT = {nn.Identity: (1.0, 1.0), nn.ReLU: (0.5, 0.5)}
SPREAD = {nn.Identity: 2, nn.ReLU: 5}  # times 1/width: the relative variance that one layer adds to a mean square
DRAWS = 24


def drawn(seed, *, depth, width, activation, scheme="rn", std=None):
    network = plain((1, 8, 8), 10, depth=depth, width=width, activation=activation).double()
    return sl.init.initialize_(network, scheme, std=std, generator=seed)


def batch(n=40):
    source = torch.Generator().manual_seed(7)
    return torch.randn(n, 1, 8, 8, generator=source, dtype=torch.float64), torch.arange(n) % 10


def mean_of(activation, width, std, depth=6):
    """Means over draws of the layers' signals and gradients."""
    found = [
        by_layer(drawn(k, depth=depth, width=width, activation=activation, std=std), *batch()) for k in range(DRAWS)
    ]
    return [
        torch.tensor([[getattr(layer, what) for layer in one] for one in found]).mean(0)
        for what in ("signal", "gradient")
    ]


def stated_error(activation, width, layers):
    """Three standard errors of the mean over the draws, of a product of so many layers."""
    return 3 * math.sqrt(((1 + SPREAD[activation] / width) ** layers - 1) / DRAWS)


@pytest.mark.parametrize("width", [50, 100, 200])
@pytest.mark.parametrize("activation", LEFT)
@pytest.mark.parametrize("gain", [0.7, 1.0, 1.4])
def test_a_signal_grows_by_fan_in_times_the_variance_times_what_the_unit_leaves(activation, width, gain):
    std, depth = gain / math.sqrt(width), 6
    signal, _ = mean_of(activation, width, std, depth)
    for layer in range(1, depth):
        wanted = (width * std**2 * LEFT[activation][0]) ** layer
        error = stated_error(activation, width, layer + 1)
        assert signal[layer] / signal[0] == pytest.approx(wanted, rel=error)


@pytest.mark.parametrize("width", [50, 100, 200])
@pytest.mark.parametrize("activation", LEFT)
def test_a_gradient_grows_by_fan_out_times_the_variance_times_the_slope_squared(activation, width):
    """At a gain of a tenth the outputs, and so the residual that starts the gradient, do not depend on the draw."""
    std, depth = 0.1 / math.sqrt(width), 6
    _, gradient = mean_of(activation, width, std, depth)
    for layer in range(depth - 1):
        steps = depth - 1 - layer
        wanted = 10 * std**2 * LEFT[activation][1] * (width * std**2 * LEFT[activation][1]) ** (steps - 1)
        error = stated_error(activation, width, steps) + 3 * math.sqrt(2 / 10 / DRAWS)  # the last layer has 10 outputs
        assert gradient[layer] / gradient[-1] == pytest.approx(wanted, rel=error)


@pytest.mark.parametrize("width", [50, 100, 200])
def test_tanh_leaves_what_its_integral_says(width):
    """One layer on from a signal of known variance: E tanh² by quadrature."""
    z = torch.special.ndtri((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000)
    signal, _ = mean_of(nn.Tanh, width, 1.5 / math.sqrt(width), depth=6)
    for before, after in itertools.pairwise(signal):
        wanted = 1.5**2 * (z * before.sqrt()).tanh().square().mean()
        assert after == pytest.approx(wanted.item(), rel=3 * math.sqrt(2 / width / DRAWS) + 2 / width)


def test_every_number_is_that_of_the_definition():
    """Against the forward pass by hand and against autograd of each example's loss on its own."""
    model, (x, y) = drawn(0, depth=3, width=20, activation=nn.Tanh, scheme="vs-l"), batch(6)
    shift = [torch.zeros(6, width, dtype=torch.float64, requires_grad=True) for width in (20, 20, 10)]
    z1 = model.fc1(x.flatten(1)) + shift[0]
    z2 = model.fc2(z1.tanh()) + shift[1]
    z3 = model.fc3(z2.tanh()) + shift[2]
    back = [torch.autograd.grad(cross_entropy(z3, y, reduction="sum"), s, retain_graph=True)[0] for s in shift]
    g = sl.connection_gradient(model, x, y)
    for layer, z, d in zip(by_layer(model, x, y), (z1, z2, z3), back, strict=True):
        assert layer.signal == pytest.approx(z.square().mean().item())
        assert layer.gradient == pytest.approx(d.square().mean().item())
        assert layer.weight == pytest.approx(model.get_parameter(f"{layer.name}.weight").square().mean().item())
        assert layer.sensitivity == pytest.approx(g[f"{layer.name}.weight"].square().mean().item())


def test_the_model_is_left_as_it_was_found():
    model = sl.models.build("vgg-like", generator=0).train()
    x, y = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(4)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    names = [layer.name for layer in by_layer(model, x, y, batch_norm="batch")]
    assert names[0] == "conv1"
    assert len(names) == 15
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert not model.conv1._forward_hooks


def test_what_cannot_be_measured_is_refused():
    x, y = batch(4)
    with pytest.raises(ValueError, match="no linear or convolutional layer"):
        by_layer(nn.Flatten(), x, y)
    once = nn.Linear(64, 64).double()
    with pytest.raises(ValueError, match="computes more than once"):
        by_layer(nn.Sequential(nn.Flatten(), once, nn.ReLU(), once), x, y)
    with pytest.raises(ValueError, match="at least 1"):
        plain(depth=0)
