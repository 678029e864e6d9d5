"""The page's face of the sliders: what stands in the HTML is what was given, escaped, once drawn and once as data."""

import base64
import io
import json

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from snip_lib import figures, interact

LABELS = ["0 %", "90 %", "99 %"]
RNG = np.random.default_rng(0)
MAPS = RNG.random((3, 28, 28)) * np.array([1, 0.4, 0.05])[:, None, None]
SHARES = np.array([[1, 1, 1], [0.0767, 0.266, 0.642], [0.0012, 0.031, 0.24]])
EVIL = """</script><script>window.hacked = true</script> "double" 'single' & <b>bold</b>"""


def make(*panels, labels=LABELS, label="Connections pruned", alt="what is kept", **options) -> interact.Slider:
    return interact.slider(labels, panels, label=label, alt=alt, **options)


def parse(figure: interact.Slider) -> BeautifulSoup:
    return BeautifulSoup(figure._repr_html_(), "html.parser")


def changes(page: BeautifulSoup) -> list[tuple]:
    """Every changing element with its values, step by step."""
    data = json.loads(page.find("script", type="application/json").string)
    return [(page.find(attrs={"data-part": str(i)}), change) for i, change in enumerate(data)]


def pixels(source: str) -> np.ndarray:
    image = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))
    return np.asarray(image.convert("RGB"))


EVERY_PANEL = [
    interact.PixelMap(MAPS, "First layer"),
    interact.Bars(["fc1", "fc2", "fc3"], SHARES, "Kept", mark=[1, 0.1, 0.01], mark_label="all"),
    interact.Bars(["fc1", "fc2", "fc3"], 1000 * SHARES, "Weights", unit="kB"),
    interact.Lines({"snip": [0.01, 0.02, 0.07], "random": [0.01, 0.08, 0.5]}, "Test error"),
    interact.Lines({"a": [1.0, 10.0, 100.0]}, "Cost", unit="passes", x=[0, 0.9, 0.99], log=True),
    interact.Text(["all", "some", "few"]),
    interact.Sheet(["row", "n"], [[["a", "1"], ["b", "2"]], [["a", "3"]], [["<b>", ""]]], "Runs"),
]


@pytest.mark.parametrize("start", [0, 1, 2])
def test_the_drawn_frame_is_the_frame_of_the_data(start):
    parts = changes(parse(make(*EVERY_PANEL, start=start)))
    assert len(parts) > 20
    for element, change in parts:
        for name, values in change.items():
            assert len(values) == len(LABELS)
            assert (element.text if name == "text" else element[name]) == values[start]


def test_pictures_carry_the_shares_in_the_colours_of_the_ramp():
    ((image, change),) = [part for part in changes(parse(make(EVERY_PANEL[0], start=1))) if part[0].name == "img"]
    assert image["alt"] == "First layer"
    for source, given_map in zip(change["src"], MAPS, strict=True):  # neighbouring rows of the ramp may be equal
        ramp = {tuple(colour): level for level, colour in enumerate(figures.RAMP)}
        levels = np.array([[ramp[tuple(colour)] for colour in row] for row in pixels(source)])
        np.testing.assert_allclose(levels / 255 * given_map.max(), given_map, atol=given_map.max() / 125)


def test_a_fixed_scale_keeps_one_colour_for_one_share():
    figure = make(interact.PixelMap(np.array([1.0, 0.5, 0.25])[:, None, None] * np.ones((3, 2, 2)), "map", most=1))
    sources = next(change["src"] for element, change in changes(parse(figure)) if element.name == "img")
    assert [tuple(pixels(source)[0, 0]) for source in sources] == [tuple(figures.RAMP[i]) for i in (255, 128, 64)]


def test_shades_by_a_root_have_marks_where_a_hundredth_and_a_tenth_lie():
    shares = np.array([1.0, 0.1, 0.01])[:, None, None] * np.ones((3, 2, 2))
    page = parse(make(interact.PixelMap(shares, "map", most=1, root=2)))
    sources = next(change["src"] for element, change in changes(page) if element.name == "img")
    assert [tuple(pixels(source)[0, 0]) for source in sources] == [tuple(figures.RAMP[i]) for i in (255, 81, 26)]
    marks = [(mark.text, mark["style"]) for mark in page.find(class_="scale").find_all("b")]
    assert marks == [("1\u00a0%", "left: 10.0%"), ("10\u00a0%", "left: 31.6%")]


def test_nothing_kept_is_white():
    figure = make(interact.PixelMap(np.zeros((3, 4, 4)), "empty"))
    sources = next(change["src"] for element, change in changes(parse(figure)) if element.name == "img")
    assert {pixels(source).min() for source in sources} == {255}


def test_bars_are_as_long_as_the_shares_and_say_them_in_words():
    page = parse(make(EVERY_PANEL[1]))
    widths = [change["width"] for element, change in changes(page) if element.name == "rect"]
    np.testing.assert_allclose([[float(w.rstrip("%")) for w in bar] for bar in widths], 100 * SHARES.T, atol=0.005)
    words = [change["text"] for element, change in changes(page) if element.name == "b"]
    assert words[0] == ["100\u00a0%", "7.67\u00a0%", "0.12\u00a0%"]


def test_markers_sit_on_their_lines():
    page = parse(make(EVERY_PANEL[3]))
    circles = [change for element, change in changes(page) if element.name == "circle"]
    for line, circle in zip(page.find_all("polyline"), circles, strict=True):
        assert line["points"].split() == [f"{x},{y}" for x, y in zip(circle["cx"], circle["cy"], strict=True)]
    lowest, highest = (float(y) for y in (circles[0]["cy"][0], circles[1]["cy"][2]))
    assert float(circles[0]["cy"][2]) == pytest.approx(lowest + (highest - lowest) * 0.06 / 0.49, abs=0.11)


def test_the_control_is_a_named_range_hidden_until_its_script_runs():
    page = parse(make(*EVERY_PANEL, start=1))
    group, control = page.find(role="group"), page.find("input")
    assert group["aria-label"] == "what is kept"
    assert control.find_parent("label").text == "Connections pruned"
    assert (control["type"], control["min"], control["max"], control["value"]) == ("range", "0", "2", "1")
    assert control.has_attr("hidden")
    assert control.has_attr("disabled")
    assert control["aria-valuetext"] == page.find("output").text == "90 %"


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_every_string_comes_back_from_the_page_as_it_was_given(words):
    check_strings(words)


def test_no_string_ends_a_script_or_starts_one():
    check_strings(EVIL)


def check_strings(words: str) -> None:
    panels = [
        interact.PixelMap(MAPS, words, key=words, alt=words),
        interact.Bars([words] * 3, SHARES, words, mark=[1, 1, 1], mark_label=words, unit=words),
        interact.Lines({words: [1, 2, 3]}, words, unit=words),
        interact.Text([words] * 3),
    ]
    page = parse(make(*panels, labels=[words] * 3, label=words, alt=words, caption=words))
    assert len(page.find_all("script")) == 2
    assert not page.find("b", string="bold")
    assert page.find(role="group")["aria-label"] == page.find("img")["alt"] == words
    assert page.find("output").text == page.find("input")["aria-valuetext"] == words
    places = [page.find(class_=name).text for name in ("title", "about", "words")]
    assert places == [words] * 3
    assert page.find(class_="bar").span.text == words
    assert [change["text"] for element, change in changes(page) if element.get("class") == ["words"]] == [[words] * 3]


def test_two_copies_on_a_page_share_no_id():
    figure = make(*EVERY_PANEL)
    ids = [element["id"] for element in BeautifulSoup(2 * figure.html, "html.parser").find_all(id=True)]
    assert ids == []  # parts are found from their own figure on, so no id is needed


def test_the_same_figure_is_the_same_page_and_another_has_another_key():
    key = [parse(make(*EVERY_PANEL, caption=caption)).div["data-snip"] for caption in ("one", "one", "two")]
    assert make(*EVERY_PANEL).html == make(*EVERY_PANEL).html
    assert key[0] == key[1] != key[2]


def test_outside_a_page_the_figure_is_words():
    figure = make(EVERY_PANEL[1], EVERY_PANEL[5], start=1)
    assert repr(figure).replace("\u00a0", " ") == (
        "Connections pruned: 90 % (a slider from 0 % to 99 %)\n  Kept: fc1 7.67 %, fc2 26.6 %, fc3 64.2 %\n  some"
    )
    assert figure._repr_mimebundle_() == {"text/html": figure.html, "text/plain": repr(figure)}


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (interact.PixelMap(MAPS[:2], "map"), "'map' needs numbers of shape .3, any, any"),
        (interact.Bars(["a", "b"], SHARES, "bars"), "'bars' needs numbers of shape .3, 2."),
        (interact.Lines({"a": [1, 2]}, "lines"), "'lines' needs numbers of shape .3."),
        (interact.Lines({"a": [0, 1, 2]}, "lines", log=True), "'lines' has a logarithmic axis"),
        (interact.Text(["one"]), "1 sentences for 3 steps"),
        (interact.Sheet(["row"], [[["a"]]], "runs"), "'runs' has 1 tables for 3 steps"),
        (interact.Sheet(["row"], [[["a", "b"]]] * 3, "runs"), "'runs': every line needs 1 cells"),
        (interact.Bars(["a"], [[1], [2], [np.nan]], "bars"), "not finite"),
    ],
)
def test_a_panel_that_does_not_fit_the_steps_is_refused(panel, message):
    with pytest.raises(ValueError, match=message):
        make(panel)


def test_a_start_outside_the_steps_is_refused():
    with pytest.raises(ValueError, match="start=3 is no step"):
        make(EVERY_PANEL[0], start=3)


def random_masks(sparsities=(0, 0.9, 0.995)) -> dict:
    sizes = {"fc1.weight": (300, 784), "fc1.bias": (300,), "fc2.weight": (10, 300), "fc2.bias": (10,)}
    return {s: {name: torch.from_numpy(RNG.random(size) >= s) for name, size in sizes.items()} for s in sparsities}


def test_the_hero_shows_each_pixels_connections_and_each_layers_share():
    masks = random_masks()
    page = parse(interact.sparsity_figure(masks))
    assert page.find("output").text == "90\u00a0%"
    parts = changes(page)
    widths = [change["width"] for element, change in parts if element.name == "rect"]
    for name, bar in zip(("fc1.weight", "fc2.weight"), widths, strict=True):
        kept = [int(mask[name].sum()) / mask[name].numel() for mask in masks.values()]
        assert [float(width.rstrip("%")) for width in bar] == pytest.approx([100 * share for share in kept], abs=0.005)
    sources = next(change["src"] for element, change in parts if element.name == "img")
    for source, mask in zip(sources, masks.values(), strict=True):
        counts = mask["fc1.weight"].sum(0).numpy().reshape(28, 28)
        np.testing.assert_array_equal(pixels(source), figures.RAMP[np.round(255 * np.cbrt(counts / 300)).astype(int)])
    ends = [span.text for span in page.find(class_="scale").find_all("span")]
    assert ends == ["0\u00a0%", "100\u00a0%"]  # at every step: the picture pales as the network empties
    kept = sum(int(mask.sum()) for mask in masks[0.9].values())
    assert page.find(class_="words").text.startswith(f"{kept:,} of 238,510 connections are left; ")


def test_the_hero_takes_the_librarys_masks_and_stays_small():
    import snip_lib as sl

    model = sl.models.build("lenet-300-100", generator=0)
    x, y = torch.randn(20, 1, 28, 28, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 10
    scores = sl.connection_sensitivity(model, x, y)
    figure = interact.sparsity_figure({s: sl.keep_top(scores, sparsity=s) for s in interact.SPARSITIES})
    assert "26,661 of 266,610 connections are left" in repr(figure)
    assert len(figure.html) < 50_000


def test_the_hero_refuses_a_start_it_has_no_mask_for_and_a_first_layer_of_filters():
    with pytest.raises(ValueError, match=r"start=0\.5 is none of the sparsities"):
        interact.sparsity_figure(random_masks(), start=0.5)
    with pytest.raises(ValueError, match="784"):
        interact.sparsity_figure({0.9: {"conv1.weight": torch.ones(20, 1, 5, 5, dtype=torch.bool)}})


NUMBERS = st.lists(st.sampled_from(interact.six.VALUES), min_size=9, max_size=9)


def six_loss(x, t, w) -> float:
    h1, h2 = max(0.0, w[0] * x[0] + w[1] * x[1]), max(0.0, w[2] * x[0] + w[3] * x[1])
    return 0.5 * (w[4] * h1 + w[5] * h2 - t) ** 2


def test_the_six_connections_begin_with_the_numbers_of_the_page():
    state = interact.six.state((1, 2, 5, 2, 0.5, 3, -0.5, 2, 0.5))
    assert state.units.tolist() == [1, 2, 3, 2, 7]
    assert state.slopes.tolist() == [4, 1, 2]
    assert state.g.tolist() == [8, 4, 3, -1, 12, 2]
    assert state.exact.tolist() == [0, 2, 1.5, -1.125, -6, 1.5]
    assert (state.kept.tolist(), state.after) == ([True, True, False, False, True, False], 0.5)


@given(NUMBERS)
def test_each_cut_and_each_slope_of_the_six_agrees_with_the_loss(numbers):
    x, t, w = numbers[:2], numbers[2], numbers[3:]
    state, base = interact.six.state(numbers), six_loss(x, t, w)
    assert state.loss == pytest.approx(base)
    for j in range(6):
        turned = {c: six_loss(x, t, [c * v if k == j else v for k, v in enumerate(w)]) for c in (0, 1 - 1e-6, 1 + 1e-6)}
        assert state.exact[j].item() == pytest.approx(base - turned[0])
        between = sorted([(base - turned[1 - 1e-6]) / 1e-6, (turned[1 + 1e-6] - base) / 1e-6])
        assert between[0] - 0.01 <= state.g[j].item() <= between[1] + 0.01  # at a kink, any slope between the two
    ranked = sorted(range(6), key=lambda j: (-abs(state.g[j].item()), j))
    assert sorted(ranked[:3]) == state.kept.nonzero().flatten().tolist()
    assert state.after == pytest.approx(six_loss(x, t, [v * bool(keep) for v, keep in zip(w, state.kept, strict=True)]))


def test_numbers_that_the_slider_cannot_show_are_refused():
    with pytest.raises(ValueError, match="nine of"):
        interact.six_connections((1, 2, 5, 2, 0.3, 3, -0.5, 2, 0.5))


def test_a_choice_has_the_sliders_steps_once_for_each_name_and_starts_where_it_says():
    lines = [f"{name}{at}" for name in "ab" for at in range(3)]
    choice = interact.Choice("Which", ["a", "b"], [2, 0])
    page = parse(make(interact.Text(lines), choice=choice))
    assert [(option.text, option["data-start"]) for option in page.find_all("option")] == [("a", "2"), ("b", "0")]
    assert (page.find("input")["max"], page.find("input")["value"]) == ("2", "2")
    assert page.find(class_="words").text == "a2"
    (texts,) = [change["text"] for element, change in changes(page) if "words" in element.get("class", [])]
    assert texts == lines
    assert page.find("select").find_parent("label").find("span").text == "Which"
    with pytest.raises(ValueError, match="no step"):
        make(interact.Text(lines), choice=interact.Choice("Which", ["a", "b"], [0, 3]))


def test_of_several_lists_the_last_turns_fastest_and_each_panel_is_seen_under_its_own_name():
    choices = [interact.Choice("Net", ["a", "b"]), interact.Choice("Rule", ["x", "y", "z"])]
    lines = {net: [f"{net}{rule}{at}" for rule in "xyz" for at in range(3)] for net in "ab"}
    each = interact.Each([interact.Text(lines["a"]), interact.Text(lines["b"])], 9)
    figure = make(each, choice=choices, start=1)
    page = parse(figure)
    assert [select.find_parent("label").span.text for select in page.find_all("select")] == ["Net", "Rule"]
    assert figure.text.splitlines()[:2] == ["Net: a (of 2)", "  Rule: x (of 3)"]
    assert figure.text.splitlines()[-1].strip() == "ax1"
    found = [(element, change) for element, change in changes(page) if "words" in element.get("class", [])]
    assert [(element.text, change["text"], change.get("from", 0)) for element, change in found] == [
        ("ax1", lines["a"], 0),
        ("bx0", lines["b"], 9),
    ]
    about = [change["style"] for element, change in changes(page) if element.name == "div"]
    assert [[not style for style in styles] for styles in about] == [[True] * 9 + [False] * 9, [False] * 9 + [True] * 9]
    with pytest.raises(ValueError, match="2 panels of 9 steps for 3"):
        make(each)
    with pytest.raises(ValueError, match="for each of 2 names"):
        make(each, choice=interact.Choice("Net", ["a", "b"], [0]))
