"""Execute the book's notebooks, so that what is committed is what the code gives.

    python -m tools.notebooks run [NOTEBOOK …]   execute these, or those whose stamp is stale
    python -m tools.notebooks run --all          execute every notebook
    python -m tools.notebooks stale              list the stale ones; exit 1 if there are any

A notebook is stamped with a hash of its code cells, of each file under `data/` that it read, and of what of the library
it uses, without comments and docstrings. It is stale when one of them has changed. Execution shows it what a fresh
clone shows: no downloaded data sets, one thread, no live controls.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from tools import first_cell
from tools.stamps import files_under_data, stamp, why_out_of_date

ROOT = first_cell.ROOT
WATCH = "__import__('runpy').run_path({path!r})"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
CELL_METADATA = ("tags", "mystnb")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
ANSI = re.compile(r"\x1b\[[0-9;]*m")
BUDGET = 60  # seconds a notebook may take on two cores


class NotebookError(Exception):
    """A notebook that failed, with a message for its author."""


def environment(*, reads: str | None = None, data: str = "/nonexistent") -> dict[str, str]:
    """The variables a notebook runs under; `data` is the folder of downloaded data sets, none by default."""
    fixed = dict.fromkeys(THREADS, "1") | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONHASHSEED": "0", "SNIP_STATIC": "1"}
    inherited = {k: v for k, v in os.environ.items() if k not in ("SNIP_BOOK", "SNIP_BOOK_DATA", "MPLBACKEND")}
    return inherited | fixed | {"SNIP_DATA": data} | ({"SNIP_READS": reads} if reads else {})


def find(folder: Path = ROOT / "book") -> list[Path]:
    """Every notebook of the book, in the order of their paths."""
    return sorted(p for p in folder.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def run(path: Path) -> str:
    """Execute the notebook at `path` in place; gives a line that says how long it took."""
    notebook, start = nbformat.read(path, as_version=4), time.perf_counter()
    ensure_first_cell(notebook)
    with tempfile.TemporaryDirectory() as scratch:
        reads = Path(scratch, "reads")
        execute(notebook, folder=path.parent, env=environment(reads=str(reads), data=scratch + "/none"))
        asked = reads.read_bytes().decode().splitlines()
    clean(notebook)
    notebook.metadata = nbformat.from_dict(KERNEL | {"snip": stamp(notebook, files_under_data(asked))})
    complain(notebook, path)
    write(notebook, path)
    seconds = time.perf_counter() - start
    return f"{shown(path)}  {seconds:.0f} s" + (f"  over the budget of {BUDGET} s" if seconds > BUDGET else "")


def ensure_first_cell(notebook) -> None:
    """Put the template in the first place, over an older version of itself."""
    if notebook.cells and notebook.cells[0].source.startswith(first_cell.MARK):
        notebook.cells.pop(0)
    cell = nbformat.v4.new_code_cell(first_cell.source(), id="first-cell", metadata={"tags": first_cell.TAGS})
    notebook.cells.insert(0, cell)


def execute(notebook, *, folder: Path, env: dict[str, str], timeout: int = 600) -> None:
    """Execute every cell in a fresh kernel; raises NotebookError with the failing cell's number and traceback."""
    watch = WATCH.format(path=str(ROOT / "tools" / "record_reads.py"))
    arguments = ["--IPKernelApp.log_level=40", *([f"--IPKernelApp.exec_lines={watch}"] if "SNIP_READS" in env else [])]
    client = NotebookClient(
        notebook,
        timeout=timeout,
        record_timing=False,
        store_widget_state=False,
        extra_arguments=arguments,
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute(env=env, cwd=str(folder))
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookError(f"code cell {client.code_cells_executed}\n{ANSI.sub('', str(error))}") from None


def clean(notebook) -> None:
    """Remove what differs from run to run or from machine to machine."""
    for number, cell in enumerate(notebook.cells):
        cell.metadata = {k: cell.metadata[k] for k in CELL_METADATA if cell.metadata.get(k)}
        cell.setdefault("id", f"cell-{number}")
        if cell.cell_type == "code":
            cell.outputs = [clean_output(o) for o in merge_streams(cell.outputs)]


def merge_streams(outputs: list) -> list:
    """Join neighbouring pieces of one stream: where they were cut is a matter of time."""
    merged: list = []
    for output in outputs:
        last = merged[-1] if merged else None
        if last is not None and last.output_type == output.output_type == "stream" and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def clean_output(output):
    """The output without this machine's paths and addresses in memory."""
    if "metadata" in output:
        output.metadata = {}
    if output.output_type == "stream":
        output.text = portable(output.text)
    for mime, content in output.get("data", {}).items():
        if mime.startswith("text/"):
            output.data[mime] = portable(content)
    return output


def portable(text: str) -> str:
    return re.sub(r"\b0x[0-9a-f]{8,}\b", "0x…", text.replace(f"{ROOT}/", ""))


def complain(notebook, path: Path) -> None:
    """Refuse outputs that must not be committed: warnings and other noise on stderr, and controls without a kernel."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise NotebookError(f"cell {number} ({cell.id}) wrote to stderr:\n{output.text}")
            if any("widget-view" in mime for mime in output.get("data", {})):
                raise NotebookError(f"cell {number} ({cell.id}) shows a live control although SNIP_STATIC is set")


def write(notebook, path: Path) -> None:
    """Write the whole notebook or nothing."""
    nbformat.validate(notebook)
    scratch = path.with_suffix(".ipynb.part")
    nbformat.write(notebook, scratch)
    os.replace(scratch, path)


def shown(path: Path) -> str:
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def attempt(path: Path) -> tuple[bool, str]:
    try:
        return True, run(path)
    except NotebookError as error:
        return False, f"{shown(path)}  FAILED: {error}"


def run_all(paths: list[Path], *, processes: int = 2) -> bool:
    """Execute the notebooks, two at a time; prints a line each; true if all went well."""
    if not paths:
        print("every notebook is up to date")
    good = True
    with ProcessPoolExecutor(min(processes, len(paths)) or 1) as pool:
        for ok, line in pool.map(attempt, paths):
            print(line, flush=True)
            good &= ok
    return good


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    runner = commands.add_parser("run", help="execute the notebooks given, or the stale ones")
    runner.add_argument("paths", nargs="*", type=Path)
    runner.add_argument("--all", action="store_true", help="execute every notebook")
    commands.add_parser("stale", help="list the notebooks that must be executed again")
    options = parser.parse_args(arguments)
    if options.command == "stale":
        reasons = {p: why for p in find() if (why := why_out_of_date(p))}
        print("\n".join(f"{shown(p)}: {why}" for p, why in reasons.items()) or "no notebook is stale")
        return bool(reasons)
    paths = options.paths or [p for p in find() if options.all or why_out_of_date(p)]
    return not run_all([p.resolve() for p in paths])


if __name__ == "__main__":
    sys.exit(main())
