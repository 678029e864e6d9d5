"""The minutes in a page's first line: its words at 200 a minute, and a minute for each code cell.

python -m tools.reading [PAGE …]     write the number into the byline of the pages given, or of every one that is off
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

from tools import notebooks

WORDS_A_MINUTE, MINUTES_A_CELL, TOLERANCE = 200, 1, 0.2
BYLINE = r"^\*(\d+) minutes?\b"


def minutes(cells: list) -> float:
    """How long a page takes, from its text and its code cells; cells that the book removes are not read."""
    words = sum(len(cell.source.split()) for cell in cells if cell.cell_type == "markdown")
    code = [c for c in cells if c.cell_type == "code" and "remove-cell" not in c.metadata.get("tags", [])]
    return words / WORDS_A_MINUTE + MINUTES_A_CELL * len(code)


def stated(cells: list) -> int | None:
    """The minutes that the byline promises, None where there is no byline."""
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    found = re.search(BYLINE, text, re.MULTILINE)
    return int(found[1]) if found else None


def off(cells: list) -> bool:
    told = stated(cells)
    return told is None or abs(told - minutes(cells)) > TOLERANCE * minutes(cells)


def honest_minutes(page) -> Iterator[tuple[str, str]]:
    """The lint: a byline that is missing, or more than a fifth away from what the page takes."""
    if off(page.cells):
        told = stated(page.cells)
        says = "no line with its minutes" if told is None else f"“{told} minutes”"
        yield "byline", f"{says}, and it takes {minutes(page.cells):.0f}: run `python -m tools.reading` on this page"


def mend(path: Path) -> None:
    """Write the minutes into a byline that is off; nothing else of the page changes."""
    notebook = nbformat.read(path, as_version=4)
    if not off(notebook.cells):
        return None
    for cell in (c for c in notebook.cells if c.cell_type == "markdown"):
        new = f"*{minutes(notebook.cells):.0f} minutes"
        cell.source, times = re.subn(BYLINE, new, cell.source, count=1, flags=re.MULTILINE)
        if times:
            return notebooks.write(notebook, path)
    raise SystemExit(
        f"{notebooks.shown(path)} has no byline: begin it with a line “*… minutes · needs … · the cells: …*”"
    )


if __name__ == "__main__":
    for name in sys.argv[1:] or notebooks.find():
        mend(Path(name).resolve())
