"""Quantities over the layers of a network, in powers of ten."""

from collections.abc import Mapping, Sequence

import numpy as np

from snip_lib.figures.base import add_legend, looks, new_figure, numbers
from snip_lib.figures.settings import style


def layer_profile(
    lines: Mapping[str, Sequence[float]],
    *,
    dots: Mapping[str, Sequence[float]] | None = None,
    label: str = "root mean square",
):
    """Draw numbers above 0 over the layers, first at the left: `lines` name -> (layers,), `dots` measured beside them.

    Dots take the colour of the line of their name; the axis is logarithmic. Raises ValueError for a number of 0 or
    less, which has no place on it.

    >>> figure = layer_profile({"signal": [1, 0.5, 0.25]}, dots={"signal": [1, 0.52, 0.24]})
    """
    dots = dots or {}
    if any(numbers(values).min() <= 0 for values in [*lines.values(), *dots.values()]):
        raise ValueError("a profile on a logarithmic axis needs numbers above 0")
    with style():
        figure = new_figure(height=4.2)
        ax = figure.add_subplot(xlabel="layer", ylabel=label, yscale="log")
        for name, a_look in looks([*lines, *(name for name in dots if name not in lines)]).items():
            if name in lines:
                places = np.arange(1, len(lines[name]) + 1)
                ax.plot(places, numbers(lines[name]), label=name, **(a_look | {"marker": ""}))
            if name in dots:
                places = np.arange(1, len(dots[name]) + 1)
                ax.plot(places, numbers(dots[name]), **(a_look | {"linestyle": "none", "markersize": 4}))
        _name_ticks(ax, [*lines.values(), *dots.values()])
        ax.grid(axis="y")
        add_legend(figure, list(lines))
    return figure


def _name_ticks(ax, profiles: Sequence[Sequence[float]]) -> None:
    """Where the axis spans two powers of ten or less, name 1, 2 and 5 of each in plain numbers."""
    every = np.concatenate([numbers(values) for values in profiles])
    if every.max() <= 100 * every.min():
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(NullFormatter())
