"""The frames of a figure with a slider: Python draws one of them and writes down how the others differ."""

import json
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from snip_lib.figures import numbers, percent

_VOID = {"img", "input"}  # HTML elements without content


class Frames:
    """Draws the elements of a figure as they are at step `start`, and remembers what they are at every other step."""

    def __init__(self, labels: Sequence[str], start: int):
        self.labels, self.start, self.first = labels, start, 0
        self.changes: list[dict[str, list[str] | int]] = []

    def element(self, tag: str, fixed: str = "", *, text: Sequence | None = None, **attributes: Sequence) -> str:
        """Return an element whose text and attributes have one value a step; `fixed` is HTML of attributes that stay.

        Everything but `fixed` is escaped. Underscores in names become hyphens: aria_valuetext.
        """
        if text is not None:
            attributes["text"] = text
        change = {name.replace("_", "-"): [str(value) for value in values] for name, values in attributes.items()}
        content = escape(change["text"][self.start]) if text is not None else ""
        return self._opened(tag, fixed, change) + ("" if tag in _VOID else f"{content}</{tag}>")

    def around(self, inside: str, **attributes: Sequence) -> str:
        """Return a <div> about this HTML, whose attributes have one value a step."""
        change = {name: [str(value) for value in values] for name, values in attributes.items()}
        return f"{self._opened('div', '', change)}{inside}</div>"

    def part(self, first: int, count: int) -> "Frames":
        """Return frames that are `count` steps of these, from `first` on: outside of them their elements stay."""
        own = Frames(self.labels[first : first + count], min(max(self.start - first, 0), count - 1))
        own.changes, own.first = self.changes, self.first + first
        return own

    def _opened(self, tag: str, fixed: str, change: dict[str, list[str]]) -> str:
        now = [f'{name}="{escape(values[self.start])}"' for name, values in change.items() if name != "text"]
        opening = " ".join(filter(None, [tag, f'data-part="{len(self.changes)}"', fixed, *now]))
        self.changes.append(change | ({"from": self.first} if self.first else {}))
        return f"<{opening}>"

    def data(self) -> str:
        """Return the changes as JSON that may stand inside a script element."""
        return in_script(self.changes)


def in_script(value: Any) -> str:
    """Return a value as JSON that may stand inside a script element.

    >>> in_script({"name": "</script>"})
    '{"name":"\\\\u003c/script>"}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def table(values: Any, title: str, *shape: int | None) -> np.ndarray:
    """Return numbers as an array of this shape, None for any length; ValueError, naming the panel, for another."""
    array = numbers(values)
    if array.ndim != len(shape) or any(want not in (None, have) for want, have in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if want is None else str(want) for want in shape)
        raise ValueError(f"the panel {title!r} needs numbers of shape ({wanted}), steps first, got {array.shape}")
    return array


def word(value: float, unit: str) -> str:
    """Return a number with its unit; for the unit "%" it is a share in [0, 1]."""
    return percent(value) if unit == "%" else f"{value:,.4g} {unit}".strip()


def plain(value: float) -> str:
    """Return a number in at most four digits, with a true minus sign and no minus zero."""
    return f"{value + 0.0:.4g}".replace("-", "−") if value else "0"
