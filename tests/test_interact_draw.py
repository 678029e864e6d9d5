"""The pad to draw a digit on: its numbers against autograd, what travels to the page, and the page by every hand."""

import base64
import io
import itertools
import json
import re

import numpy as np
import pytest
import torch
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_interact_browser import LATER

from snip_lib import interact
from snip_lib.interact.draw import Reading, evidence
from snip_lib.interact.drawn import share, signed
from snip_lib.interact.packed import packed, rounded

MEAN, STD = 0.1307, 0.3081
SIZES = (784, 30, 20, 10)
BLUE, ORANGE = (0, 114, 178), (192, 74, 0)
browser = pytest.mark.browser


def sparse(seed: int, kept: float, sizes=SIZES) -> list[np.ndarray]:
    """Layers (outputs, inputs) of a random network of which this share is kept."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=(outputs, inputs)) * (rng.random((outputs, inputs)) < kept) * (2 / inputs / kept) ** 0.5
        for inputs, outputs in itertools.pairwise(sizes)
    ]


def blob(row: float, column: float) -> np.ndarray:
    """A spot of ink (28, 28), in shades of 1/255 as MNIST has them."""
    y, x = np.mgrid[:28, :28]
    return np.rint(255 * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 30)) / 255


NETWORKS = {"80 %": sparse(1, 0.2), "90 %": sparse(2, 0.1), "94 %": sparse(6, 0.06)}
EXAMPLES = {"a spot": blob(9, 9), "another": blob(18, 15), "a <third>": np.eye(28)}
START = 1


def make(networks=NETWORKS, examples=EXAMPLES, **options):
    return interact.draw_digit(networks, examples, **({"mean": MEAN, "std": STD, "start": START} | options))


def reading(network: str, example: str) -> Reading:
    layers = [rounded(layer) for layer in NETWORKS[network]]
    return Reading.of(layers, (EXAMPLES[example].ravel() - MEAN) / STD)


FIGURE = make(caption="Draw, take, choose.")


def autograd(layers, x):
    """Logits, and input times gradient of each, by torch."""
    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    h = x
    for i, layer in enumerate(layers):
        h = torch.tensor(layer, dtype=torch.float64) @ (h.relu() if i else h)
    rows = [torch.autograd.grad(h[k], x, retain_graph=True)[0] * x for k in range(len(h))]
    return h.detach().numpy(), torch.stack(rows).detach().numpy()


@given(st.integers(0, 10**6), st.lists(st.integers(1, 12), min_size=2, max_size=5), st.floats(0.05, 1))
def test_evidence_is_input_times_gradient_and_sums_to_the_logits(seed, sizes, kept):
    layers, x = sparse(seed, kept, sizes), np.random.default_rng(seed).normal(size=sizes[0])
    logits, contributions = evidence(layers, x)
    for ours, theirs in zip((logits, contributions), autograd(layers, x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(contributions.sum(1), logits, rtol=1e-9, atol=1e-9)
    unseen = ~(layers[0] != 0).any(0)
    assert not contributions[:, unseen].any()


def test_evidence_of_tensors_and_of_all_sizes_in_use():
    layers, x = sparse(5, 0.1), np.random.default_rng(5).normal(size=784)
    logits, contributions = evidence([torch.tensor(layer) for layer in layers], torch.tensor(x))
    assert (logits.shape, contributions.shape) == ((10,), (10, 784))
    np.testing.assert_allclose(contributions, autograd(layers, x)[1], atol=1e-9)


def test_a_connection_carries_whose_input_is_not_0_and_whose_unit_is_open():
    layers = [np.array([[1.0, 1.0, 0.0], [-1.0, 0.0, 2.0]]), np.array([[1.0, 1.0], [0.0, -1.0]])]
    found = Reading.of(layers, np.array([1.0, 0.0, 0.25]))  # the first unit is open, the second, -0.5, is not
    assert (found.kept, found.carried) == (7, 2)  # from the first input, and from the first unit
    assert Reading.of(layers, np.array([1.0, 0.0, 1.0])).carried == 1 + 2 + 3


def test_speaking_for_a_digit_is_its_evidence_less_the_mean_of_the_ten():
    found = reading("90 %", "a spot")
    np.testing.assert_allclose(sum(found.speaking_for(k) for k in range(10)), 0, atol=1e-12)
    assert found.speaking_for(4).sum() == pytest.approx(found.logits[4] - found.logits.mean())
    assert found.digit == found.logits.argmax() == found.probabilities.argmax()
    np.testing.assert_allclose(found.probabilities, torch.tensor(found.logits).softmax(0).numpy())


def unpacked(layer: dict) -> np.ndarray:
    """What a page makes of a packed layer, by another way than draw.js."""
    places, gap, shift = [], 0, 0
    for byte in base64.b64decode(layer["gaps"]):
        gap, shift = gap + ((byte % 128) << shift), shift + 7
        if byte < 128:
            places.append(gap + (places[-1] if places else 0))
            gap = shift = 0
    flat = np.zeros(np.prod(layer["shape"]))
    flat[places] = np.frombuffer(base64.b64decode(layer["values"]), "<i2") * layer["scale"]
    return flat.reshape(layer["shape"])


@given(st.integers(0, 10**6), st.sampled_from([0, 0.001, 0.02, 0.5, 1]))
def test_a_layer_comes_out_as_python_rounds_it(seed, kept):
    rng = np.random.default_rng(seed)
    layer = rng.normal(size=(40, 150)) * (rng.random((40, 150)) < kept) * 10.0 ** rng.integers(-6, 3, (40, 150))
    found = unpacked(json.loads(json.dumps(packed(layer))))
    np.testing.assert_array_equal(found, rounded(layer))
    np.testing.assert_array_equal(found != 0, layer != 0)
    np.testing.assert_allclose(found, layer, atol=abs(layer).max() / 32767)


def test_the_page_carries_every_network_and_example():
    data = json.loads(parse(FIGURE).find("script", type="application/json").string)
    assert (data["steps"], data["names"]) == (list(NETWORKS), list(EXAMPLES))
    for layers, network in zip(data["networks"], NETWORKS.values(), strict=True):
        for layer, weights in zip(layers, network, strict=True):
            np.testing.assert_array_equal(unpacked(layer), rounded(weights))
    for levels, pixels in zip(data["examples"], EXAMPLES.values(), strict=True):
        shades = np.frombuffer(base64.b64decode(levels), np.uint8).reshape(28, 28)
        np.testing.assert_array_equal(shades / 255, pixels)


def parse(figure) -> BeautifulSoup:
    return BeautifulSoup(figure.html, "html.parser")


def coloured(values: np.ndarray) -> np.ndarray:
    """The colours (28, 28, 3) of what speaks for a digit."""
    values = values.reshape(28, 28, 1) / abs(values).max()
    return np.rint(255 + abs(values) * (np.where(values < 0, ORANGE, BLUE) - 255.0))


def test_the_first_frame_shows_the_first_example_as_the_network_at_the_start_reads_it():
    page, found = parse(FIGURE), reading("90 %", "a spot")
    assert [bar.b.text for bar in page.select(".digit:has(b)")] == [share(value) for value in found.probabilities]
    assert page.select_one(".reads").span.text == str(found.digit)
    seen, map = (np.asarray(Image.open(io.BytesIO(base64.b64decode(i["src"].split(",")[1])))) for i in page("img"))
    np.testing.assert_array_equal(map, coloured(found.speaking_for(found.digit)))
    np.testing.assert_allclose(seen, 255 + EXAMPLES["a spot"][..., None] * (np.array([28, 39, 51]) - 255), atol=0.51)


def test_its_face_in_words_says_what_is_read():
    found = reading("90 %", "a spot")
    assert str(FIGURE).splitlines() == [
        "Connections pruned: 90 % (a slider from 80 % to 94 %)",
        f"  Taken: a spot (of 3). It reads {found.digit} ({share(found.probabilities.max())}).",
        f"  {found.carried} of the {found.kept:,} connections that are left carried something for this picture.",
    ]


def test_the_same_input_gives_the_same_page():
    assert make(caption="Draw, take, choose.").html == FIGURE.html
    assert parse(make(start=0)).div["data-snip"] != parse(make(start=1)).div["data-snip"]


def test_networks_with_48_000_weights_stay_under_400_kilobytes():
    kept = dict(zip(("90 %", "95 %", "98 %", "99 %"), 48_000 / 266_200 * np.array([10, 5, 2, 1]) / 18, strict=True))
    networks = {name: sparse(i, share, (784, 300, 100, 10)) for i, (name, share) in enumerate(kept.items())}
    assert 47_000 < sum(np.count_nonzero(layer) for layers in networks.values() for layer in layers) < 49_000
    digits = {f"a {k}": blob(k + 9, 14) for k in range(10)}
    assert len(make(networks, digits).html.encode()) < 300_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"networks": {"a": sparse(0, 1, (784, 5, 10))[:1]}}, "'a' gives 5 outputs, not 10"),
        ({"networks": {"a": sparse(0, 1, (783, 5, 10))}}, "'a' takes 783 inputs, not 784"),
        ({"networks": {"a": [np.ones((5, 784)), np.ones((10, 6))]}}, "5 outputs stands below one of 6 inputs"),
        ({"networks": {"a": [np.ones(784)]}}, "a list of matrices"),
        ({"networks": {"a": []}}, "a list of matrices"),
        ({"networks": {"a": [np.full((10, 784), np.nan)]}}, "not finite"),
        ({"networks": {}}, "start=0 is no step: there are 0"),
        ({"start": 3}, "start=3 is no step: there are 3"),
        ({"start": -1}, "start=-1 is no step"),
        ({"examples": {"e": np.zeros(784)}}, r"'e' needs pixels of shape \(28, 28\)"),
        ({"examples": {"e": np.full((28, 28), 1.1)}}, r"in \[0, 1\]"),
        ({"examples": {"e": np.full((28, 28), -0.1)}}, r"in \[0, 1\]"),
        ({"examples": {}}, "needs an example"),
        ({"std": 0}, "a std above 0"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        make(**({"start": 0} | change))


def test_evidence_refuses_an_input_that_does_not_fit():
    with pytest.raises(ValueError, match=r"shape \(3,\), and the first layer takes \(2,\)"):
        evidence([[[1, 2]]], [1, 2, 3])


@pytest.fixture
def visit(open_html):
    """A function that opens HTML from disk, by default the figure's."""
    return lambda body=FIGURE.html, *style, **options: open_html(body, *style, **options)


def figure(page, which: int = 0):
    return page.locator(".snip-draw").nth(which)


def bars(group) -> list[str]:
    return group.locator(".digit b").all_text_contents()


PIXELS = """canvas => {
    const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    pen.drawImage(canvas, 0, 0);
    return [...pen.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


def canvas(group, place: str) -> np.ndarray:
    """The colours of a canvas of the figure, (height, width, 4)."""
    data = group.locator(f"{place} canvas").evaluate(PIXELS)
    side = round((len(data) / 4) ** 0.5)
    return np.array(data).reshape(side, side, 4)


def stroke(page, points, which: int = 0) -> None:
    """Draw on the pad, from point to point of its 280 by 280."""
    pad = figure(page, which).locator(".paper canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def check_shows(group, network: str, example: str, digit: int | None = None) -> None:
    """Compare what the figure shows with Python's numbers: the reading, and what speaks for the digit."""
    found = reading(network, example)
    digit = found.digit if digit is None else digit
    values = found.speaking_for(digit)
    assert bars(group) == [share(value) for value in found.probabilities]
    widths = group.locator(".digit rect").evaluate_all("all => all.map(bar => parseFloat(bar.getAttribute('width')))")
    np.testing.assert_allclose(widths, 100 * found.probabilities, atol=0.006)
    assert group.locator(".reads span").all_text_contents() == [str(found.digit)]
    assert group.locator(".read").text_content() == found.words
    assert group.locator(".carried").text_content() == found.carrying
    assert group.locator(".seen .key").text_content() == example
    assert group.locator(".evidence .title").text_content() == f"What speaks for\u00a0{digit}"
    most = abs(values).max()
    assert group.locator(".scale span").all_text_contents() == [signed(-most), signed(most)]
    assert f"give {signed(values.sum())}: the logit of {digit} less" in group.locator(".total").text_content()
    np.testing.assert_allclose(canvas(group, ".evidence")[..., :3], coloured(values), atol=1)
    seen = 255 + EXAMPLES[example][..., None] * (np.array([28, 39, 51]) - 255)
    np.testing.assert_allclose(canvas(group, ".seen")[..., :3], seen, atol=0.51)


@browser
def test_every_network_reads_every_example_as_python_does(visit):
    group = figure(visit())
    check_shows(group, "90 %", "a spot")
    for example, (step, network) in itertools.product(EXAMPLES, enumerate(NETWORKS)):
        group.locator("select").select_option(example)
        group.locator("input[type=range]").fill(str(step))
        check_shows(group, network, example)
        assert group.locator("output").text_content() == network
        assert group.locator("input[type=range]").get_attribute("aria-valuetext") == network


@browser
def test_the_script_begins_with_the_frame_that_python_drew(visit):
    groups = [figure(visit(java_script_enabled=scripts)) for scripts in (False, True)]
    pixels, bars = (".title", ".key", ".scale"), (".title", ".words", ".digit b", ".digit rect", ".digit:has(b) span")
    parts = [f".pixels {part}" for part in pixels] + [f".bars {part}" for part in bars] + [".sums p", "output"]
    for part in parts:
        still, live = (group.locator(part).evaluate_all("all => all.map(part => part.outerHTML)") for group in groups)
        assert still == live != []
    for name in ("style", "aria-valuetext"):
        still, live = (group.locator("input[type=range]").get_attribute(name) for group in groups)
        assert still == live
    alts = groups[0].locator("img").evaluate_all("all => all.map(image => image.alt)")
    assert alts == groups[1].locator(".pixels canvas").evaluate_all("all => all.map(c => c.ariaLabel)")


@browser
def test_without_scripts_there_is_a_picture_and_no_dead_control(visit):
    group = figure(visit(java_script_enabled=False))
    assert bars(group) == [share(value) for value in reading("90 %", "a spot").probabilities]
    assert [image.bounding_box()["width"] > 100 for image in group.locator("img").all()] == [True, True]
    assert not [c for c in group.locator("input, select, button, .pad, canvas").all() if c.is_visible()]


@browser
def test_a_stroke_with_the_mouse_is_read_and_clear_wipes_it(visit):
    page = visit()
    group, before = figure(page), bars(figure(page))
    stroke(page, [(80, 60), (200, 60), (120, 230)])
    assert bars(group) != before
    assert sum(float(text.removesuffix("\u00a0%")) for text in bars(group)) == pytest.approx(100, abs=0.5)
    assert re.fullmatch(r"It reads \d \(.*\)\.", group.locator(".read").text_content())
    assert group.locator("option:checked").text_content() == "none"
    assert not group.locator(".hint").is_visible()
    group.get_by_text("Clear").click()
    assert bars(group) == [""] * 10
    assert group.locator(".read").text_content() == "Draw a digit."
    assert set(group.locator(".digit rect").evaluate_all("all => all.map(r => r.getAttribute('width'))")) == {"0.00%"}
    assert [canvas(group, place).min() for place in (".seen", ".evidence")] == [255, 255]
    assert group.locator(".carried").text_content().startswith("There are ")
    group.locator("select").select_option("another")
    check_shows(group, "90 %", "another")
    assert group.locator(".hint").is_visible()


def ink(group) -> np.ndarray:
    """How much ink the network sees, (28, 28) in [0, 1]."""
    return (255 - canvas(group, ".seen")[..., 0]) / (255 - 28)


@browser
@pytest.mark.parametrize("across", [20, 140, 260])
def test_a_vertical_stroke_is_scaled_to_20_pixels_and_centred(visit, across):
    page = visit()
    stroke(page, [(across, 50), (across, 200)])
    seen = ink(figure(page))
    rows, columns = np.nonzero(seen.max(1) > 0)[0], np.nonzero(seen.max(0) > 0)[0]
    assert rows[-1] - rows[0] + 1 == 20
    assert len(columns) in (3, 4)  # the stroke is 24 wide and 174 high: 2.8 by 20
    y, x = ((seen * (along + 0.5)).sum() / seen.sum() for along in np.mgrid[:28, :28])
    assert (x, y) == (pytest.approx(14, abs=0.51), pytest.approx(14, abs=0.51))
    assert seen.sum() == pytest.approx((24 * 150 + np.pi * 12**2) * (20 / 174) ** 2, rel=0.03)


@browser
def test_a_speck_in_a_corner_and_ink_that_hangs_to_one_side_stay_in_the_picture(visit):
    page = visit()
    stroke(page, [(1, 1)])
    assert 40 < ink(figure(page)).sum() < 160  # a quarter of the pen's tip, not enlarged
    figure(page).get_by_text("Clear").click()
    for _ in range(3):
        stroke(page, [(20, 20), (20, 260), (25, 20), (30, 260), (35, 20), (40, 260), (50, 260)])
    stroke(page, [(40, 260), (260, 260)])
    seen = ink(figure(page))
    assert (np.nonzero(seen.max(0))[0][[0, -1]] == [8, 27]).all()  # as far to the right as its 20 pixels can go


@browser
def test_what_is_drawn_is_averaged_over_the_pixels_as_a_picture_is_made_smaller(visit):
    """Against Pillow's box filter, of what stands on the pad."""
    page = visit()
    group = figure(page)
    stroke(page, [(60, 40), (220, 90), (70, 240), (160, 180)])
    alpha = canvas(group, ".paper")[..., 3].astype(np.float32)
    rows, columns = np.nonzero(alpha.max(1))[0], np.nonzero(alpha.max(0))[0]
    top, left = rows[0], columns[0]
    side = max(rows[-1] - top, columns[-1] - left) + 1
    small = Image.fromarray(alpha[top : top + side, left : left + side]).resize((20, 20), Image.Resampling.BOX)
    seen = ink(group)
    y, x = np.nonzero(seen.max(1))[0][0], np.nonzero(seen.max(0))[0][0]
    np.testing.assert_allclose(seen[y : y + 20, x : x + 20], np.asarray(small) / 255, atol=0.08)


@browser
def test_everything_but_the_drawing_goes_by_keyboard_and_is_not_heard_around(visit):
    page = visit()
    group = figure(page)
    page.evaluate("document.heard = []; document.addEventListener('keydown', event => document.heard.push(event.key))")
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    check_shows(group, "94 %", "a spot")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Clear"
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    check_shows(group, "94 %", "another")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.parentElement.textContent") == "the one it reads"
    page.keyboard.press("ArrowDown")  # from the last of the group to its first
    for digit in range(3):
        check_shows(group, "94 %", "another", digit)
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert set(page.evaluate("document.heard")) == {"Tab"}  # the first, from outside


@browser
def test_a_click_on_a_bar_chooses_the_digit_until_the_other_choice_is_made(visit):
    group = figure(visit())
    group.locator(".digit svg").nth(3).click()
    check_shows(group, "90 %", "a spot", 3)
    group.locator("select").select_option("another")
    check_shows(group, "90 %", "another", 3)
    group.get_by_text("Clear").click()
    assert group.locator(".evidence .title").text_content() == "What speaks for\u00a03"
    group.locator("select").select_option("another")
    group.get_by_label("the one it reads").check()
    check_shows(group, "90 %", "another")


@browser
@pytest.mark.parametrize("second", [FIGURE, make(label="Left out")], ids=["the same", "another"])
def test_two_figures_do_not_disturb_each_other(visit, second):
    page = visit(FIGURE.html + second.html)
    figure(page, 1).locator(".digit svg").nth(3).click()
    figure(page, 1).locator("input[type=range]").press("Home")
    check_shows(figure(page, 0), "90 %", "a spot")
    check_shows(figure(page, 1), "80 %", "a spot", 3)
    stroke(page, [(80, 60), (200, 60)], which=1)
    check_shows(figure(page, 0), "90 %", "a spot")
    figure(page, 0).locator(".digit svg").nth(5).click()
    assert figure(page, 1).locator("input:checked").input_value() == "3"
    stroke(page, [(80, 60), (80, 200)], which=0)
    figure(page, 1).get_by_text("Clear").click()
    assert bars(figure(page, 0))[0]


@browser
@pytest.mark.parametrize("way", LATER.values(), ids=LATER)
def test_it_works_when_a_notebook_inserts_it_later(visit, way):
    page = visit("<div id=place></div>")
    insert = f"html => {{ const place = document.getElementById('place'); place.innerHTML = html; {way} }}"
    for _ in range(2):  # the cell is run again
        page.evaluate(insert, FIGURE.html)
        figure(page).locator("input[type=range]").press("Home")
        check_shows(figure(page), "80 %", "a spot")


@browser
def test_it_leaves_no_name_behind_in_the_page(visit):
    names = [set(visit(body).evaluate("Object.getOwnPropertyNames(window)")) for body in ("", FIGURE.html)]
    assert names[0] == names[1]


@browser
@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [320, 375, 600, 1280])
def test_nothing_sticks_out(visit, width, scripts):
    page = visit(viewport={"width": width, "height": 800}, java_script_enabled=scripts)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = """group => [...group.querySelectorAll('*')].filter(part => part.checkVisibility())
        .filter(part => part.getBoundingClientRect().right > group.getBoundingClientRect().right + 0.5)
        .map(part => part.outerHTML)"""
    assert figure(page).evaluate(inside) == []


def swipe(page, place, by: int) -> None:
    """A finger goes up from a place."""
    session, (x, y) = page.context.new_cdp_session(page), place
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        *(("touchMove", [{"x": x, "y": y - by * i / 10}]) for i in range(1, 11)),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_timeout(200)


@browser
def test_a_finger_draws_and_does_not_scroll_the_page(visit):
    page = visit(has_touch=True, is_mobile=True, viewport={"width": 375, "height": 667})
    box = figure(page).locator(".paper canvas").bounding_box()
    swipe(page, (box["x"] + box["width"] / 2, box["y"] + box["height"] - 20), 150)
    assert page.evaluate("scrollY") == 0
    assert np.ptp(np.nonzero(ink(figure(page)).max(1))[0]) == 19
    swipe(page, (box["x"] + 20, box["y"] + box["height"] + 150), 150)
    assert page.evaluate("scrollY") > 0


@browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_on_a_page_of_either_kind(visit, scheme):
    from axe_playwright_python.sync_playwright import Axe

    night = "background: #14181e; color: #ced6dd"
    page = visit(f"<main><h1>Draw</h1>{FIGURE.html}</main>", night if scheme == "dark" else "", color_scheme=scheme)
    stroke(page, [(80, 60), (200, 60)])
    violations = Axe().run(page).response["violations"]
    assert [(v["id"], [n["html"][:200] for n in v["nodes"]]) for v in violations] == []
    assert figure(page).evaluate("group => getComputedStyle(group).backgroundColor") == "rgb(255, 255, 255)"


@browser
def test_a_network_that_is_dead_speaks_for_no_digit(visit):
    group = figure(visit(make({"100 %": [np.zeros((10, 784))]}, start=0).html))
    group.locator("select").select_option("another")
    assert bars(group) == ["10.0\u00a0%"] * 10
    assert group.locator(".scale span").all_text_contents() == ["0", "0"]
    assert canvas(group, ".evidence").min() == 255
    assert group.locator(".carried").text_content().startswith("0 of the 0 connections")


@browser
def test_hostile_words_stay_words(visit):
    evil = "</script><script>document.hacked = true</script><img src=x onerror='document.hacked = true'>\"&"
    hostile = make(
        {evil: NETWORKS["80 %"], "b": NETWORKS["90 %"]}, {evil: blob(9, 9)}, label=evil, alt=evil, caption=evil
    )
    group = figure(visit(hostile.html))
    group.locator("input[type=range]").press("Home")
    assert group.locator("output").text_content() == group.locator(".seen .key").text_content() == evil
    assert group.evaluate("() => document.hacked") is None
