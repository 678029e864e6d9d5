"""How matplotlib draws the book's figures: ink, paper and letters."""

from contextlib import AbstractContextManager
from typing import Any

INK, SOFT, LINE, PAPER = "#1c2733", "#55616d", "#d5dce3", "#ffffff"

SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same on every machine
    "font.size": 14,  # 7 inches fill the book's column, and are still read on a phone of 375 px
    "axes.titlesize": 14,
    "axes.labelsize": 14,
    "xtick.labelsize": 14,
    "ytick.labelsize": 14,
    "legend.fontsize": 14,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "snip",  # the same figure is the same file
}


def style() -> AbstractContextManager[None]:
    """Return a context in which matplotlib draws in the book's style; the reader's own settings come back after it."""
    return matplotlib().rc_context(SETTINGS)


def matplotlib():
    """The module; ModuleNotFoundError, with what to install, where it is not there."""
    try:
        import matplotlib
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("figures are drawn with matplotlib: pip install matplotlib") from missing
    return matplotlib
