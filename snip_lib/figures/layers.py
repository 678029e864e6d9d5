"""What is kept of each layer, and of each pixel's connections into the first."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snip_lib.figures import base
from snip_lib.figures.base import RAMP, add_legend, looks, new_figure, numbers, percent, pixel_shares
from snip_lib.figures.settings import LINE, SOFT, style


def mask_grid(rows: Mapping[str, Mapping[str, Any]], *, shape: tuple[int, int] = (28, 28), vmax: float | None = None):
    """Draw first-layer masks as pictures, as Figure 2 of the paper: each pixel is the share of its connections kept.

    `rows` maps row title (a method) -> column title (a sparsity) -> mask (outputs, pixels) or map of `shape`. A picture
    runs from white (none kept) to its own largest share, which is printed under it, or to `vmax`.
    """
    maps = [[_pixel_map(picture, shape) for picture in row.values()] for row in rows.values()]
    columns, headings = max(map(len, maps)), list(next(iter(rows.values())))
    side = min((base.WIDTH - 0.4) / columns, 2.6)  # of a picture, in inches
    titled = any(list(row) != headings for row in rows.values())  # below the first row, too
    with style():
        from matplotlib.colors import ListedColormap

        figure = new_figure(side * columns + 0.4, (side + 0.36 + 0.3 * titled) * len(maps) + 0.3 * (not titled))
        for i, ((title, row), pictures) in enumerate(zip(rows.items(), maps, strict=True)):
            for j, (column, picture) in enumerate(zip(row, pictures, strict=True)):
                ax = figure.add_subplot(len(maps), columns, i * columns + j + 1, xticks=[], yticks=[])
                top = vmax or picture.max() or 1
                ax.imshow(picture, cmap=ListedColormap(RAMP / 255), vmin=0, vmax=top, interpolation="none")
                ax.spines[:].set(visible=True, color=LINE)
                ax.set_title(column if i == 0 or list(row) != headings else "")
                ax.set_xlabel("" if vmax else f"≤ {percent(picture.max(), 2)}", color=SOFT)
                ax.set_ylabel(title if j == 0 else "")
    return figure


def _pixel_map(picture: Any, shape: tuple[int, int]) -> np.ndarray:
    picture = numbers(picture)
    return picture if picture.shape == shape else pixel_shares(picture, shape)


def layer_density(shares: Mapping[str, Mapping[str, float]], *, log: bool = False):
    """Draw the share kept of each layer: `shares` maps method (or sparsity) -> layer -> share in [0, 1].

    Bars on a linear axis; with `log`, markers, because a bar has no honest foot there; nothing kept stands at the left.
    """
    layers = list(dict.fromkeys(layer for by_layer in shares.values() for layer in by_layer))
    with style():
        figure = new_figure(height=1.1 + len(layers) * (0.4 if log else 0.18 + 0.24 * len(shares)) + 0.3 * len(shares))
        ax = figure.add_subplot(xlabel="share kept (%)")
        (_density_markers if log else _density_bars)(ax, shares, layers)
        ax.set_yticks(range(len(layers)), layers)
        ax.set_ylim(len(layers) - 0.45, -0.55)
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x")
        add_legend(figure, list(shares))
    return figure


def _density_bars(ax, shares, layers) -> None:
    thickness = 0.8 / len(shares)
    for i, (name, by_layer) in enumerate(shares.items()):
        centres = np.arange(len(layers)) + (i - (len(shares) - 1) / 2) * thickness
        widths = [100 * by_layer.get(layer, 0) for layer in layers]
        ax.barh(centres, widths, 0.86 * thickness, color=looks(shares)[name]["color"], label=name)
    ax.set_xlim(0, 100)


def _density_markers(ax, shares, layers) -> None:
    positive = [share for by_layer in shares.values() for share in by_layer.values() if share > 0]
    zeros = len(positive) < len(shares) * len(layers)
    floor = 100 * 10 ** (np.floor(np.log10(min(positive, default=0.1))) - zeros)
    for name, by_layer in shares.items():
        at = [max(100 * by_layer.get(layer, 0), floor) for layer in layers]
        ax.plot(at, range(len(layers)), label=name, clip_on=False, zorder=3, **(looks(shares)[name] | {"linewidth": 1}))
    ax.set(xscale="log", xlim=(floor, 100))
    ax.xaxis.set_major_formatter(lambda at, _: "0" if zeros and at <= floor else f"{at:g}")
