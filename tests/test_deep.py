"""The formulas of *Very deep networks*, taken from the page's own cells, against simulation and against autograd."""

import math
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

import snip_lib as sl
from snip_lib.models.plain import plain

PAGE = Path(__file__).resolve().parent.parent / "book/initialization/deep.ipynb"
WIDTHS = (50, 100, 200)
KINDS = (nn.Identity, nn.ReLU, nn.Tanh)
DRAWS = 24


def kurtosis_of_a_cut_normal(cut=2.0):
    """E z⁴ / (E z²)² of a unit normal within ±cut, by quadrature."""
    z = torch.linspace(-cut, cut, 100_001, dtype=torch.float64)
    density = (-z.square() / 2).exp()
    second, fourth = ((density * z**power).sum() / density.sum() for power in (2, 4))
    return (fourth / second**2).item()


CUT = kurtosis_of_a_cut_normal()


@pytest.fixture(scope="module")
def page():
    """What the page's two cells of formulas define."""
    cells = {cell.id: cell.source for cell in nbformat.read(PAGE, as_version=4).cells}
    names = {"torch": torch, "nn": nn, "functools": __import__("functools")}
    for cell in ("jacobian-and-its-two-numbers", "three-formulas"):
        exec(cells[cell], names)
    return names


def drawn(seed, *, depth, width, activation, scheme="rn", gain=1.0):
    model = plain((1, 8, 8), 10, depth=depth, width=width, activation=activation).double()
    std = gain / math.sqrt(width) if scheme == "rn" else None
    return sl.init.initialize_(model, scheme, std=std, generator=seed)


def digit(seed=3):
    return torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masked(matrix, share, seed):
    draw = torch.Generator().manual_seed(1_000 + seed)
    return matrix * (torch.rand(matrix.shape, generator=draw) < share)


def agrees(samples, wanted, *, stated=0.0):
    """Within three standard errors of the mean over the draws and what the formula leaves out, relative to it."""
    samples = torch.tensor(samples, dtype=torch.float64)
    error = 3 * samples.std().item() / math.sqrt(len(samples)) + stated * abs(wanted)
    assert abs(samples.mean().item() - wanted) <= error, (samples.mean().item(), wanted, error)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", KINDS)
def test_the_product_of_the_factors_is_the_jacobian(page, width, activation):
    model, x = drawn(0, depth=5, width=width, activation=activation, gain=1.3), digit()
    whole = torch.func.jacrev(model[2:])(model[:2](x)[0])
    assert whole.shape == (10, width)
    torch.testing.assert_close(page["product"](page["factors"](model, x)), whole, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_each_layer_multiplies_the_mean_square_by_the_share_and_the_mean_slope_squared(page, width, activation, share):
    """ρ a layer, whatever the weights; the slopes are measured, their independence of the weights is the 2 % left out.

    A ratio to the prediction of the same draw, since tanh's slopes differ from draw to draw.
    """
    ratios = []
    for seed in range(DRAWS):
        model, x = drawn(seed, depth=6, width=width, activation=activation), digit(seed)
        through = [masked(matrix, share, 10 * seed + i) for i, matrix in enumerate(page["factors"](model, x)[:-1])]
        h, slopes = x.flatten(1), 1.0
        for part in model[1:-3]:
            if not isinstance(part, nn.Linear):
                slopes *= torch.func.vjp(part, h)[1](torch.ones_like(h))[0].square().mean().item()
            h = part(h)
        ratios.append(page["numbers"](page["product"](through))[0] / (share ** len(through) * slopes))
    agrees(ratios, 1.0, stated=0.02)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 4, 10])
def test_a_gaussian_factor_adds_one_to_the_relative_variance(page, width, count):
    """The moments t and u by the page's recursion, exact at any width, and n/(1 + K), to a relative K/n + 1/n."""
    t = u = 1.0
    for _ in range(count):
        t, u = (1 + 1 / width) * t + u, u + 2 * t / width**2
    found = []
    for seed in range(DRAWS):
        model = drawn(seed, depth=count + 2, width=width, activation=nn.Identity)
        matrix = page["product"](page["factors"](model, digit())[:-1])
        squares = torch.linalg.svdvals(matrix) ** 2
        found.append((squares.square().mean().item(), squares.mean().item() ** 2, page["numbers"](matrix)[1]))
    fourth, second, v = zip(*found, strict=True)
    agrees(fourth, t)
    agrees(second, u)
    agrees([width / (1 + one) for one in v], page["directions_left"](width, count), stated=(count + 1) / width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.1])
@pytest.mark.parametrize(
    ("scheme", "formula", "options"),
    [
        ("orthogonal", "mask_of_orthogonal", {}),
        ("rn", "mask_of_independent", {}),
        ("vs-l", "mask_of_independent", {"fourth": CUT}),
    ],
)
def test_what_a_random_mask_leaves_of_the_evenness(page, width, share, scheme, formula, options):
    """The mean of λ² is exact; dividing by the square of each draw's own mean leaves out terms of 6/(n² ρ)."""
    spread, mean = [], []
    for seed in range(DRAWS):
        model = drawn(seed, depth=3, width=width, activation=nn.Identity, scheme=scheme)
        whole, v = page["numbers"](masked(model[3].weight.detach(), share, seed))
        mean.append(whole)
        spread.append(1 + v)
    agrees(mean, share, stated=1e-6)
    agrees(spread, 1 + page[formula](width, share, **options), stated=1e-6 + 12 / (width**2 * share))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("activation", KINDS[:1])
def test_orthogonal_layers_stretch_nothing(page, width, activation):
    model = drawn(0, depth=20, width=width, activation=activation, scheme="orthogonal")
    mean, v = page["numbers"](page["product"](page["factors"](model, digit())[:-1]))
    assert (mean, v) == (pytest.approx(1, abs=1e-9), pytest.approx(0, abs=1e-9))
