"""Figures with a slider: one face that moves in static HTML, and a live twin that recomputes when there is a kernel."""

from snip_lib.interact.draw import draw_digit
from snip_lib.interact.frames import Frames
from snip_lib.interact.lines import Lines
from snip_lib.interact.live import SPARSITIES, Note, live, live_sparsity, progress
from snip_lib.interact.panels import Bars, Each, Panel, PixelMap, Text
from snip_lib.interact.profile import Profile, in_powers
from snip_lib.interact.sheet import Sheet
from snip_lib.interact.six import six_connections
from snip_lib.interact.slider import Choice, Slider, slider
from snip_lib.interact.sparsity import sparsity_figure
from snip_lib.interact.switch import switch

__all__ = [
    "SPARSITIES",
    "Bars",
    "Choice",
    "Each",
    "Frames",
    "Lines",
    "Note",
    "Panel",
    "PixelMap",
    "Profile",
    "Sheet",
    "Slider",
    "Text",
    "draw_digit",
    "in_powers",
    "live",
    "live_sparsity",
    "progress",
    "six_connections",
    "slider",
    "sparsity_figure",
    "switch",
]
