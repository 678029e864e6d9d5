"""The sliders in a real browser, from a file on disk: by keys, pointer and finger, on a phone, without scripts."""

import numpy as np
import pytest

from snip_lib import figures, interact

pytestmark = pytest.mark.browser

LABELS = ["0 %", "50 %", "90 %", "95 %", "99 %"]
KEPT = np.array([1, 0.5, 0.1, 0.05, 0.01])
RNG = np.random.default_rng(0)
MAPS = RNG.random((5, 28, 28)) * KEPT[:, None, None]
SHARES = np.clip(np.outer(KEPT, [0.7, 2.4, 6.5]), 0, 1)
ERRORS = {"SNIP": np.array([0.04, 0.041, 0.055, 0.06, 0.07]), "random": np.array([0.04, 0.06, 0.12, 0.17, 0.5])}
START = 2

FIGURE = interact.slider(
    LABELS,
    [
        interact.PixelMap(MAPS, "What the first layer still sees", key="kept of each pixel's 300 connections"),
        interact.Bars(["fc1", "fc2", "fc3"], SHARES, "Share kept of each layer", mark=KEPT, mark_label="all layers"),
        interact.Lines(ERRORS, "Test error"),
        interact.Text([f"{kept:.0%} of the connections are left." for kept in KEPT]),
    ],
    label="Connections pruned",
    alt="What a network keeps",
    caption="Move the slider.",
    start=START,
)

SEEN = """group => ({
    output: group.querySelector('output').textContent,
    valuetext: group.querySelector('input').getAttribute('aria-valuetext'),
    widths: [...group.querySelectorAll('rect')].map(bar => parseFloat(bar.getAttribute('width'))),
    marks: [...group.querySelectorAll('.bar line')].map(line => parseFloat(line.getAttribute('x1'))),
    circles: [...group.querySelectorAll('circle')].map(c => [c.getAttribute('cx'), c.getAttribute('cy')].map(Number)),
    words: group.querySelector('.words').textContent,
})"""
PIXELS = """async image => {
    await image.decode();
    const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight), pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    return [...pen.getImageData(0, 0, canvas.width, canvas.height).data];
}"""


@pytest.fixture
def visit(open_html):
    """A function that opens HTML from disk, by default the figure's."""
    return lambda body=FIGURE.html, *style, **options: open_html(body, *style, **options)


def group(page, which: int = 0):
    return page.locator(".snip-slider").nth(which)


def slider(page, which: int = 0):
    return group(page, which).locator("input")


def check_shows(page, step: int, which: int = 0) -> None:
    """Compare what the figure shows with the numbers it was made of."""
    seen = group(page, which).evaluate(SEEN)
    assert seen["output"] == seen["valuetext"] == LABELS[step]
    np.testing.assert_allclose(seen["widths"], 100 * SHARES[step], atol=0.005)
    np.testing.assert_allclose(seen["marks"], [100 * KEPT[step]] * 3, atol=0.005)
    assert seen["words"] == f"{KEPT[step]:.0%} of the connections are left."
    (x, snip), (_, random) = seen["circles"]
    assert x == pytest.approx(52 + 238 * step / 4, abs=0.06)
    assert [140 - snip, 140 - random] == pytest.approx([126 * e[step] / 0.5 for e in ERRORS.values()], abs=0.06)
    shown = np.array(group(page, which).locator("img").evaluate(PIXELS)).reshape(28, 28, 4)[..., :3]
    np.testing.assert_array_equal(shown, figures.RAMP[np.round(255 * MAPS[step] / MAPS[step].max()).astype(int)])


def test_the_script_draws_the_frame_that_python_drew(visit):
    pages = [visit(java_script_enabled=scripts) for scripts in (False, True)]
    check_shows(pages[1], START)
    drawn = ["img", "rect", "line", "circle", "polyline", "path", "output", "b", ".words", ".scale span"]
    still, live = ([group(page).locator(part) for part in drawn] for page in pages)
    for before, after in zip(still, live, strict=True):
        assert before.count() == after.count() > 0
        for i in range(before.count()):
            now, then = (element.nth(i).evaluate("element => element.outerHTML") for element in (after, before))
            assert now == then


def test_every_step_by_keyboard_shows_its_numbers(visit):
    page = visit()
    page.keyboard.press("Tab")
    assert slider(page).evaluate("range => range === document.activeElement")
    page.keyboard.press("Home")
    for step in range(len(LABELS)):
        check_shows(page, step)
        page.keyboard.press("ArrowRight")
    check_shows(page, 4)


def test_a_pointer_drags_it(visit):
    page = visit()
    box = slider(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] / 2, steps=5)
    check_shows(page, 4)
    page.mouse.up()
    check_shows(page, 4)


def test_a_finger_moves_it(visit):
    page = visit(has_touch=True, is_mobile=True, viewport={"width": 375, "height": 667})
    box = slider(page).bounding_box()
    page.touchscreen.tap(box["x"] + 14, box["y"] + box["height"] / 2)
    check_shows(page, 0)


def test_a_key_on_the_slider_is_not_heard_by_the_page_around_it(visit):
    page = visit()
    page.evaluate("document.heard = []; document.addEventListener('keydown', event => document.heard.push(event.key))")
    page.keyboard.press("a")
    slider(page).press("ArrowRight")
    assert page.evaluate("document.heard") == ["a"]
    check_shows(page, START + 1)


def test_with_scripts_off_the_picture_stays_and_no_dead_control_shows(visit):
    page = visit(java_script_enabled=False)
    check_shows(page, START)
    assert not slider(page).is_visible()
    assert page.get_by_text("Connections pruned").is_visible()
    assert page.locator("img").bounding_box()["width"] > 100


def test_two_copies_on_one_page_move_alone(visit):
    page = visit(FIGURE.html + FIGURE.html)
    slider(page, 1).press("End")
    check_shows(page, START, 0)
    check_shows(page, 4, 1)
    slider(page, 0).press("Home")
    check_shows(page, 0, 0)
    check_shows(page, 4, 1)


LATER = {  # how notebooks put the output of a cell into a page that is there already
    "its scripts made anew in place": "for (const s of place.querySelectorAll('script')) {"
    " const n = document.createElement('script'); n.type = s.type; n.text = s.text; s.replaceWith(n); }",
    "its scripts run from the head": "for (const s of place.querySelectorAll('script:not([type])'))"
    " document.head.appendChild(Object.assign(document.createElement('script'), {text: s.text})).remove();",
}


@pytest.mark.parametrize("way", LATER.values(), ids=LATER)
def test_it_works_when_a_notebook_inserts_it_later(visit, way):
    page = visit("<div id=place></div>")
    insert = f"html => {{ const place = document.getElementById('place'); place.innerHTML = html; {way} }}"
    page.evaluate(insert, FIGURE.html)
    slider(page).press("ArrowRight")
    check_shows(page, START + 1)
    page.evaluate(insert, FIGURE.html)  # the cell is run again
    slider(page).press("ArrowLeft")
    check_shows(page, START - 1)


def test_it_leaves_no_name_behind_in_the_page(visit):
    names = [set(visit(body).evaluate("Object.getOwnPropertyNames(window)")) for body in ("", FIGURE.html)]
    assert names[0] == names[1]


@pytest.mark.parametrize("width", [320, 375, 1280])
def test_nothing_sticks_out(visit, width):
    page = visit(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = """group => [...group.querySelectorAll('*')].filter(part => part.checkVisibility())
        .every(part => part.getBoundingClientRect().right <= group.getBoundingClientRect().right + 0.5)"""
    assert group(page).evaluate(inside)


def test_a_finger_finds_the_thumb_and_an_eye_the_focus(visit):
    page = visit()
    assert slider(page).bounding_box()["height"] >= 24
    page.keyboard.press("Tab")
    assert slider(page).evaluate("range => getComputedStyle(range).outline").endswith("solid 3px")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_on_a_page_of_either_kind(visit, scheme):
    night = "background: #14181e; color: #ced6dd"
    page = visit(style=night if scheme == "dark" else "", color_scheme=scheme)
    colours = group(page).evaluate("""group => [...group.querySelectorAll('p, span, b, output, text')]
        .map(part => [part.textContent, getComputedStyle(part)[part.localName === 'text' ? 'fill' : 'color']])""")
    assert group(page).evaluate("group => getComputedStyle(group).backgroundColor") == "rgb(255, 255, 255)"
    assert len(colours) > 20
    for text, colour in colours:
        rgb = np.array([int(part) for part in colour.removeprefix("rgb(").rstrip(")").split(",")]) / 255
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, text


def test_hostile_words_stay_words(visit):
    evil = "</script><script>document.hacked = true</script><img src=x onerror='document.hacked = true'>\"&"
    figure = interact.slider(
        [evil, "b"],
        [interact.Bars([evil], [[0.1], [0.2]], evil), interact.Text([evil, evil])],
        label=evil,
        alt=evil,
        caption=evil,
    )
    page = visit(figure.html)
    slider(page).press("End")
    slider(page).press("Home")
    assert page.locator("output").text_content() == evil
    assert page.evaluate("document.hacked") is None


def test_a_choice_moves_the_slider_to_its_start_and_shows_its_own_steps(visit):
    lines = [f"{name}{at}" for name in "ab" for at in range(5)]
    choice = interact.Choice("Which", ["a", "b"], [2, 4])
    page = visit(interact.slider(LABELS, [interact.Text(lines)], label="Pruned", alt="words", choice=choice).html)
    words = page.locator(".words")
    assert words.text_content() == "a2"
    page.locator("select").select_option("b")
    assert (words.text_content(), slider(page).input_value()) == ("b4", "4")
    slider(page).press("ArrowLeft")
    assert words.text_content() == "b3"


def test_two_lists_and_the_slider_together_choose_what_is_seen(visit):
    choices = [interact.Choice("Net", ["a", "b"]), interact.Choice("Rule", ["x", "y", "z"])]
    lines = {net: [f"{net}{rule}{at}" for rule in "xyz" for at in range(5)] for net in "ab"}
    each = interact.Each([interact.Text(lines["a"]), interact.Text(lines["b"])], 15)
    page = visit(interact.slider(LABELS, [each], label="Pruned", alt="words", choice=choices, start=2).html)
    seen = page.locator(".words:visible")
    for net, rule in (("a", "z"), ("b", "z"), ("b", "x"), ("a", "y")):
        page.locator("select").nth(0).select_option(net)
        page.locator("select").nth(1).select_option(rule)
        assert seen.all_text_contents() == [f"{net}{rule}2"]
    slider(page).press("ArrowRight")
    assert seen.all_text_contents() == ["ay3"]
