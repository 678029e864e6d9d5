"""Build the book's pages, with every warning an error.

python -m tools.book                     build into _build/html from the outputs that are committed
python -m tools.book --execute           execute first the notebooks whose code or data changed, and name those of which
                                         the library alone did
python -m tools.book --out DIR           build into DIR/_build/html
"""

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import yaml

from tools import notebooks
from tools.first_cell import ROOT
from tools.stamps import LIBRARY, why_out_of_date


class BookError(Exception):
    """Why there is no book."""


def pages() -> list[Path]:
    """The source file of every page in `_toc.yml`, in order; raises BookError when one is missing."""
    names = list(listed(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))))
    found = [next((p for p in map((ROOT / name).with_suffix, (".ipynb", ".md")) if p.exists()), None) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        raise BookError(f"_toc.yml lists pages that do not exist: {', '.join(missing)}")
    return found


def listed(entry):
    """Walk the names in `_toc.yml` in reading order."""
    if isinstance(entry, list):
        for item in entry:
            yield from listed(item)
    elif isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from listed(value)


def require_outputs(paths: list[Path]) -> None:
    """Raise BookError for a notebook that shows nothing, because it was never executed."""
    for path in (p for p in paths if p.suffix == ".ipynb"):
        notebook = nbformat.read(path, as_version=4)
        if not any(cell.get("outputs") for cell in notebook.cells):
            raise BookError(f"{notebooks.shown(path)} has no outputs: run `make notebooks`")


def build(out: Path) -> Path:
    """Build all pages from scratch into `out`; gives the path of the first; raises BookError with Sphinx's warnings."""
    if not importlib.metadata.version("jupyter-book").startswith("1."):
        raise BookError("jupyter-book 2 cannot read _config.yml: run `make clean`, then `make book`")
    require_outputs(pages())
    shutil.rmtree(out / "_build", ignore_errors=True)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ROOT, "--path-output", out, "-W", "-n", "--keep-going"]
    environment = {
        **os.environ,
        "PYTHONWARNINGS": "ignore",
        "PYTHONPATH": str(ROOT),
    }  # the docstrings are this library's
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    index = out / "_build/html/index.html"
    if done.returncode or not index.exists():
        raise BookError(f"the pages were not built:\n{complaints(done.stdout + done.stderr)}")
    return index


def tell(waiting: list[Path]) -> None:
    """Name the pages of which nothing changed but the library: a release executes them, a look at the book need not."""
    if waiting:
        print(f"Not executed again, though {LIBRARY} (`python -m tools.notebooks run` does it):")
        print("\n".join(f"    {notebooks.shown(page)}" for page in waiting))


def complaints(log: str) -> str:
    """The lines of a build's log that say what is wrong, or its end."""
    lines = [notebooks.ANSI.sub("", line) for line in log.splitlines()]
    wrong = [line for line in lines if any(word in line for word in ("WARNING", "ERROR", "Error"))]
    return "\n".join(wrong or lines[-20:])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.book", description=__doc__.splitlines()[0])
    parser.add_argument("--execute", action="store_true", help="execute the stale notebooks first")
    parser.add_argument("--out", type=Path, default=ROOT, help="the folder that gets _build/html (default: here)")
    parser.add_argument("--since", type=float, default=time.time(), help="when the work began, in seconds since 1970")
    options = parser.parse_args(arguments)
    try:
        why = {p: why_out_of_date(p) for p in pages() if p.suffix == ".ipynb"} if options.execute else {}
        stale = [page for page, reason in why.items() if reason not in ("", LIBRARY)]
        if stale and not notebooks.run_all(stale):
            raise BookError("a notebook failed")
        tell([page for page, reason in why.items() if reason == LIBRARY])
        index = build(options.out.resolve())
    except BookError as error:
        print(f"No book: {error}", file=sys.stderr)
        return 1
    print(f"The book is at {index.as_uri()} ({time.time() - options.since:.0f} s).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
