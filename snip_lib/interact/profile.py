"""A profile over the layers of a network that the slider redraws: one line a quantity, in powers of ten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from snip_lib.figures import looks, numbers
from snip_lib.interact.frames import Frames
from snip_lib.interact.lines import scaled, short, stroke

_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 290, 14, 190  # the axes, in units of a picture 300 wide and 210 high
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Profile:
    """Lines over the layers, first at the left: `series` name -> (steps) of (layers,) numbers above 0.

    The number of layers may differ from step to step; `ends` is what stands at the left and at the right, where the
    numbers are of something else than layers. The axis has powers of ten from `low` to `high`; what lies
    outside runs along its edge, and the number below the picture still tells it.
    """

    series: Mapping[str, Sequence[Any]]
    title: str
    low: int
    high: int
    ends: tuple[str, str] = ("first layer", "last layer")

    def draw(self, frames: Frames) -> str:
        parts = [self._tick(power) for power in self._powers()]
        keys = []
        for name, steps in self.series.items():
            lines = [self._positive(values) for values in steps]
            if len(lines) != len(frames.labels):
                raise ValueError(f"the panel {self.title!r} has {len(lines)} profiles for {len(frames.labels)} steps")
            a_look = looks(self.series)[name]
            parts.append(frames.element("polyline", stroke(a_look), points=[self._points(line) for line in lines]))
            keys.append(_key(frames, name, a_look, lines))
        axes = f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" stroke="currentColor"/>'
        left, right = map(escape, self.ends)
        axes += f'<text x="{_LEFT}" y="{_BOTTOM + 16}">{left}</text>'
        axes += f'<text x="{_RIGHT}" y="{_BOTTOM + 16}" text-anchor="end">{right}</text>'
        svg = f'<svg viewBox="0 0 300 210" aria-hidden="true">{axes}{"".join(parts)}</svg>'
        return f'<div class="lines"><p class="title">{escape(self.title)}</p>{svg}{"".join(keys)}</div>'

    def words(self, step: int) -> str:
        ends = {name: self._positive(steps[step]) for name, steps in self.series.items()}
        return f"{self.title}: " + ", ".join(f"{name} {_ends(line)}" for name, line in ends.items())

    def _positive(self, values: Any) -> np.ndarray:
        line = numbers(values)
        if line.ndim != 1 or len(line) < 2 or line.min() <= 0:
            raise ValueError(f"the panel {self.title!r} needs at least two numbers a profile, all above 0")
        return line

    def _powers(self) -> list[int]:
        return list(range(self.low, self.high + 1, max(1, round((self.high - self.low) / 6))))

    def _tick(self, power: int) -> str:
        height = scaled(np.array([power]), self.low, self.high, _BOTTOM, _TOP)[0]
        word = escape("1" if power == 0 else f"10{str(power).translate(_RAISED)}")
        line = f'<path d="M{_LEFT} {height:.1f}H{_RIGHT}" stroke="#d5dce3"/>'
        return f'{line}<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{word}</text>'

    def _points(self, line: np.ndarray) -> str:
        heights = scaled(np.log10(line).clip(self.low, self.high), self.low, self.high, _BOTTOM, _TOP)
        across = np.linspace(_LEFT, _RIGHT, len(line))
        return " ".join(f"{x},{y}" for x, y in zip(short(across), short(heights), strict=True))


def _key(frames: Frames, name: str, a_look: Mapping[str, Any], lines: Sequence[np.ndarray]) -> str:
    swatch = f'<svg viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26" {stroke(a_look)}/></svg>'
    now = frames.element("b", text=[_ends(line) for line in lines])
    return f'<p class="key">{swatch}<span>{escape(name)}</span>{now}</p>'


def _ends(line: np.ndarray) -> str:
    """The first layer's number and the last's, each to two digits."""
    return f"{in_powers(line[0])} to {in_powers(line[-1])}"


def in_powers(value: float) -> str:
    """A number to two digits, small and large ones as a power of ten.

    >>> in_powers(0.25), in_powers(3.2e-9)
    ('0.25', '3.2·10⁻⁹')
    """
    if 0.01 <= value < 1000:
        return f"{value:.2g}" if value < 100 else f"{value:.0f}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(power)).translate(_RAISED)}"
