"""A table whose lines a list or a slider exchanges."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from snip_lib.interact.frames import Frames

Lines = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Sheet:
    """A table of text: `sheets` has one for each step, each a list of lines with a cell for each of `heads`.

    The steps may have different numbers of lines; what a step lacks is hidden. `heads` is one list for all steps.
    """

    heads: Sequence[str]
    sheets: Sequence[Lines]
    title: str

    def draw(self, frames: Frames) -> str:
        self._check(len(frames.labels))
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in self.heads)
        longest = max(map(len, self.sheets))
        body = "".join(self._line(frames, place) for place in range(longest))
        title = f'<p class="title">{escape(self.title)}</p>'
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        group = f'class="numbers sheet" tabindex="0" role="group" aria-label="{escape(self.title)}"'
        return f"<div {group}>{title}{table}</div>"

    def words(self, step: int) -> str:
        lines = [", ".join(filter(None, line)) for line in self.sheets[step]]
        return "\n  ".join([f"{self.title}: {', '.join(self.heads)}", *lines])

    def _check(self, steps: int) -> None:
        if len(self.sheets) != steps:
            raise ValueError(f"the sheet {self.title!r} has {len(self.sheets)} tables for {steps} steps")
        if any(len(line) != len(self.heads) for sheet in self.sheets for line in sheet):
            raise ValueError(f"the sheet {self.title!r}: every line needs {len(self.heads)} cells, one a head")

    def _line(self, frames: Frames, place: int) -> str:
        there = [place < len(sheet) for sheet in self.sheets]
        row = frames.element("tr", style=["" if one else "display: none" for one in there])
        cells = "".join(self._cell(frames, place, column) for column in range(len(self.heads)))
        return row.removesuffix("</tr>") + cells + "</tr>"

    def _cell(self, frames: Frames, place: int, column: int) -> str:
        text = [sheet[place][column] if place < len(sheet) else "" for sheet in self.sheets]
        return frames.element("td" if column else "th", "" if column else 'scope="row"', text=text)
