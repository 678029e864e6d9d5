"""No line of code or of text output wider than the column: what is wider is cut off, and has to be scrolled.

python -m tools.widths     lower the numbers in tools/wide.txt to what the pages need today; it never raises one

`tools/wide.txt` says how many wide lines a page had when this lint came, and a page may have no more. It is there to be
emptied: a number that is higher than it need be is complained about like a line that is too wide.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.first_cell import ROOT

COLUMN = 76  # characters at 1280 px
ALLOWED = ROOT / "tools/wide.txt"
UNSEEN = {"remove-cell", "remove-input"}
RICHER = ("text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml")


def allowed() -> dict[str, int]:
    """Page -> how many wide lines it may still have."""
    lines = ALLOWED.read_text(encoding="utf-8").splitlines() if ALLOWED.exists() else []
    return {name: int(number) for number, name in (line.split() for line in lines)}


def texts(page) -> Iterator[tuple[str, str, str]]:
    """Place, kind and text of whatever a page shows in letters of one width."""
    for cell in page.code:
        tags = set(cell.metadata.get("tags", []))
        if not UNSEEN & tags:
            yield cell.id, "code", cell.source
        if not {"remove-cell", "remove-output"} & tags:
            yield from ((cell.id, "output", text) for text in map(plain, cell.outputs))
    for place, markdown in page.markdown:
        yield from ((place, "code", block) for block in re.findall(r"^```[^\n]*\n(.*?)^```", markdown, re.S | re.M))


def plain(output) -> str:
    """The letters of an output: empty where a picture or a table is shown in their place."""
    data = output.get("data", {})
    return output.get("text") or ("" if any(mime in data for mime in RICHER) else data.get("text/plain", ""))


def wide(page) -> list[tuple[str, str]]:
    """Place and complaint of each line that is wider than the column."""
    return [
        (place, f"a line of {kind} with {len(line)} characters; the column ends at {COLUMN}")
        for place, kind, text in texts(page)
        for line in text.splitlines()
        if len(line) > COLUMN
    ]


def within_the_column(page) -> Iterator[tuple[str, str]]:
    """The lint: wide lines that nothing allows, and an allowance that is not needed."""
    found, may = wide(page), allowed().get(named(page.path), 0)
    if len(found) > may:
        yield from found
    if len(found) < may:
        yield "page", f"tools/wide.txt allows {may} wide lines and there are {len(found)}: run `python -m tools.widths`"


def named(path: Path) -> str:
    return path.resolve().relative_to(ROOT).as_posix() if path.resolve().is_relative_to(ROOT) else path.name


def main() -> int:
    from tools.lints import Page

    there = {name: ROOT / name for name in allowed() if (ROOT / name).exists()}
    needed = {name: min(allowed()[name], len(wide(Page(path)))) for name, path in there.items()}
    ALLOWED.write_text("".join(f"{number:3d} {name}\n" for name, number in needed.items() if number), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
