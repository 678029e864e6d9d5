"""The figures carry the numbers they were given, in a palette that can be told apart, and leave matplotlib alone."""

import itertools
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from snip_lib import figures

RNG = np.random.default_rng(0)
MASKS = {f"{s} %": torch.from_numpy(RNG.random((300, 784)) > s / 100) for s in (50, 90, 99)}
SHARES = {"SNIP": {"fc1": 0.03, "fc2": 0.2, "fc3": 0.6}, "magnitude": {"fc1": 0.0, "fc2": 0.3, "fc3": 0.5}}
ERRORS = {
    "dense": {0: [4.0, 4.2, 4.1]},
    "snip": {0.9: [5.4, 5.6, 5.5], 0.98: [7.0, 7.3, 7.9]},
    "random": {0.9: [12.0, 13.0, 11.0], 0.98: [24.0, 25.0, 29.0]},
}
SCORES = RNG.lognormal(-9, 2, 5_000)
WEIGHTS = [torch.tensor([[0.5, -1.2], [0.8, 0.25]]), torch.tensor([[1.5, -0.75]])]
KEPT = [torch.tensor([[True, True], [False, True]]), torch.tensor([[True, False]])]

EVERY = {
    "mask_grid": lambda: figures.mask_grid({"SNIP": MASKS, "random": MASKS}),
    "layer_density": lambda: figures.layer_density(SHARES),
    "layer_density, log": lambda: figures.layer_density(SHARES, log=True),
    "error_curve": lambda: figures.error_curve(ERRORS, chance=90),
    "error_curve, log": lambda: figures.error_curve(ERRORS, chance=90, log=True),
    "histogram": lambda: figures.histogram(SCORES, marks={"90 % pruned": 1e-4}),
    "histograms": lambda: figures.histogram({"fc1.weight": [0, 1e-5, 1e-3], "fc2.weight": [1e-4, 1e-2]}),
    "scatter": lambda: figures.scatter(SCORES, SCORES**2, kept=SCORES > 1e-4, x_label="|w|", y_label="s"),
    "tangents": lambda: figures.tangents({"fc1.weight[0, 1]": ([0, 0.5, 1], [3, 1, 0], -1)}, x_label="c", y_label="L"),
    "network_sizes": lambda: figures.network_sizes({"gru-s": (103_690, 5_185), "vgg-like": (14_982_474, 449_474)}),
    "network_graph": lambda: figures.network_graph(WEIGHTS, kept=KEPT, title="six connections"),
}
every_figure = pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)


def texts(figure) -> list:
    return [text for text in figure.findobj(matplotlib.text.Text) if text.get_text() and text.get_visible()]


def settings() -> dict:
    return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}  # which reading sets


@every_figure
def test_settings_come_back_and_pyplot_keeps_no_list(draw):
    before = settings()
    assert draw().svg().startswith("<?xml")
    assert settings() == before
    assert not getattr(sys.modules.get("matplotlib.pyplot"), "get_fignums", list)()


def test_importing_the_library_does_not_import_matplotlib():
    code = "import sys, snip_lib.figures, snip_lib.interact; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@every_figure
def test_text_is_readable_on_a_phone_and_inside_the_figure(draw):
    figure = draw()
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    phone = 343 / (96 * width)  # 375 px less the margins, against the natural width
    assert min(text.get_fontsize() for text in texts(figure)) * 96 / 72 * min(phone, 1) >= 9.5
    drawn = figure.get_tightbbox()
    assert drawn.x0 >= 0
    assert drawn.y0 >= 0
    assert drawn.x1 <= width
    assert drawn.y1 <= height


@every_figure
def test_the_same_figure_is_the_same_file(draw):
    assert draw().svg() == draw()._repr_mimebundle_()["image/svg+xml"]


def test_network_and_curves_have_no_top_and_right_spines():
    for draw in (EVERY["error_curve"], EVERY["histogram"]):
        spines = draw().axes[0].spines
        assert [spines[side].get_visible() for side in ("left", "bottom", "top", "right")] == [True, True, False, False]


def test_mask_grid_draws_each_pixels_share_of_connections():
    axes = figures.mask_grid({"SNIP": MASKS}).axes
    for ax, (title, mask) in zip(axes, MASKS.items(), strict=True):
        by_hand = np.array([[int(mask[:, 28 * row + column].sum()) / 300 for column in range(28)] for row in range(28)])
        (image,) = ax.images
        np.testing.assert_allclose(image.get_array(), by_hand, atol=1e-12)
        assert image.get_clim() == pytest.approx((0, by_hand.max()))
        assert ax.get_title() == title


def test_titles_of_a_lower_row_stand_clear_of_the_shares_above_them():
    mask = MASKS["90 %"]
    figure = figures.mask_grid({row: {f"{row}{i}": mask for i in range(5)} for row in "abcd"})
    figure.draw_without_rendering()
    for above, below in itertools.pairwise(figure.axes[::5]):
        space = above.xaxis.label.get_window_extent().y0 - below.title.get_window_extent().y1
        assert space > 0.05 * figure.dpi, below.get_title()


def test_a_map_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="784"):
        figures.pixel_shares(torch.ones(300, 100))


def test_layer_density_bars_are_as_long_as_the_shares():
    (ax,) = figures.layer_density(SHARES).axes
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([3, 20, 60, 0, 30, 50])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["fc1", "fc2", "fc3"]


def test_nothing_kept_stands_at_a_zero_on_the_logarithmic_axis():
    figure = figures.layer_density(SHARES, log=True)
    (ax,) = figure.axes
    snip, magnitude = (line.get_xdata() for line in ax.lines)
    assert list(snip) == pytest.approx([3, 20, 60])
    assert magnitude[0] == ax.get_xlim()[0]
    figure.draw_without_rendering()
    assert ax.get_xticklabels()[list(ax.get_xticks()).index(magnitude[0])].get_text() == "0"


def test_error_curve_shows_every_seed_and_the_means():
    (ax,) = figures.error_curve(ERRORS, chance=90).axes
    means = {line.get_label(): list(line.get_ydata()) for line in ax.lines if line.get_label() in ERRORS}
    expected = {method: [sum(e) / len(e) for e in runs.values()] for method, runs in ERRORS.items()}
    assert {method: pytest.approx(mean) for method, mean in expected.items()} == means
    dots = [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "."]
    assert dots == [[error for seeds in runs.values() for error in seeds] for runs in ERRORS.values()]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["98", "90", "0"]


def test_histogram_counts_each_score_once_and_says_how_many_zeros_it_left_out():
    scores = np.concatenate([np.zeros(17), RNG.lognormal(-9, 2, 1_000)])
    figure = figures.histogram(scores)
    assert figure.axes[0].patches[0].get_data().values.sum() == 1_000
    assert "17 zeros left out" in [text.get_text() for text in texts(figure)]


@pytest.mark.parametrize(("scores", "message"), [([-1, 2], "absolute"), ([0], "nothing to draw"), ([np.nan], "finite")])
def test_histogram_refuses_what_has_no_place_on_its_axis(scores, message):
    with pytest.raises(ValueError, match=message):
        figures.histogram(scores)


def test_network_graph_prints_every_weight_and_dashes_the_pruned():
    (ax,) = figures.network_graph(WEIGHTS, kept=KEPT).axes
    printed = [text.get_text() for text in ax.texts]
    assert set(printed) >= {"0.5", "−1.2", "0.8", "0.25", "1.5", "−0.75", "$x_{1}$", "$h_{2}$", "$y$"}
    assert [line.get_linestyle() == "--" for line in ax.lines] == [False, False, True, False, False, True]
    scores = [torch.full((2, 2), 0.125), torch.full((1, 2), 0.25)]
    (ax,) = figures.network_graph({"w1": WEIGHTS[0], "b1": torch.zeros(2), "w2": WEIGHTS[1]}, scores=scores).axes
    assert [text.get_text() for text in ax.texts][:6] == ["0.125"] * 4 + ["0.25"] * 2


def test_layers_that_do_not_fit_each_other_are_refused():
    with pytest.raises(ValueError, match="do not fit each other"):
        figures.network_graph([torch.ones(3, 2), torch.ones(1, 2)])
    with pytest.raises(ValueError, match="shapes of the weights"):
        figures.network_graph(WEIGHTS, kept=[torch.ones(2, 2)])


@pytest.mark.parametrize(
    ("share", "words"), [(1, "100 %"), (0.0391, "3.91 %"), (0.0000052, "0.00052 %"), (0, "0 %"), (1 / 3, "33.3 %")]
)
def test_percent(share, words):
    assert figures.percent(share) == words.replace(" ", "\u00a0")


# Machado, Oliveira and Fernandes (2009): what full protanopia, deuteranopia and tritanopia make of linear RGB.
BLIND = {
    "none": np.eye(3),
    "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colour) -> np.ndarray:
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = to_xyz @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def luminance(colour) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("method", figures.COLOURS)
def test_colours_stand_out_from_white(method):
    assert 1.05 / (luminance(figures.COLOURS[method]) + 0.05) >= 3  # WCAG 1.4.11, for graphics


@pytest.mark.parametrize("blind", BLIND)
def test_the_methods_of_one_figure_are_told_apart_by_every_eye(blind):
    for one, other in itertools.combinations(("dense", "snip", "magnitude", "random"), 2):
        seen = [lab(np.array(BLIND[blind]) @ linear(figures.COLOURS[method])) for method in (one, other)]
        assert np.linalg.norm(seen[0] - seen[1]) >= 20, (one, other)


def test_colour_is_never_the_only_carrier():
    carriers = [(look["marker"], str(look["linestyle"])) for look in figures.LOOKS.values()]
    assert len(set(carriers)) == len(figures.LOOKS)


def test_the_ramp_darkens_all_the_way():
    steps = [luminance(colour / 255) for colour in figures.RAMP]
    assert steps[0] == pytest.approx(1)
    assert (np.diff(steps) <= 0).all()
    assert len(set(steps)) > 200


def test_each_network_shows_both_its_numbers():
    figure = figures.network_sizes({"gru-s": (103_690, 5_185), "vgg-d": (15_245_130, 762_257)}, names=("all", "left"))
    dots = [line for line in figure.axes[0].lines if line.get_linestyle() == "None"]
    assert [list(dot.get_xdata()) for dot in dots] == [[103_690, 15_245_130], [5_185, 762_257]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["gru-s", "vgg-d"]
    assert figure.axes[0].get_xscale() == "log"


def test_a_tangent_touches_its_curve_with_the_given_slope():
    figure = figures.tangents({"a": ([0, 0.5, 1], [5, 3, 2], -2.0)}, x_label="c", y_label="L")
    curve, tangent, dot = figure.axes[0].lines
    assert list(curve.get_ydata()) == [5, 3, 2]
    assert list(tangent.get_ydata()) == [4, 3, 2]
    assert dot.get_ydata() == 2
    with pytest.raises(ValueError, match="no point at 1"):
        figures.tangents({"a": ([0, 0.5], [5, 3], -2.0)}, x_label="c", y_label="L")


@pytest.mark.parametrize(
    "names", [["dense", "SNIP", "SNIP, as long", "prune after", "random", "narrow"], ["a", "snip", "b"]]
)
def test_no_two_names_of_a_figure_look_alike(names):
    given = figures.looks(names)
    assert list(given) == names
    assert len({(one["color"], one["marker"]) for one in given.values()}) == len(names)
    assert all(given[name] == figures.LOOKS[name.lower()] for name in names if name.lower() in figures.LOOKS)
