"""What every figure shares: colours, markers, numbers in words. The palette is light and safe for the colour-blind."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from snip_lib.figures.settings import INK, matplotlib

# Colour is never the only carrier: each method has its own marker and line style as well.
LOOKS: dict[str, dict[str, Any]] = {
    "dense": {"color": INK, "marker": "o", "linestyle": (0, (1, 1))},
    "snip": {"color": "#0072b2", "marker": "o", "linestyle": "-"},
    "magnitude": {"color": "#c8500a", "marker": "s", "linestyle": "--"},
    "random": {"color": "#737b84", "marker": "x", "linestyle": ":"},
    "grasp": {"color": "#00916a", "marker": "^", "linestyle": "-."},
    "synflow": {"color": "#a3478b", "marker": "D", "linestyle": (0, (5, 1))},
    "hessian": {"color": "#8a6d00", "marker": "v", "linestyle": (0, (3, 1, 1, 1))},
}
COLOURS: dict[str, str] = {method: a_look["color"] for method, a_look in LOOKS.items()}

_SPARE_LOOKS = [LOOKS[method] for method in ("snip", "magnitude", "grasp", "synflow", "hessian", "random", "dense")]

_STOPS = np.array([[255, 255, 255], [189, 219, 240], [0, 114, 178], [3, 36, 66]])  # white to dark blue, ever darker
_CHANNELS = [np.interp(np.linspace(0, 3, 256), range(4), channel) for channel in _STOPS.T]
RAMP = np.stack(_CHANNELS, 1).round().astype(np.uint8)
"""The colours of a pixel map, (256, 3) bytes: row 0 is nothing kept, row 255 the most."""

WIDTH = 7.0  # inches; the column of the built book holds 7.17


def new_figure(width: float = WIDTH, height: float = 4):
    """Return an empty figure, in inches, by default as wide as the book's column.

    It shows itself in a notebook, without pyplot's list of open figures.
    """
    matplotlib()
    from snip_lib.figures.picture import Picture

    return Picture(figsize=(width, height), layout="constrained")


def add_legend(figure, labels: Sequence[str]) -> None:
    """Put the legend above the axes, in as many columns (at most three) as the longest label lets fit."""
    columns = int(np.clip(54 // (max(map(len, labels)) + 5), 1, 2 if len(labels) == 4 else 3))
    figure.legend(loc="outside upper left", ncols=columns, columnspacing=1.5)


def look(name: str, position: int = 0) -> dict[str, Any]:
    """Return colour, marker and line style of a method; names the book does not know take a spare look by position."""
    return LOOKS.get(name.lower(), _SPARE_LOOKS[position % len(_SPARE_LOOKS)])


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the look of each name in one figure: names the book does not know take looks that no other name has."""
    names = list(names)
    unknown = [name for name in names if name.lower() not in LOOKS]
    taken = [LOOKS[name.lower()] for name in names if name not in unknown]
    spare = [a_look for a_look in _SPARE_LOOKS if a_look not in taken] or _SPARE_LOOKS
    return {name: look(name) if name not in unknown else spare[unknown.index(name) % len(spare)] for name in names}


def numbers(values: Any) -> np.ndarray:
    """Return a tensor (of any device), an array or a list as a float64 array; ValueError when one is not finite."""
    array = np.asarray(values.detach().cpu().double() if isinstance(values, torch.Tensor) else values, np.float64)
    if not np.isfinite(array).all():
        raise ValueError("cannot draw values that are not finite")
    return array


def percent(share: float, digits: int = 3) -> str:
    """Return a share in [0, 1] in words, to so many digits: 0.0391 is '3.91 %'. The space does not break."""
    shown = f"{100 * share:.{digits}g}"
    return f"{float(shown):.10f}".rstrip("0").rstrip(".") + "\u00a0%"


def pixel_shares(mask: Any, shape: tuple[int, int] = (28, 28)) -> np.ndarray:
    """Return the share kept of each input's outgoing connections, (outputs, inputs) -> `shape`: Figure 2 of the paper.

    Raises ValueError when the mask is no matrix with one column for each pixel.
    """
    mask = numbers(mask)
    if mask.ndim != 2 or mask.shape[1] != math.prod(shape):
        raise ValueError(f"a map of {shape} pixels needs a mask (outputs, {math.prod(shape)}), got {mask.shape}")
    return mask.mean(0).reshape(shape)
