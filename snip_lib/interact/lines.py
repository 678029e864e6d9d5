"""Lines over the steps of a slider, with a marker where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from snip_lib.figures import looks, numbers
from snip_lib.interact.frames import Frames, table, word

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 290, 14, 140  # the axes, in units of a picture 300 wide and 160 high
_DASHES = {"-": "", "--": "7 4", ":": "2 3", "-.": "7 3 2 3"}


@dataclass(frozen=True)
class Lines:
    """Lines over the steps: `series` name -> (steps,) numbers, shares in [0, 1] for the unit "%".

    `x` (steps,) are the places of the steps, evenly spaced without it; with `log` heights count powers of ten.
    """

    series: Mapping[str, Any]
    title: str
    unit: str = "%"
    x: Any = None
    log: bool = False

    def draw(self, frames: Frames) -> str:
        steps = len(frames.labels)
        x = table(range(steps) if self.x is None else self.x, self.title, steps)
        across = scaled(x, x.min(), x.max(), _LEFT, _RIGHT)
        low, high = self._limits()
        parts = [frames.element("line", f'class="at" y1="{_TOP}" y2="{_BOTTOM}"', x1=short(across), x2=short(across))]
        keys = []
        for name, values in self.series.items():
            values = table(values, self.title, steps)
            heights = scaled(self._height(values), self._height(low), self._height(high), _BOTTOM, _TOP)
            parts.append(_line(frames, looks(self.series)[name], across, heights))
            keys.append(self._key(frames, name, looks(self.series)[name], values))
        svg = f'<svg viewBox="0 0 300 160" aria-hidden="true">{self._axes(frames, low, high)}{"".join(parts)}</svg>'
        return f'<div class="lines"><p class="title">{escape(self.title)}</p>{svg}{"".join(keys)}</div>'

    def words(self, step: int) -> str:
        return f"{self.title}: " + ", ".join(
            f"{name} {word(numbers(values)[step], self.unit)}" for name, values in self.series.items()
        )

    def _limits(self) -> tuple[float, float]:
        every = np.concatenate([numbers(values) for values in self.series.values()])
        if self.log and every.min() <= 0:
            raise ValueError(f"the panel {self.title!r} has a logarithmic axis, which needs numbers above 0")
        return (every.min() if self.log else min(every.min(), 0.0)), every.max()

    def _height(self, values):
        return np.log10(values) if self.log else values

    def _axes(self, frames: Frames, low: float, high: float) -> str:
        """The axes run from the least to the most, the only numbers on them: the slider reads the others."""
        return (
            f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" stroke="currentColor"/>'
            f'<text x="{_LEFT - 6}" y="{_TOP + 4}" text-anchor="end">{escape(word(high, self.unit))}</text>'
            f'<text x="{_LEFT - 6}" y="{_BOTTOM + 4}" text-anchor="end">{escape(word(low, self.unit))}</text>'
            f'<text x="{_LEFT}" y="{_BOTTOM + 16}">{escape(frames.labels[0])}</text>'
            f'<text x="{_RIGHT}" y="{_BOTTOM + 16}" text-anchor="end">{escape(frames.labels[-1])}</text>'
        )

    def _key(self, frames: Frames, name: str, a_look: Mapping[str, Any], values: np.ndarray) -> str:
        now = frames.element("b", text=[word(value, self.unit) for value in values])
        swatch = f'<svg viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26" {_stroke(a_look)}/></svg>'
        return f'<p class="key">{swatch}<span>{escape(name)}</span>{now}</p>'


def _line(frames: Frames, a_look: Mapping[str, Any], across: np.ndarray, heights: np.ndarray) -> str:
    points = " ".join(f"{x},{y}" for x, y in zip(short(across), short(heights), strict=True))
    marker = frames.element("circle", f'r="5" fill="{a_look["color"]}"', cx=short(across), cy=short(heights))
    return f'<polyline points="{points}" {_stroke(a_look)}/>{marker}'


def _stroke(a_look: Mapping[str, Any]) -> str:
    style = a_look["linestyle"]
    dash = _DASHES[style] if style in _DASHES else " ".join(str(2 * length) for length in style[1])
    return f'stroke="{a_look["color"]}" stroke-dasharray="{dash or "none"}"'


def scaled(values: np.ndarray, low: float, high: float, first: float, last: float) -> np.ndarray:
    """Return values moved so that `low` falls on `first` and `high` on `last`."""
    return first + (last - first) * (values - low) / ((high - low) or 1)


def short(values: np.ndarray) -> list[str]:
    return [f"{value:.1f}" for value in values]
