"""A network small enough to draw: units as circles, connections as lines with their numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snip_lib.figures.base import WIDTH, look, new_figure, numbers
from snip_lib.figures.settings import INK, PAPER, SOFT, style

_SIGN = {True: look("snip")["color"], False: look("magnitude")["color"]}  # positive, negative; the sign is printed too


def network_graph(
    weights: Mapping[str, Any] | Sequence[Any],
    *,
    scores: Any = None,
    kept: Any = None,
    names: Sequence[Sequence[str]] | None = None,
    title: str = "",
):
    """Draw a network of fully connected layers: line width follows |weight|, colour its sign, dashed grey is pruned.

    `weights` are the matrices (outputs, inputs) from input to output, as a list, or a dict (biases passed over);
    `scores` (printed instead of the weights) and `kept` (booleans) have the same form; `names` are the units' names,
    layer by layer. ValueError when the matrices do not fit each other.
    """
    weights = _matrices(weights)
    scores = _matrices(scores) if scores is not None else weights
    kept = _matrices(kept) if kept is not None else [np.ones_like(matrix) for matrix in weights]
    sizes = [weights[0].shape[1], *(matrix.shape[0] for matrix in weights)]
    if any(matrix.shape[1] != size for matrix, size in zip(weights, sizes, strict=False)):
        raise ValueError(f"the layers do not fit each other: {[matrix.shape for matrix in weights]}")
    if [matrix.shape for matrix in scores + kept] != 2 * [matrix.shape for matrix in weights]:
        raise ValueError("scores and kept need the shapes of the weights")
    with style():
        figure, ax = _canvas(sizes, title)
        largest = max(np.abs(weight).max() for weight in weights)
        for layer, (weight, score, keep) in enumerate(zip(weights, scores, kept, strict=True)):
            _draw_layer(ax, layer, weight / (largest or 1), score, keep > 0)
        for layer, labels in enumerate(names or _unit_names(sizes)):
            for unit, label in enumerate(labels):
                _draw_unit(ax, _place(layer, unit, sizes[layer]), label)
    return figure


def _canvas(sizes: list[int], title: str):
    width, height = 1.9 * (len(sizes) - 1) + 0.64, 1.15 * (max(sizes) - 1) + 0.64
    figure = new_figure(height=WIDTH * height / width + (0.4 if title else 0))
    ax = figure.add_subplot(title=title, aspect="equal", xlim=(-0.32, width - 0.32), ylim=(-height / 2, height / 2))
    ax.set_axis_off()
    return figure, ax


def _matrices(values: Mapping[str, Any] | Sequence[Any]) -> list[np.ndarray]:
    values = [numbers(value) for value in (values.values() if isinstance(values, Mapping) else values)]
    return [value for value in values if value.ndim == 2]


def _unit_names(sizes: list[int]) -> list[list[str]]:
    letters = ["x", *["h"] * (len(sizes) - 2), "y"]
    return [
        [f"${letter}_{{{unit}}}$" for unit in range(1, size + 1)] if size > 1 else [f"${letter}$"]
        for letter, size in zip(letters, sizes, strict=True)
    ]


def _place(layer: int, unit: int, size: int) -> np.ndarray:
    return np.array([1.9 * layer, 1.15 * ((size - 1) / 2 - unit)])


def _draw_layer(ax, layer: int, weight: np.ndarray, score: np.ndarray, keep: np.ndarray) -> None:
    outputs, inputs = weight.shape
    for j, i in np.ndindex(outputs, inputs):
        start, end = _place(layer, i, inputs), _place(layer + 1, j, outputs)
        line = {"color": SOFT, "linewidth": 1.2, "linestyle": (0, (3, 3))}
        if keep[j, i]:
            line = {"color": _SIGN[bool(weight[j, i] >= 0)], "linewidth": 1 + 4 * abs(weight[j, i]), "linestyle": "-"}
        ax.plot(*zip(start, end, strict=True), zorder=1, **line)
        _draw_number(ax, start, end, f"{score[j, i]:.3g}".replace("-", "−"), line["color"])


def _draw_number(ax, start: np.ndarray, end: np.ndarray, text: str, colour: str) -> None:
    """Print along the line, a third of the way: before the point where lines between the same two layers cross."""
    x, y = start + 0.34 * (end - start)
    angle = np.degrees(np.arctan2(*(end - start)[::-1]))
    ax.text(
        x,
        y,
        text,
        color=colour,
        rotation=angle,
        ha="center",
        va="center",
        fontsize=16,
        zorder=2,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1.5},
    )


def _draw_unit(ax, place: np.ndarray, label: str) -> None:
    from matplotlib.patches import Circle

    ax.add_patch(Circle(place, 0.26, facecolor=PAPER, edgecolor=INK, linewidth=1.6, zorder=3))
    ax.text(*place, label, ha="center", va="center", fontsize=18, zorder=4)
