"""The slider that turns one switch: its dots lie on the loss and on the tangent, and its words say the gap."""

import json
import re

import numpy as np
import pytest
from bs4 import BeautifulSoup

from snip_lib import interact

C = np.linspace(0, 1, 11)
CURVES = {  # change of the loss, slope at c = 1: a parabola that overshoots, and a straight line
    "bent": (C, 6 * (C - 1) + 4 * (C - 1) ** 2, 6.0),
    "straight": (C, -3 * (C - 1), -3.0),
}


def page(figure):
    return BeautifulSoup(figure.html, "html.parser")


def parts(html, tag):
    """The changing values of each element of one kind, in the order of the page."""
    changes = json.loads(html.find("script", type="application/json").string)
    found = [(html.find(attrs={"data-part": str(i)}), change) for i, change in enumerate(changes)]
    return [change for element, change in found if element.name == tag]


def test_the_tangent_touches_at_one_and_the_words_count_the_gap():
    figure = interact.switch(CURVES, unit="thousandths")
    (words,) = [change["text"] for change in parts(page(figure), "p")]
    assert len(words) == 22
    assert words[10] == words[21] == "At c = 1 the loss and its tangent are one: nothing is cut, nothing is promised."
    # at c = 0 the parabola is at -6 + 4 = -2, its tangent at -6
    assert words[0] == (
        "At c = 0 the loss has fallen by 2 thousandths; promised: fallen by 6 thousandths."
        " It lies 4 thousandths above the tangent."
    )
    assert words[11].startswith("At c = 0 the loss has risen by 3 thousandths; promised: risen by 3 thousandths.")


def test_the_dots_lie_on_their_curves_and_the_gap_joins_them():
    html = page(interact.switch(CURVES))
    tangent, loss = parts(html, "circle")
    curves = [change["points"] for change in parts(html, "polyline")]
    assert len(loss["cx"]) == 22
    for k in range(22):
        for dot, curve in zip((loss, tangent), curves, strict=True):
            assert f"{dot['cx'][k]},{dot['cy'][k]}" in curve[k].split()
    gap = next(change for change in parts(html, "line") if "x2" in change)
    assert (gap["x1"], gap["y1"], gap["y2"]) == (loss["cx"], loss["cy"], tangent["cy"])


def test_the_tangent_is_drawn_straight_and_with_the_slope_of_the_loss_at_one():
    html = page(interact.switch({"a": CURVES["bent"]}))
    loss, tangent = (
        np.array([[float(v) for v in p.split(",")] for p in change["points"][0].split()])
        for change in parts(html, "polyline")
    )
    np.testing.assert_allclose(np.diff(tangent[:, 1]), np.diff(tangent[:, 1])[0], atol=0.21)
    # heights on the page: the limits are -6.25, the least of the parabola's points and the tangent's, and 0
    scale = (150 - 14) / -min(CURVES["bent"][1].min(), -6)
    np.testing.assert_allclose((14 - loss[:, 1]) / scale, CURVES["bent"][1], atol=0.05)


def test_one_curve_has_no_list_and_the_slider_starts_where_nothing_is_cut():
    html = page(interact.switch({"a": CURVES["bent"]}))
    assert html.find("select") is None
    assert html.find("output").text == "c = 1"
    assert [option.text for option in page(interact.switch(CURVES)).find_all("option")] == ["bent", "straight"]


@pytest.mark.parametrize(
    "curve",
    [
        (C, C, 1.0),  # 1 where nothing is cut
        (C[::-1], C - 1, 1.0),
        (C[1:], C[1:] - 1, 1.0),
        (C, C[1:] - 1, 1.0),
        ([1.0], [0.0], 1.0),
    ],
)
def test_a_curve_that_is_not_a_switch_is_refused_by_name(curve):
    with pytest.raises(ValueError, match=r"'odd' needs places c from 0 to 1 and a change that is 0"):
        interact.switch({"odd": curve})


def test_curves_of_different_places_are_refused():
    with pytest.raises(ValueError, match="the same for all"):
        interact.switch({"a": CURVES["bent"], "b": (C[::2], C[::2] - 1, 1.0)})


@pytest.mark.browser
def test_by_keyboard_the_switch_is_turned_off_and_the_other_curve_follows(chromium, tmp_path):
    file = tmp_path / "page.html"
    file.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><body>{interact.switch(CURVES).html}', "utf-8"
    )
    view = chromium.new_page(viewport={"width": 375, "height": 800})
    view.goto(file.as_uri())
    words, dot = view.locator(".words"), view.locator("circle").last
    view.locator("input").press("Home")
    assert words.text_content().startswith("At c = 0 the loss has fallen by 2;")
    before = dot.get_attribute("cy")
    view.locator("select").select_option("straight")
    assert words.text_content().startswith("At c = 0 the loss has risen by 3;")
    assert dot.get_attribute("cy") != before
    view.locator("input").press("ArrowRight")
    assert re.match(r"At c = 0\.1 the loss has risen by 2\.7;", words.text_content())
    assert view.evaluate("document.documentElement.scrollWidth") <= 375
    view.close()
