"""The book's figures: one light style, one colour and marker a method. matplotlib is imported when one is drawn."""

from snip_lib.figures.base import COLOURS, LOOKS, RAMP, look, looks, numbers, percent, pixel_shares
from snip_lib.figures.curves import error_curve
from snip_lib.figures.gaps import gaps, losses
from snip_lib.figures.layers import layer_density, mask_grid
from snip_lib.figures.network import network_graph
from snip_lib.figures.profile import layer_profile
from snip_lib.figures.scores import histogram, scatter
from snip_lib.figures.settings import style
from snip_lib.figures.sizes import network_sizes
from snip_lib.figures.tangents import tangents

__all__ = [
    "COLOURS",
    "LOOKS",
    "RAMP",
    "error_curve",
    "gaps",
    "histogram",
    "layer_density",
    "layer_profile",
    "look",
    "looks",
    "losses",
    "mask_grid",
    "network_graph",
    "network_sizes",
    "numbers",
    "percent",
    "pixel_shares",
    "scatter",
    "style",
    "tangents",
]
