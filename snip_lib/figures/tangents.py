"""A function of one variable beside its tangent: what a derivative promises, and what happens."""

from collections.abc import Mapping
from typing import Any

from snip_lib.figures.base import LOOKS, add_legend, new_figure, numbers
from snip_lib.figures.settings import style


def tangents(
    curves: Mapping[str, tuple[Any, Any, float]],
    *,
    at: float = 1.0,
    x_label: str,
    y_label: str,
    names: tuple[str, str] = ("exact", "tangent"),
    columns: int = 2,
):
    """Draw curves and their tangents, one small picture each: `curves` maps title -> (x, y, slope where x is `at`).

    Every picture has its own vertical scale. ValueError when `at` is not among the x of a curve.
    """
    rows = -(-len(curves) // columns)
    with style():
        figure = new_figure(height=0.8 + 2.4 * rows)
        figure.supylabel(y_label)
        for place, (title, (x, y, slope)) in enumerate(curves.items()):
            x, y = numbers(x), numbers(y)
            if at not in x:
                raise ValueError(f"the curve {title!r} has no point at {at}, where its tangent touches")
            below = place >= len(curves) - columns
            ax = figure.add_subplot(rows, columns, place + 1, title=title, xlabel=x_label if below else "")
            touch = y[x == at][0]
            ax.plot(x, y, label=names[0] if place == 0 else "", zorder=3, **_line("snip"))
            ax.plot(x, touch + slope * (x - at), label=names[1] if place == 0 else "", **_line("magnitude"))
            ax.plot(at, touch, "o", color=LOOKS["dense"]["color"], zorder=4)
            ax.locator_params(nbins=4)
            ax.grid(axis="y")
        add_legend(figure, names)
    return figure


def _line(method: str) -> dict[str, Any]:
    return {name: LOOKS[method][name] for name in ("color", "linestyle")}
