"""Profiles over layers, on a slider and as a figure: every number has its place, and none is silently lost."""

import numpy as np
import pytest
from bs4 import BeautifulSoup

from snip_lib import figures, interact

SERIES = {"signal": [[1.0, 10.0, 100.0], [1.0, 1e-9]], "gradient": [[1e-2, 1e-2, 1e-2], [0.5, 0.25]]}


def drawn(series=SERIES, **options):
    panel = interact.Profile(series, "Sizes", **({"low": -4, "high": 4} | options))
    return interact.slider(["small", "large"], [panel], label="spread", alt="sizes by layer")


def test_points_stand_at_the_logarithm_of_their_numbers():
    page = BeautifulSoup(drawn()._repr_html_(), "html.parser")
    first, second = ([tuple(map(float, p.split(","))) for p in line["points"].split()] for line in page("polyline"))
    assert [x for x, _ in first] == [44, 167, 290]
    assert np.diff([y for _, y in first]) == pytest.approx([-22, -22], abs=0.11)  # 176 units for 8 powers of ten
    assert {y for _, y in second} == {first[0][1] + 44}


def test_what_leaves_the_axis_runs_along_its_edge_and_is_still_told():
    html = drawn()._repr_html_()
    assert "44.0,102.0 290.0,190.0" in html  # from 1 to far below
    assert "1 to 1·10⁻⁹" in html.replace("1.0·", "1·")


def test_words_name_both_ends():
    assert str(drawn()).splitlines()[1].strip() == "Sizes: signal 1 to 100, gradient 0.01 to 0.01"


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({"signal": [[1.0, 0.0], [1.0, 1.0]]}, "all above 0"),
        ({"signal": [[1.0], [1.0]]}, "at least two"),
        ({"signal": [[1.0, 1.0]]}, "1 profiles for 2 steps"),
    ],
)
def test_what_has_no_place_is_refused(series, message):
    with pytest.raises(ValueError, match=message):
        drawn(series)


def test_a_figure_draws_lines_and_dots_in_one_colour():
    figure = figures.layer_profile({"a": [1, 2, 4], "b": [4, 2, 1]}, dots={"b": [4.1, 2.1]})
    lines = figure.axes[0].lines
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 2]
    assert lines[1].get_color() == lines[2].get_color() != lines[0].get_color()
    assert figure.axes[0].get_yscale() == "log"
    with pytest.raises(ValueError, match="above 0"):
        figures.layer_profile({"a": [1, 0]})


def test_an_axis_of_less_than_two_powers_of_ten_is_named_in_plain_numbers():
    figure = figures.layer_profile({"kept, %": [2.0, 11.0, 40.0]})
    figure.canvas.draw()
    ax = figure.axes[0]
    named = [label.get_text() for label in [*ax.get_yticklabels(), *ax.get_yticklabels(minor=True)]]
    assert {"2", "5", "10", "20"} <= set(named)
    assert not any("times" in word or "^" in word for word in named)


def test_the_ends_may_be_called_something_else_than_layers():
    made = interact.slider(
        ["1"],
        [interact.Profile({"λ": [[2, 1]]}, "Sizes", -4, 4, ends=("<large>", "small"))],
        label="depth",
        alt="a curve",
    )
    assert ">&lt;large&gt;<" in made.html
    assert ">small<" in made.html
    assert "first layer" not in made.html
