"""Error against sparsity."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snip_lib.figures.base import add_legend, looks, new_figure
from snip_lib.figures.settings import SOFT, style


def error_curve(
    errors: Mapping[str, Mapping[float, Sequence[float]]],
    *,
    chance: float | None = None,
    log: bool = False,
    label: str = "test error (%)",
):
    """Draw error against sparsity: every seed a dot, a line through the means, and the level of chance.

    `errors` maps method -> sparsity in [0, 1) -> errors in percent, one a seed; a method with sparsity 0 alone is drawn
    across. The axis is logarithmic in what is kept, so that 90 and 99 % pruned are as far apart as 0 and 90 %.
    """
    with style():
        figure = new_figure(height=4.6)
        ax = figure.add_subplot(xlabel="connections pruned (%)", ylabel=label, yscale="log" if log else "linear")
        for method, a_look in looks(errors).items():
            _error_line(ax, method, dict(sorted(errors[method].items())), a_look)
        if chance is not None:
            ax.axhline(chance, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
            ax.annotate("chance", (0, chance), (4, -4), textcoords="offset points", color=SOFT, va="top")
        if log:
            _plain_log_ticks(ax.yaxis)
        else:
            ax.set_ylim(bottom=0)
        _sparsity_ticks(ax, sorted({sparsity for by_sparsity in errors.values() for sparsity in by_sparsity}))
        ax.grid(axis="y")
        add_legend(figure, list(errors))
    return figure


def _kept_position(sparsity: float) -> float:
    return float(-np.log10(1 - sparsity))


def _error_line(ax, method: str, by_sparsity: Mapping[float, Sequence[float]], a_look: dict[str, Any]) -> None:
    places = [_kept_position(sparsity) for sparsity in by_sparsity]
    seeds = [(place, error) for place, seeds in zip(places, by_sparsity.values(), strict=True) for error in seeds]
    ax.plot(places, [np.mean(seeds) for seeds in by_sparsity.values()], label=method, **a_look)
    if list(by_sparsity) == [0]:
        ax.axhline(np.mean(by_sparsity[0]), linewidth=1, color=a_look["color"], linestyle=a_look["linestyle"], zorder=1)
    ax.plot(*zip(*seeds, strict=True), linestyle="none", marker=".", markersize=7, alpha=0.45, color=a_look["color"])


def _sparsity_ticks(ax, sparsities: list[float]) -> None:
    """Label as many of the sparsities as fit, the largest first: it is the one asked about."""
    span = _kept_position(sparsities[-1]) - _kept_position(sparsities[0]) or 1
    chosen: list[float] = []
    for sparsity in reversed(sparsities):
        if all(_kept_position(other) - _kept_position(sparsity) >= 0.09 * span for other in chosen):
            chosen.append(sparsity)
    ax.set_xticks([_kept_position(sparsity) for sparsity in chosen], [f"{100 * sparsity:g}" for sparsity in chosen])


def _plain_log_ticks(axis) -> None:
    from matplotlib.ticker import LogLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(LogLocator(subs=()))
