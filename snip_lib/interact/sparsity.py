"""The hero: what a network keeps as it is pruned more and more."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from snip_lib.figures import percent, pixel_shares
from snip_lib.interact.panels import Bars, PixelMap, Text
from snip_lib.interact.slider import Slider, slider

_ALT = (
    "A slider prunes a network from {first} to {last}. A picture shows which pixels the first layer still looks at,"
    " and bars show the share of connections each layer keeps."
)
_PICTURE = (
    "{} by {} pixels, the darker the more of a pixel's connections the first layer keeps, white where it keeps none."
)


def sparsity_figure(
    masks: Mapping[float, Mapping[str, Tensor]],
    *,
    start: float = 0.9,
    shape: tuple[int, int] = (28, 28),
    label: str = "Connections pruned",
    alt: str = "",
    caption: str = "",
) -> Slider:
    """Return a slider over sparsities: the first layer's mask as a picture (Figure 2 of the paper), a bar a layer.

    `masks` maps sparsity in [0, 1] -> parameter name -> booleans of the parameter's shape, in the network's order; the
    first weight must be a matrix with one column for each pixel of `shape`. Biases are counted, and have no bar.
    Raises ValueError when `start` is none of the sparsities or the first layer does not fit the picture.
    """
    if start not in masks:
        raise ValueError(f"start={start} is none of the sparsities {list(masks)}")
    steps = list(masks.values())
    weights = [name for name, mask in steps[0].items() if mask.ndim >= 2]
    first = weights[0]
    maps = np.stack([pixel_shares(step[first], shape) for step in steps])
    kept = np.array([sum(int(mask.sum()) for mask in step.values()) for step in steps])
    total = sum(mask.numel() for mask in steps[0].values())
    shares = [[float(step[name].float().mean()) for name in weights] for step in steps]
    bars = Bars(
        [_layer(name, steps[0][name]) for name in weights],
        shares,
        "Share kept of each layer",
        mark=kept / total,
        mark_label="share kept of the whole network",
    )
    labels = [percent(sparsity, 6) for sparsity in masks]
    key = f"kept of each pixel's {len(steps[0][first])} connections, on one scale at every step"
    picture = PixelMap(maps, "What the first layer still sees", key, alt=_PICTURE.format(*shape), most=1, root=3)
    words = Text([_sentence(k, total, pixels) for k, pixels in zip(kept, maps, strict=True)])
    alt = alt or _ALT.format(first=labels[0], last=labels[-1])
    return slider(labels, [picture, bars, words], label=label, alt=alt, caption=caption, start=list(masks).index(start))


def _layer(name: str, mask: Tensor) -> str:
    return f"{name.removesuffix('.weight')}, {' × '.join(map(str, reversed(mask.shape)))}"


def _sentence(kept: int, total: int, pixels: np.ndarray) -> str:
    seen = int((pixels > 0).sum())
    return f"{kept:,} of {total:,} connections are left; {seen} of the {pixels.size} pixels keep at least one."
