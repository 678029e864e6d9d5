"""One switch in the reader's hands: turned from 1 to 0, the loss goes its way and the tangent at 1 another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from snip_lib.figures import numbers
from snip_lib.interact.frames import Frames, plain
from snip_lib.interact.lines import scaled, short
from snip_lib.interact.panels import Text
from snip_lib.interact.slider import Choice, Slider, slider

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 312, 14, 150  # the axes, in units of a picture 330 wide and 172 high
_LOSS, _TANGENT, _GAP = "#0072b2", "#55616d", "#c04a00"
_ALT = (
    "A list chooses what is turned off, and a slider turns its switch c from 1 to 0. Two dots walk to the left, one on"
    " the loss and one on its tangent, and a line between them shows the gap."
)


def switch(curves: Mapping[str, tuple], *, unit: str = "", label: str = "Switch c", alt: str = _ALT) -> Slider:
    """Return a figure in which the reader turns the switch of one of `curves` from 1, where it starts, to 0.

    `curves` maps what is turned -> (c, change of the loss, slope at c = 1), as `figures.tangents` takes them: c
    (steps,) rises from 0 to 1 and is the same for all; the change (steps,) is L(c) - L(1), in units called `unit`, and
    the tangent there is slope · (c - 1), Equation 5. Raises ValueError where a curve does not end so.

    >>> figure = switch({"w": ([0, 0.5, 1], [-2, -1.5, 0], 4)}, unit="thousandths")
    >>> print(str(figure).splitlines()[-1].strip())
    At c = 1 the loss and its tangent are one: nothing is cut, nothing is promised.
    """
    walks = [_Walk.of(name, curve, unit) for name, curve in curves.items()]
    steps = walks[0].c
    if any(not np.array_equal(walk.c, steps) for walk in walks):
        raise ValueError("curves: the places c are to be the same for all")
    choice = Choice("Turn off", list(curves)) if len(walks) > 1 else None
    panels = [_Picture(walks), Text([walk.words(at) for walk in walks for at in range(len(steps))])]
    labels = [f"c = {plain(c)}" for c in steps]
    return slider(labels, panels, label=label, alt=alt, start=len(steps) - 1, choice=choice)


@dataclass(frozen=True)
class _Walk:
    """One curve: places c (steps,), the change of the loss there, and what the tangent says of it."""

    c: np.ndarray
    loss: np.ndarray
    tangent: np.ndarray
    unit: str

    @classmethod
    def of(cls, name: str, curve: tuple, unit: str) -> "_Walk":
        c, loss, slope = numbers(curve[0]), numbers(curve[1]), float(curve[2])
        ends = c.ndim == 1 and c.shape == loss.shape and len(c) > 1 and np.all(np.diff(c) > 0)
        if not ends or (c[0], c[-1]) != (0, 1) or abs(loss[-1]) > 1e-9 * max(abs(loss).max(), 1):
            raise ValueError(f"curves: {name!r} needs places c from 0 to 1 and a change that is 0 at c = 1")
        return cls(c, loss, slope * (c - 1), unit)

    @property
    def gap(self) -> np.ndarray:
        """How far the loss lies above its tangent."""
        return self.loss - self.tangent

    def words(self, at: int) -> str:
        """What has happened at a step, as a sentence."""
        if at == len(self.c) - 1:
            return "At c = 1 the loss and its tangent are one: nothing is cut, nothing is promised."
        loss, tangent = (self._moved(values[at]) for values in (self.loss, self.tangent))
        size = self._sized(abs(self.gap[at]))
        where = "above" if self.gap[at] > 0 else "below"
        return (
            f"At c = {plain(self.c[at])} the loss has {loss}; promised: {tangent}. It lies {size} {where} the tangent."
        )

    def _moved(self, change: float) -> str:
        return f"{'risen' if change > 0 else 'fallen'} by {self._sized(abs(change))}"

    def _sized(self, value: float) -> str:
        return f"{plain(float(f'{value:.3g}'))} {self.unit}".strip()


@dataclass(frozen=True)
class _Picture:
    """The loss, its tangent, a dot on each at c, and the gap between the two; the axes are a curve's own."""

    walks: Sequence[_Walk]

    def draw(self, frames: Frames) -> str:
        title = '<p class="title">Change of the loss, and what its tangent at c = 1 says</p>'
        svg = f'<svg viewBox="0 0 330 172" aria-hidden="true">{self._axes(frames)}{self._curves(frames)}</svg>'
        keys = "".join(self._key(frames, *key) for key in (("loss", _LOSS), ("tangent", _TANGENT), ("gap", _GAP)))
        return f'<div class="lines switch">{title}{svg}{keys}</div>'

    def words(self, step: int) -> str:
        steps = len(self.walks[0].c)
        walk, at = self.walks[step // steps], step % steps
        return ", ".join(f"{name} {plain(getattr(walk, name)[at])}" for name in ("loss", "tangent", "gap"))

    def _axes(self, frames: Frames) -> str:
        """Zero is drawn across; the least and the most are each curve's own."""
        ends = {
            "high": [f"{_limits(w)[1]:.2g}" for w in self.walks],
            "low": [f"{_limits(w)[0]:.2g}" for w in self.walks],
        }
        texts = [
            frames.element("text", f'x="{_LEFT - 6}" y="{y + 4}" text-anchor="end"', text=self._each(ends[end]))
            for end, y in (("high", _TOP), ("low", _BOTTOM))
        ]
        zero = self._each([short(_y(walk, np.zeros(1)))[0] for walk in self.walks])
        line = frames.element("line", f'class="at" x1="{_LEFT}" x2="{_RIGHT}"', y1=zero, y2=zero)
        names = "".join(
            f'<text x="{x}" y="{_BOTTOM + 16}" text-anchor="middle">{name}</text>'
            for x, name in ((_LEFT, "c = 0, cut"), (_RIGHT - 10, "c = 1"))
        )
        return f'{line}<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" stroke="currentColor"/>{"".join(texts)}{names}'

    def _curves(self, frames: Frames) -> str:
        x = [value for walk in self.walks for value in short(_x(walk))]
        loss, tangent = (
            [v for w in self.walks for v in short(_y(w, getattr(w, name)))] for name in ("loss", "tangent")
        )
        parts = [
            frames.element("polyline", f'stroke="{color}" stroke-dasharray="{dash}"', points=self._points(name))
            for name, color, dash in (("loss", _LOSS, "none"), ("tangent", _TANGENT, "7 4"))
        ]
        parts.append(frames.element("line", f'stroke="{_GAP}" stroke-width="3"', x1=x, x2=x, y1=loss, y2=tangent))
        parts += [
            frames.element("circle", f'r="5" fill="{color}"', cx=x, cy=y)
            for color, y in ((_TANGENT, tangent), (_LOSS, loss))
        ]
        return "".join(parts)

    def _points(self, name: str) -> list[str]:
        pairs = [zip(short(_x(walk)), short(_y(walk, getattr(walk, name))), strict=True) for walk in self.walks]
        return self._each([" ".join(f"{x},{y}" for x, y in pair) for pair in pairs])

    def _key(self, frames: Frames, name: str, color: str) -> str:
        now = frames.element("b", text=[plain(value) for walk in self.walks for value in getattr(walk, name)])
        dash = "7 4" if name == "tangent" else "none"
        look = f'stroke="{color}" stroke-dasharray="{dash}"'
        swatch = f'<svg viewBox="0 0 26 10" aria-hidden="true"><path d="M0 5H26" {look}/></svg>'
        return f'<p class="key">{swatch}<span>{escape(name)}</span>{now}<span>{escape(self.walks[0].unit)}</span></p>'

    def _each(self, values: Sequence[str]) -> list[str]:
        """One value a walk, repeated at each of its steps."""
        return [value for walk, value in zip(self.walks, values, strict=True) for _ in walk.c]


def _limits(walk: _Walk) -> tuple[float, float]:
    heights = np.concatenate([walk.loss, walk.tangent])
    return heights.min(), heights.max()


def _x(walk: _Walk) -> np.ndarray:
    return scaled(walk.c, 0, 1, _LEFT, _RIGHT)


def _y(walk: _Walk, heights: np.ndarray) -> np.ndarray:
    return scaled(heights, *_limits(walk), _BOTTOM, _TOP)
