"""Write the first page's table of parts from `_toc.yml`, so that it lists the pages that there are and no others.

python -m tools.contents     writes the table into book/index.ipynb; nothing has to be executed again
"""

import re
import sys
from pathlib import Path

import nbformat
import yaml

from tools import book, notebooks
from tools.first_cell import ROOT

INDEX, CELL = ROOT / "book/index.ipynb", "table-of-parts"
NUMBERS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")
UNNUMBERED = ("Front", "Reference")


def title(path: Path) -> str:
    """The first heading of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join(c.source for c in nbformat.reads(text, as_version=4).cells if c.cell_type == "markdown")
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1].strip()


def table(contents: dict, titles: dict[str, str]) -> str:
    """Markdown of the table: a row for each part of `_toc.yml`, with links to its pages in their order."""
    rows, numbers = ["| part | pages |", "|---|---|"], iter(NUMBERS)
    for part in contents["parts"]:
        caption = part.get("caption", UNNUMBERED[0])
        name = caption if caption in UNNUMBERED else f"{next(numbers)}. {caption}"
        links = (f"[{titles[page]}]({target(page)})" for page in book.listed(part["chapters"]))
        rows.append(f"| {name} | {' · '.join(links)} |")
    return "\n".join(rows)


def target(name: str) -> str:
    """The link from the first page to the page that `_toc.yml` calls `name`."""
    path = next(p for p in map((ROOT / name).with_suffix, (".ipynb", ".md")) if p.exists())
    return path.relative_to(INDEX.parent).as_posix()


def wanted() -> str:
    """The table as it should stand on the first page today."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    names = list(book.listed(contents["parts"]))
    return table(contents, {name: title(INDEX.parent / target(name)) for name in names})


def written() -> str:
    """The table that stands there."""
    return _cell(nbformat.read(INDEX, as_version=4)).source


def _cell(notebook):
    return next(cell for cell in notebook.cells if cell.id == CELL)


def main() -> int:
    notebook = nbformat.read(INDEX, as_version=4)
    _cell(notebook).source = wanted()
    notebooks.write(notebook, INDEX)
    return 0


if __name__ == "__main__":
    sys.exit(main())
