"""Differences with their intervals, and training losses: what the results pages draw."""

from collections.abc import Mapping, Sequence

from snip_lib.figures.base import COLOURS, add_legend, looks, new_figure
from snip_lib.figures.settings import LINE, SOFT, style


def gaps(rows: Mapping[str, tuple[float, float | None]], *, label: str, allowed: float | None = None):
    """Draw differences as dots on a line each: `rows` name -> (difference in points, half-width of its interval).

    A difference without an interval (None) is hollow. allowed: half the width of a band about 0 within which two
    numbers count as equal. Without rows the figure says "not run yet".
    """
    with style():
        figure = new_figure(height=1.3 + 0.38 * max(len(rows), 1))
        ax = figure.add_subplot(xlabel=label)
        if allowed is not None:
            ax.axvspan(-allowed, allowed, color=LINE, alpha=0.6, linewidth=0)
        ax.axvline(0, color=SOFT, linewidth=1)
        for place, (gap, half_width) in enumerate(rows.values()):
            alone = {"markerfacecolor": "white"} if half_width is None else {"xerr": half_width}
            ax.errorbar(gap, place, fmt="o", color=COLOURS["snip"], capsize=3, **alone)
        ax.set_yticks(range(len(rows)), list(rows))
        ax.set_ylim(max(len(rows), 1) - 0.5, -0.5)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        if not rows:
            ax.annotate("not run yet", (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
    return figure


def losses(curves: Mapping[str, Sequence[Sequence[Sequence[float]]]], *, chance: float | None = None):
    """Draw training loss against iteration: `curves` name -> runs, each pairs [iteration, loss]; a thin line a run.

    chance: the loss of one who knows nothing, log of the number of classes. Names without runs are left out.
    """
    there = {name: runs for name, runs in curves.items() if runs}
    with style():
        figure = new_figure(height=4.6)
        ax = figure.add_subplot(xlabel="iteration", ylabel="training loss")
        for name, runs in there.items():
            a_look = {key: looks(there)[name][key] for key in ("color", "linestyle")}
            for number, run in enumerate(runs):
                ax.plot(*zip(*run, strict=True), linewidth=1.6, label=None if number else name, **a_look)
        if chance is not None:
            ax.axhline(chance, color=SOFT, linewidth=1)
            ax.annotate("chance", (0, chance), (4, 4), textcoords="offset points", color=SOFT)
        ax.set_ylim(bottom=0)
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.grid(axis="y")
        if there:
            add_legend(figure, list(there))
        else:
            ax.annotate("not run yet", (0.5, 0.5), xycoords="axes fraction", ha="center", color=SOFT)
    return figure
