"""What a slider can move: a map of pixels, bars, a sentence. Each draws its frames, and says in words what it shows."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import numpy as np

from snip_lib.figures import RAMP, numbers, percent
from snip_lib.interact.frames import Frames, table, word


class Panel(Protocol):
    """One part of a figure with a slider."""

    def draw(self, frames: Frames) -> str:
        """Return the panel's HTML at the first step, every changing element made by `frames.element`."""

    def words(self, step: int) -> str:
        """Return what the panel shows at a step, in a line of plain text."""


@dataclass(frozen=True)
class PixelMap:
    """Pictures of shares in [0, 1], `values` (steps, height, width), from white for 0 to dark blue.

    Dark blue is the picture's own largest share, or `most` at every step; with `root` shades go with that root of a
    share, and the scale has marks. `key` says what is shared; `alt` describes the picture to those who do not see it.
    """

    values: Any
    title: str
    key: str = ""
    alt: str = ""
    most: float | None = None
    root: float = 1

    def draw(self, frames: Frames) -> str:
        values = table(self.values, self.title, len(frames.labels), None, None)
        tops = [self.most or value.max() for value in values]
        sources = [
            _png(_levels((value / (top or 1)) ** (1 / self.root))) for value, top in zip(values, tops, strict=True)
        ]
        # the theme dims pictures in dark mode, but for this class: the scale below would no longer fit
        picture = frames.element("img", f'class="dark-light" alt="{escape(self.alt or self.title)}"', src=sources)
        return (
            f'<div class="pixels"><p class="title">{escape(self.title)}</p>{picture}'
            f'<p class="scale">{self._scale(frames, tops)}</p><p class="key">{escape(self.key)}</p></div>'
        )

    def _scale(self, frames: Frames, tops: Sequence[float]) -> str:
        ramp = ", ".join(f"rgb({r},{g},{b})" for r, g, b in RAMP[::51])
        scale = f'<span>{percent(0)}</span><i style="background: linear-gradient(to right, {ramp})">'
        if self.most and self.root != 1:
            shares = (0.01 * self.most, 0.1 * self.most)
            scale += "".join(
                f'<b style="left: {100 * (s / self.most) ** (1 / self.root):.1f}%">{percent(s)}</b>' for s in shares
            )
        return f"{scale}</i>" + frames.element("span", text=[percent(top) for top in tops])

    def words(self, step: int) -> str:
        value = table(self.values, self.title, None, None, None)[step]
        return f"{self.title}: {percent(value.min())} to {percent(value.max())}, {percent(value.mean())} on average"


def _levels(shade: np.ndarray) -> np.ndarray:
    """Return shades in [0, 1] as rows of RAMP: 0 is nothing, 255 is dark blue."""
    return np.clip(255 * shade, 0, 255).round().astype(np.uint8)


def _png(levels: np.ndarray) -> str:
    """Return rows of RAMP (height, width) as the address of an image that needs no file."""
    from PIL import Image

    image = Image.frombytes("P", levels.shape[::-1], levels.tobytes())
    image.putpalette(RAMP.tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@dataclass(frozen=True)
class Bars:
    """One bar a name, `values` (steps, names): shares in [0, 1] for the unit "%", else numbers from 0 on.

    `mark` (steps,) is a line across every bar, `mark_label` its meaning.
    """

    names: Sequence[str]
    values: Any
    title: str
    unit: str = "%"
    mark: Any = None
    mark_label: str = ""

    def draw(self, frames: Frames) -> str:
        values = table(self.values, self.title, len(frames.labels), len(self.names))
        bars = "".join(self._bar(frames, name, column) for name, column in zip(self.names, values.T, strict=True))
        left, right = (escape(word(value, self.unit)) for value in (0, self._full()))
        ends = f'<p class="ends"><span>{left}</span><span>{right}</span></p>'
        return f'<div class="bars"><p class="title">{escape(self.title)}</p>{bars}{ends}{self._key(frames)}</div>'

    def words(self, step: int) -> str:
        pairs = zip(self.names, numbers(self.values)[step], strict=True)
        return f"{self.title}: " + ", ".join(f"{name} {word(value, self.unit)}" for name, value in pairs)

    def _bar(self, frames: Frames, name: str, values: np.ndarray) -> str:
        value = frames.element("b", text=[word(value, self.unit) for value in values])
        bar = frames.element("rect", 'height="14"', width=[self._length(value) for value in values])
        if self.mark is not None:
            places = [self._length(value) for value in numbers(self.mark)]
            bar += frames.element("line", 'y1="0" y2="14"', x1=places, x2=places)
        svg = f'<svg height="14" aria-hidden="true">{bar}</svg>'
        return f'<div class="bar"><span>{escape(name)}</span>{value}{svg}</div>'

    def _key(self, frames: Frames) -> str:
        if self.mark is None:
            return ""
        mark = table(self.mark, self.title, len(frames.labels))
        now = frames.element("span", text=[word(value, self.unit) for value in mark])
        return f'<p class="key"><b aria-hidden="true">|</b> {escape(self.mark_label)}: {now}</p>'

    def _full(self) -> float:
        return 1.0 if self.unit == "%" else float(numbers(self.values).max()) or 1.0

    def _length(self, value: float) -> str:
        return f"{100 * min(max(value / self._full(), 0), 1):.2f}%"


@dataclass(frozen=True)
class Text:
    """A sentence, one a step; a screen reader reads it out when the slider has moved."""

    lines: Sequence[str]

    def draw(self, frames: Frames) -> str:
        if len(self.lines) != len(frames.labels):
            raise ValueError(f"{len(self.lines)} sentences for {len(frames.labels)} steps")
        return frames.element("p", 'class="words" aria-live="polite"', text=self.lines)

    def words(self, step: int) -> str:
        return str(self.lines[step])


@dataclass(frozen=True)
class Each:
    """One panel for each name of the first of a slider's lists, of which only the chosen one is seen.

    A panel has `steps` steps: the slider's, once for each name of the lists after the first.
    """

    panels: Sequence[Panel]
    steps: int

    def draw(self, frames: Frames) -> str:
        if len(frames.labels) != self.steps * len(self.panels):
            raise ValueError(f"{len(self.panels)} panels of {self.steps} steps for {len(frames.labels)} in all")
        drawn = ""
        for i, panel in enumerate(self.panels):
            seen = ["" if at // self.steps == i else "display: none" for at in range(len(frames.labels))]
            inside = panel.draw(frames.part(i * self.steps, self.steps))
            drawn += frames.around(inside, style=seen)
        return drawn

    def words(self, step: int) -> str:
        return self.panels[step // self.steps].words(step % self.steps)
