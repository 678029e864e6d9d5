"""How scores are spread, and how two scores of the same connections differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snip_lib.figures.base import add_legend, look, looks, new_figure, numbers
from snip_lib.figures.settings import INK, style


def histogram(
    values: Any, *, label: str = "connection sensitivity", marks: Mapping[str, float] | None = None, bins: int = 60
):
    """Draw how scores are spread over powers of ten: `values` of any shape, or a dict name -> values, one outline each.

    Zeros have no place on the axis and are counted in the legend; several groups are drawn as shares of each group;
    `marks` are named thresholds. ValueError when a score is negative or all are zero.
    """
    named = values if isinstance(values, Mapping) else {"": values}
    groups = {name: numbers(group).ravel() for name, group in named.items()}
    if any((group < 0).any() for group in groups.values()):
        raise ValueError("a logarithmic axis needs scores of zero and above: take absolute values first")
    every = np.concatenate([group[group > 0] for group in groups.values()])
    if not every.size:
        raise ValueError("every score is zero: there is nothing to draw")
    edges = np.geomspace(every.min() / 1.1, 1.1 * every.max(), bins + 1)
    with style():
        figure = new_figure()
        ax = figure.add_subplot(xlabel=label, ylabel="connections" if len(groups) == 1 else "% of each", xscale="log")
        ax.yaxis.set_major_formatter("{x:,.0f}")
        ax.yaxis.get_major_locator().set_params(integer=True)
        for name, group in groups.items():
            counts = np.histogram(group[group > 0], edges)[0] * (1 if len(groups) == 1 else 100 / group.size)
            a_look = {key: looks(groups)[name][key] for key in ("color", "linestyle")} | {"linewidth": 1.8}
            ax.stairs(counts, edges, fill=len(groups) == 1, label=_with_zeros(name, group), **a_look)
        for name, place in (marks or {}).items():
            _mark(ax, name, place)
        labels = ax.get_legend_handles_labels()[1]
        if labels:
            add_legend(figure, labels)
    return figure


def _mark(ax, name: str, place: float) -> None:
    ax.axvline(place, color=INK, linewidth=1.2, linestyle=(0, (4, 3)))
    plate = {"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.85}
    offset = {"xytext": (5, 0), "textcoords": "offset points"}
    ax.annotate(name, (place, 0.97), xycoords=("data", "axes fraction"), va="top", bbox=plate, **offset)


def _with_zeros(name: str, group: np.ndarray) -> str:
    zeros = int((group == 0).sum())
    return ", ".join(filter(None, [name, f"{zeros:,} zeros left out" if zeros else ""]))


def scatter(x: Any, y: Any, *, x_label: str, y_label: str, kept: Any = None, most: int = 5_000, diagonal: bool = False):
    """Draw two scores of the same connections against each other on logarithmic axes, kept ones dark, pruned ones grey.

    Pairs with a zero are left out, and of more than `most` pairs an evenly spaced `most` are drawn. With `diagonal`, a
    line where both scores are equal.
    """
    x, y = numbers(x).ravel(), numbers(y).ravel()
    kept = np.ones(len(x), bool) if kept is None else numbers(kept).ravel() > 0
    drawn = np.flatnonzero((x > 0) & (y > 0))
    drawn = drawn[np.linspace(0, len(drawn) - 1, min(most, len(drawn))).round().astype(int)] if len(drawn) else drawn
    with style():
        figure = new_figure(height=5.2)
        ax = figure.add_subplot(xlabel=x_label, ylabel=y_label, xscale="log", yscale="log")
        for which, name, colour in ((~kept[drawn], "pruned", "#a9b2bb"), (kept[drawn], "kept", look("snip")["color"])):
            if which.any():  # thousands of dots are one small picture inside the SVG
                ax.plot(x[drawn[which]], y[drawn[which]], ".", markersize=4, color=colour, label=name, rasterized=True)
        if diagonal:
            ends = [np.r_[x[drawn], y[drawn]].min(), np.r_[x[drawn], y[drawn]].max()]
            ax.plot(ends, ends, color=INK, linewidth=1, zorder=1)
        if not kept.all():
            add_legend(figure, ["pruned", "kept"])
    return figure
