"""No line of code or of text output wider than the column: what is wider is cut off, and has to be scrolled."""

import re
from collections.abc import Iterator

COLUMN = 76  # characters at 1280 px
UNSEEN = {"remove-cell", "remove-input"}
RICHER = ("text/html", "text/markdown", "text/latex", "image/png", "image/svg+xml")


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


def within_the_column(page) -> Iterator[tuple[str, str]]:
    """The lint: place and complaint of each line that is wider than the column."""
    for place, kind, text in texts(page):
        for line in text.splitlines():
            if len(line) > COLUMN:
                yield place, f"a line of {kind} with {len(line)} characters; the column ends at {COLUMN}"
