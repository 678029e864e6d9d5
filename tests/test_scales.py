"""The formulas of *Variance scaling* and *What initialization does to the mask*, three widths each, against networks.

What `test_signal.py` has (the signal and the gradient from layer to layer) and `test_deep.py` (isometry) is not here.
"""

import math

import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.models.plain import plain
from snip_lib.models.recurrent import RowReader
from snip_lib.scoring.signal import by_layer

WIDTHS = (50, 100, 200)
HOMOGENEOUS = (nn.Identity, nn.ReLU)  # positive factors pass
FIVE_OR_TWO = {nn.ReLU: 5, nn.Identity: 2}  # times 1/n: the relative variance of a layer's mean square


def batch(n=30, side=8, seed=7):
    source = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, side, side, generator=source, dtype=torch.float64), torch.arange(n) % 10


def drawn(seed, *, depth, width, activation, gain=1.0):
    model = plain((1, 8, 8), 10, depth=depth, width=width, activation=activation).double()
    sl.init.initialize_(model, "vs-l", generator=seed)
    for p in model.parameters():
        p.detach().mul_(gain)
    return model


def held(output, labels):
    """A loss whose gradient at the outputs is 1/10 less the label, whatever the outputs."""
    return ((0.1 - nn.functional.one_hot(labels, 10)) * output).sum(1).mean()


# How far single networks stray, and what a cut takes


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", FIVE_OR_TWO)
def test_the_relative_variance_of_single_networks(width, activation):
    """(1 + 5/n)^(L - 1) (1 + 2/n) - 1 for the z of layer L, one input; within three errors of a measured variance."""
    layers, draws, (x, y) = 4, 300, batch(1)
    last = []
    for seed in range(draws):
        model = plain((1, 8, 8), 10, depth=layers + 1, width=width, activation=activation).double()
        sl.init.initialize_(model, "rn", std=math.sqrt(2 / width), generator=seed)
        last.append(by_layer(model, x, y)[layers - 1].signal)
    ratios = torch.tensor(last, dtype=torch.float64)
    squares = (ratios / ratios.mean() - 1).square()
    error = 3 * squares.std().item() / math.sqrt(draws)
    wanted = (1 + FIVE_OR_TWO[activation] / width) ** (layers - 1) * (1 + 2 / width) - 1
    assert squares.mean().item() == pytest.approx(wanted, abs=error)
    assert error < 0.7 * wanted, "too few draws to say anything"


@pytest.mark.parametrize("cut", [0.5, 1.0, 2.0, 3.0])
def test_the_variance_that_a_cut_normal_keeps(cut):
    """1 - 2 a φ(a) / (2 Φ(a) - 1), within three standard errors of 200,000 drawn numbers."""
    n, normal, a = 200_000, torch.distributions.Normal(0.0, 1.0), torch.tensor(cut)
    wanted = 1 - 2 * cut * normal.log_prob(a).exp().item() / (2 * normal.cdf(a).item() - 1)
    z = nn.init.trunc_normal_(torch.empty(n), a=-cut, b=cut, generator=torch.Generator().manual_seed(0)).double()
    assert z.square().mean().item() == pytest.approx(wanted, abs=3 * z.square().std().item() / math.sqrt(n))


@pytest.mark.parametrize("q", [0.1, 0.03, 0.01])
def test_a_small_signal_through_tanh_loses_two_of_its_inverse_a_layer(q):
    """At n σ² = 1: 1/q grows by 2, to 2 q; the mean of tanh² over a normal z by quadrature."""
    z = torch.special.ndtri((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000)
    after = (z * math.sqrt(q)).tanh().square().mean().item()
    assert 1 / after - 1 / q == pytest.approx(2, abs=2 * q)


@pytest.mark.parametrize("width", WIDTHS)
def test_tanh_fades_as_one_over_twice_the_layers(width):
    """1/q after l layers is 1/q of the first and 2 (l - 1), to the tenth that the next order leaves out and a draw's
    error; q = 1/(2 l) for many layers."""
    depth, draws, (x, y) = 30, 12, batch()
    signal = torch.tensor(
        [
            [one.signal for one in by_layer(drawn(k, depth=depth, width=width, activation=nn.Tanh), x / 4, y)][:-1]
            for k in range(draws)
        ]
    ).double()
    inverse = 1 / signal.mean(0)
    wanted = inverse[0] + 2 * torch.arange(depth - 1)
    error = signal[:, -1].std() / signal[:, -1].mean() / math.sqrt(draws)
    assert (inverse[-1] / wanted[-1] - 1).abs() < 0.1 + 3 * error


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("activation", FIVE_OR_TWO)
@pytest.mark.parametrize("side", [2, 4, 8])
def test_a_kernel_in_the_padding_adds_nothing(channels, activation, side):
    """A 3x3 convolution multiplies by its fan-in, σ², what the unit leaves, and the share of its places inside."""
    inside, left = ((3 * side - 2) / (3 * side)) ** 2, {nn.ReLU: 0.5, nn.Identity: 1.0}[activation]
    source, ratios = torch.Generator().manual_seed(1), []
    x = torch.randn(20, 3, side, side, generator=source, dtype=torch.float64)
    for seed in range(12):
        one, other = nn.Conv2d(3, channels, 1), nn.Conv2d(channels, 40, 3, padding=1)
        model = nn.Sequential(one, activation(), other, nn.AdaptiveAvgPool2d(1), nn.Flatten()).double()
        sl.init.initialize_(model, "vs-l", generator=seed)
        layers = by_layer(model, x, torch.arange(20) % 10)
        ratios.append(layers[1].signal / layers[0].signal)
    ratios = torch.tensor(ratios, dtype=torch.float64)
    error = 3 * ratios.std().item() / math.sqrt(len(ratios))
    assert ratios.mean().item() == pytest.approx(left * inside, abs=error)
    assert error < 0.2 * left * inside


# A common factor, and equal sums


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_with_the_residual_held_factors_of_layers_are_one_factor(width, activation):
    """Exact: g of every connection is multiplied by the product of all factors."""
    factors, (x, y) = (0.03, 7.0, 0.5, 20.0), batch()
    model = drawn(0, depth=4, width=width, activation=activation)
    before = sl.connection_gradient(model, x, y, loss=held)
    for layer, factor in enumerate(factors, start=1):
        model.get_parameter(f"fc{layer}.weight").detach().mul_(factor)
    after = sl.connection_gradient(model, x, y, loss=held)
    for name, g in before.items():
        torch.testing.assert_close(after[name], math.prod(factors) * g, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("width", WIDTHS)
def test_with_tanh_they_are_not(width):
    (x, y), model = batch(), drawn(0, depth=4, width=width, activation=nn.Tanh)
    before = sl.connection_gradient(model, x, y, loss=held)
    model.fc1.weight.detach().mul_(10)
    after = sl.connection_gradient(model, x, y, loss=held)
    ratios = [after[f"fc{layer}.weight"].abs().mean() / before[f"fc{layer}.weight"].abs().mean() for layer in (1, 4)]
    assert ratios[0] > 1.5 * ratios[1], "the factor is no common one"


def sums(model, x, y, *, biases=True, **options):
    """Σ g of each layer."""
    found = {}
    for name, g in sl.connection_gradient(model, x, y, **options).items():
        layer = name.partition(".")[0]
        if biases or "bias" not in name:
            found[layer] = found.get(layer, 0.0) + g.sum().item()
    return list(found.values())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_all_layers_have_one_sum_of_signed_sensitivities(width, activation):
    """And it is the mean over the batch of residual times output."""
    (x, y), model = batch(), drawn(1, depth=5, width=width, activation=activation, gain=1.3)
    output = model(x).detach().requires_grad_(True)
    slope = torch.autograd.grad(nn.functional.cross_entropy(output, y), output)[0]
    wanted = (slope * output).sum().item()
    assert sums(model, x, y) == pytest.approx([wanted] * 5, rel=1e-9)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_unit_by_unit_what_goes_in_is_what_goes_out(width, activation):
    (x, y), model = batch(), drawn(1, depth=4, width=width, activation=activation)
    g = sl.connection_gradient(model, x, y)
    for layer in (1, 2, 3):
        torch.testing.assert_close(g[f"fc{layer}.weight"].sum(1), g[f"fc{layer + 1}.weight"].sum(0))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", HOMOGENEOUS)
def test_biases_move_the_sums_by_one_layer(width, activation):
    """Without its biases a layer's sum is the sum with them one layer below."""
    (x, y), model = batch(), drawn(2, depth=4, width=width, activation=activation)
    for name, p in model.named_parameters():
        if "bias" in name:
            p.detach().normal_(std=0.5, generator=torch.Generator().manual_seed(len(name)))
    assert sums(model, x, y, biases=False)[1:] == pytest.approx(sums(model, x, y)[:-1], rel=1e-9)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", [*HOMOGENEOUS, nn.Tanh])
def test_under_batch_statistics_the_sums_before_a_norm_are_0(width, activation):
    """Whatever the non-linearity, to the ε of the norm beside the variance of about 1."""
    (x, y), layers = batch(), []
    for part in drawn(3, depth=4, width=width, activation=activation):
        layers += [nn.BatchNorm1d(width, eps=1e-9)] * isinstance(part, activation) + [part]
    found = sums(nn.Sequential(*layers).double(), x, y, batch_norm="batch")
    assert len(found) == 4
    assert max(map(abs, found[:-1])) < 1e-6
    assert abs(found[-1]) > 1e-3


# Gates


POWERS = {  # of σ beside the input's way to the candidate, in PyTorch's order of gates
    nn.GRU: {"ih": {"reset": 3, "update": 2, "candidate": 0}, "hh": {"reset": 4, "update": 3, "candidate": 1}},
    nn.LSTM: {
        "ih": {"input": 2, "forget": 2, "candidate": 0, "output": 2},
        "hh": {"input": 3, "forget": 3, "candidate": 1, "output": 3},
    },
}


def sizes(cell, units, std):
    """(matrix, gate) -> mean |g| over that of p → candidate."""
    model = RowReader((1, 8, 8), 10, cell=cell, units=units).double()
    sl.init.initialize_(model, "rn", std=std, generator=0)
    g = sl.connection_gradient(model, *batch(10), loss=held)
    found = {}
    for half, gates in POWERS[cell].items():
        parts = g[f"cell.weight_{half}_l0"].abs().chunk(len(gates))
        found |= {(half, gate): part.mean().item() for gate, part in zip(gates, parts, strict=True)}
    return {place: size / found["ih", "candidate"] for place, size in found.items()}


@pytest.mark.parametrize("units", [16, 32, 64])
@pytest.mark.parametrize("cell", POWERS)
def test_at_a_small_spread_gates_score_by_powers_of_it(cell, units):
    """Slopes between σ = 0.0003 and 0.001, to 0.02."""
    small, smaller = sizes(cell, units, 0.001), sizes(cell, units, 0.0003)
    for (half, gate), size in small.items():
        slope = math.log(size / smaller[half, gate]) / math.log(10 / 3)
        assert slope == pytest.approx(POWERS[cell][half][gate], abs=0.02), (half, gate)


@pytest.mark.parametrize("units", [16, 32, 64])
def test_closed_gates_halve_what_a_row_has_left(units):
    """A row that lies k rows before the last one counts 2^-k of what the last one does, exactly without U_n."""
    model = RowReader((1, 8, 8), 10, cell=nn.GRU, units=units).double()
    sl.init.initialize_(model, "vs-x", generator=0)
    model.cell.weight_hh_l0.detach().zero_()
    model.cell.weight_ih_l0.detach()[: 2 * units].zero_()
    x = batch(5)[0][:, :, :1].expand(-1, -1, 8, -1).clone().requires_grad_(True)  # all rows alike: one slope of tanh
    model(x).square().sum().backward()
    size = x.grad.square().sum((0, 1, 3)).sqrt()
    for k in range(8):
        assert (size[7 - k] / size[7]).item() == pytest.approx(2.0**-k, rel=1e-9)
