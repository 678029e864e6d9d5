"""How many connections a network has, and how many it keeps."""

from collections.abc import Mapping

from snip_lib.figures.base import LOOKS, add_legend, new_figure
from snip_lib.figures.settings import LINE, PAPER, style


def network_sizes(sizes: Mapping[str, tuple[int, int]], *, names: tuple[str, str] = ("all", "kept")):
    """Draw two numbers of connections a network on one logarithmic axis: `sizes` maps network -> (all, kept)."""
    looks = [{key: LOOKS[method][key] for key in ("color", "marker")} for method in ("dense", "snip")]
    looks[0] |= {"markerfacecolor": PAPER, "markeredgewidth": 1.6}
    with style():
        figure = new_figure(height=1.1 + 0.36 * len(sizes))
        ax = figure.add_subplot(xlabel="connections", xscale="log")
        rows = range(len(sizes))
        for row, pair in zip(rows, sizes.values(), strict=True):
            ax.plot(pair, (row, row), color=LINE, linewidth=3, zorder=1)
        for name, column, a_look in zip(names, zip(*sizes.values(), strict=True), looks, strict=True):
            ax.plot(column, rows, linestyle="none", label=name, zorder=3, **a_look)
        ax.set_yticks(rows, list(sizes))
        ax.set_ylim(len(sizes) - 0.45, -0.55)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        add_legend(figure, names)
    return figure
