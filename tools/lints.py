"""What every page must satisfy, checked without executing anything.

    python -m tools.lints [PAGE …]     the pages given, or the whole book; prints what is wrong; exits 1 if anything is

A lint is a generator function from a `Page` to complaints, each a pair of a place and a sentence.
"""

import ast
import re
import socket
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import nbformat

from tools import book, contents, first_cell, notebooks, prose
from tools.reading import honest_minutes
from tools.stamps import why_stale
from tools.widths import within_the_column

LONGEST_CELL = 25
TAGS = {
    "remove-cell",
    "hide-input",
    "remove-input",
    "hide-output",
    "remove-output",
    "hide-cell",
    "raises-exception",
    "nbval-check-output",
    "nbval-ignore-output",
    "nbval-skip",
}
DRAWS = {"rand", "randn", "randint", "randperm", "bernoulli", "multinomial", "normal", "rand_like", "randn_like"}
SHARED = r"(np|numpy)\.random\.(?!default_rng)|random\.|(torch\.)?manual_seed$|torch\.cuda\.manual_seed"
MACHINE = r"/(?:home|Users|root|tmp|mnt|private|opt|srv|var|usr)/\w|[A-Z]:\\\\Users"
Complaints = Iterator[tuple[str, str]]


class Page:
    """A notebook or a Markdown page, with what the lints ask of it."""

    def __init__(self, path: Path):
        self.path = path
        self.notebook = nbformat.read(path, as_version=4) if path.suffix == ".ipynb" else None
        self.cells = self.notebook.cells if self.notebook else []

    @cached_property
    def markdown(self) -> list[tuple[str, str]]:
        """Place and text of each piece of Markdown."""
        if self.notebook is None:
            return [("page", self.path.read_text(encoding="utf-8"))]
        return [(c.id, c.source) for c in self.cells if c.cell_type == "markdown"]

    @cached_property
    def code(self) -> list:
        return [c for c in self.cells if c.cell_type == "code"]


def own_first_cell(page: Page) -> Complaints:
    cell = page.cells[0]
    if cell.source != first_cell.source() or cell.metadata.get("tags") != first_cell.TAGS:
        yield cell.id, "the first cell is not the book's: run `python -m tools.notebooks run` on this page"


def one_title(page: Page) -> Complaints:
    titles = re.findall(r"^# .+", re.sub(r"```.*?```", "", "\n\n".join(t for _, t in page.markdown), flags=re.S), re.M)
    if len(titles) != 1 or not page.markdown[0][1].lstrip().startswith(("# ", "(")):
        yield page.markdown[0][0], f"a page begins with its one title; found {titles or 'none'}"


def cell_length(page: Page) -> Complaints:
    for cell in page.code:
        if (lines := len(cell.source.splitlines())) > LONGEST_CELL:
            yield cell.id, f"{lines} lines; longer code lives in snip_lib (at most {LONGEST_CELL})"


def known_tags(page: Page) -> Complaints:
    for cell in page.cells:
        if unknown := set(cell.metadata.get("tags", [])) - TAGS:
            yield cell.id, f"unknown tag {', '.join(sorted(unknown))}"


def described_pictures(page: Page) -> Complaints:
    for cell in page.code:
        for data in (output.get("data", {}) for output in cell.outputs):
            if any(m.startswith("image/") for m in data) and not described(cell):
                yield cell.id, "a picture without alt text (cell metadata: mystnb.image.alt)"
            yield from ((cell.id, complaint) for complaint in undescribed_html(data.get("text/html", "")))


def described(cell) -> bool:
    return len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) >= 10


def undescribed_html(html: str) -> Iterator[str]:
    """Elements of an HTML output that a screen reader could not name."""
    html = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    for tag in re.findall(r"<(?:img|svg|canvas)\b[^>]*>", html):
        if not re.search(r'\balt="|aria-label(ledby)?="\S|aria-hidden="true"', tag):
            yield f"an element without a description: {tag[:60]}"


def no_widgets(page: Page) -> Complaints:
    if "widgets" in page.notebook.metadata:
        yield "metadata", "stored widget state"
    for cell in page.code:
        if any("widget" in mime for output in cell.outputs for mime in output.get("data", {})):
            yield cell.id, "a stored widget is dead without a kernel"


def executed(page: Page) -> Complaints:
    if reason := why_stale(page.path):
        yield "notebook", f"stale ({reason}): run `python -m tools.notebooks run`"
    counts = [c.execution_count for c in page.code if c.source.strip()]
    if counts != list(range(1, len(counts) + 1)):
        yield "notebook", "its cells were not executed in one go from top to bottom"
    for cell in page.code:
        for output in cell.outputs:
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                yield cell.id, "a stored error"
            if output.get("name") == "stderr":
                yield cell.id, "a stored warning"


def compared_outputs(page: Page) -> Complaints:
    tagged = [c for c in page.code if "nbval-check-output" in c.metadata.get("tags", [])]
    good = [c for c in tagged if any("text" in o or set(o.get("data", {})) == {"text/plain"} for o in c.outputs)]
    if len(good) < 2:
        yield "notebook", f"{len(good)} cells tagged nbval-check-output have text to compare; at least 2 are needed"


def seeded(page: Page) -> Complaints:
    """Draws that no generator and no seed decides, and seeds that everybody shares."""
    for cell in page.code:
        for call in (n for n in ast.walk(parsed(cell.source)) if isinstance(n, ast.Call)):
            name = ast.unparse(call.func)
            with_generator = any(k.arg == "generator" for k in call.keywords)
            if name.startswith("torch.") and name.split(".")[-1] in DRAWS and not with_generator:
                yield cell.id, f"{name} without a generator"
            if re.match(SHARED, name):
                yield cell.id, f"{name} uses the random state that everybody shares"
            if name.endswith("random.default_rng") and not call.args:
                yield cell.id, f"{name} without a seed"


def parsed(source: str) -> ast.AST:
    """The cell's syntax tree; lines for IPython alone (%time, !ls) are left out."""
    return ast.parse("\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!"))))


def portable_outputs(page: Page) -> Complaints:
    host = socket.gethostname()
    for cell in page.code:
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") + "".join(data.get(m, "") for m in ("text/plain", "text/html"))
            found = re.search(MACHINE, text) or re.search(rf"\b{re.escape(host)}\b" if len(host) > 5 else "(?!)", text)
            if found:
                yield cell.id, f"an output names the machine that made it: {found[0]}"


def steady_outputs(page: Page) -> Complaints:
    """Tables of pandas' Styler get an identifier by chance, so that each execution would change the file."""
    for cell in page.code:
        html = "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)
        if re.search(r'id="T_[0-9a-f]{5}"', html):
            yield cell.id, "a styled table with a random identifier: give it one with set_uuid"


def good_prose(page: Page) -> Complaints:
    keys = set(
        re.findall(
            r"^@\w+\{([^,\s]+),", (first_cell.ROOT / "book/references.bib").read_text(encoding="utf-8"), re.MULTILINE
        )
    )
    checks = [prose.unbacked, prose.phrases, prose.spelling, prose.pictures, *[prose.plain] * bool(page.notebook)]
    for place, text in page.markdown:
        yield from ((place, complaint) for check in checks for complaint in check(text))
        yield from ((place, complaint) for complaint in prose.citations(text, keys))


EVERY_PAGE = (one_title, good_prose)
NOTEBOOKS = (
    own_first_cell,
    cell_length,
    known_tags,
    described_pictures,
    no_widgets,
    executed,
    compared_outputs,
    seeded,
    portable_outputs,
    steady_outputs,
    within_the_column,
    honest_minutes,
)


def lint(path: Path) -> list[str]:
    """Every complaint about one page, as lines."""
    page = Page(path)
    lints = EVERY_PAGE + (NOTEBOOKS if page.notebook else ())
    return [f"{notebooks.shown(path)}: {place}: {complaint}" for check in lints for place, complaint in check(page)]


def written() -> list[Path]:
    """Every page there is in book/, listed in the table of contents or not."""
    files = sorted((first_cell.ROOT / "book").rglob("*"))
    return [p for p in files if p.suffix in (".ipynb", ".md") and ".ipynb_checkpoints" not in p.parts]


def table_of_contents() -> list[str]:
    """Complaints about pages that are listed and missing, or there and not listed."""
    try:
        listed = book.pages()
    except book.BookError as error:
        return [str(error)]
    complaints = [f"_toc.yml: {notebooks.shown(path)} is not listed" for path in written() if path not in listed]
    if contents.wanted() != contents.written():
        complaints.append("the first page lists other pages than _toc.yml: run `python -m tools.contents`")
    return complaints


def main(arguments: list[str]) -> int:
    complaints = [line for path in arguments or written() for line in lint(Path(path).resolve())]
    complaints += [] if arguments else table_of_contents()
    print("\n".join(complaints) or "nothing to complain about")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
