"""The tool that executes notebooks: the same bytes twice, nothing transient, and it knows when to run again."""

import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import first_cell, notebooks, stamps

ROOT = first_cell.ROOT
BOOK = notebooks.find()


def write(path, *sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source == first_cell.source()
    return ["".join(o.get("text", "") or str(o.data) for o in c.outputs) for c in cells[1:]]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A place that looks like the book's, with data of its own."""
    (tmp_path / "snip_lib").mkdir()
    (tmp_path / "snip_lib/__init__.py").touch()
    (tmp_path / "data").mkdir()
    for module in (notebooks, stamps):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    return tmp_path


def test_runs_twice_to_the_same_bytes(folder):
    path = write(folder / "book/a.ipynb", "print(hash('x'))\nobject()", "from pathlib import Path; print(Path.cwd())")
    notebooks.run(path)
    once = path.read_bytes()
    assert outputs(path)[1] == "book\n", "paths are relative to the repository"
    assert b"object object at 0x\\u2026" in once or "at 0x…".encode() in once
    notebooks.run(path)
    assert path.read_bytes() == once


def test_sees_what_a_fresh_clone_sees(folder, monkeypatch):
    monkeypatch.setenv("SNIP_DATA", "/some/data")
    monkeypatch.setenv("SNIP_BOOK", "/some/book")
    source = "import os; print(os.environ['SNIP_STATIC'], os.environ['OMP_NUM_THREADS'], 'SNIP_BOOK' in os.environ)"
    path = write(folder / "book/a.ipynb", source, "print(os.path.exists(os.environ['SNIP_DATA']))")
    notebooks.run(path)
    assert outputs(path) == ["1 1 False\n", "False\n"]


def test_is_stale_when_code_or_data_change_and_only_then(folder):
    data = folder / "data/numbers.txt"
    data.write_text("1")
    path = write(
        folder / "book/a.ipynb",
        f"print(open({str(data)!r}).read())",
        f"import os; print(os.path.exists({str(folder / 'data')!r}))",
    )
    assert stamps.why_stale(path) == "never executed"
    notebooks.run(path)
    assert stamps.why_stale(path) == ""
    data.write_text("2")
    assert stamps.why_stale(path) == "data/numbers.txt changed"
    data.write_text("1")
    assert stamps.why_stale(path) == ""
    path.write_text(path.read_text().replace("os.path.exists", "os.path.isdir"))
    assert stamps.why_stale(path) == "its code changed"


def test_is_stale_when_a_result_it_asked_for_arrives(folder):
    wanted = folder / "data/later.txt"
    source = f"try:\n    open({str(wanted)!r})\nexcept FileNotFoundError:\n    print('none')"
    path = write(folder / "book/a.ipynb", source)
    notebooks.run(path)
    assert stamps.why_stale(path) == ""
    wanted.write_text("here")
    assert stamps.why_stale(path) == "data/later.txt changed"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import warnings; warnings.warn('careful')", "wrote to stderr"),
        ("import ipywidgets; ipywidgets.IntSlider()", "live control"),
    ],
)
def test_refuses_what_must_not_be_committed(folder, source, message):
    path = write(folder / "book/a.ipynb", source)
    before = path.read_bytes()
    ok, line = notebooks.attempt(path)
    assert not ok
    assert message in line
    assert path.read_bytes() == before


def test_joins_streams_and_drops_transient_metadata(folder):
    path = write(folder / "book/a.ipynb", "import sys\nfor i in range(5):\n    print(i); sys.stdout.flush()")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].metadata.update(execution={"iopub.execute_input": "2020"}, collapsed=True, tags=["hide-input"])
    notebook.metadata["widgets"] = {}
    nbformat.write(notebook, path)
    notebooks.run(path)
    notebook = nbformat.read(path, as_version=4)
    assert [len(cell.outputs) for cell in notebook.cells] == [0, 1]
    assert notebook.cells[1].metadata == {"tags": ["hide-input"]}
    assert set(notebook.metadata) == {"kernelspec", "language_info", "snip"}


def nbval(path):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(path.parent),
        "--nbval-lax",
        "--nbval-current-env",
        str(path),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=path.parent, env=notebooks.environment())


def test_an_altered_output_is_noticed(tmp_path):
    """In a copy of the book's smallest notebook, beside the real library and data."""
    smallest = min((p for p in BOOK if not stamps.why_stale(p)), key=lambda path: path.stat().st_size)
    for name in ("snip_lib", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    path = tmp_path / "book" / smallest.name
    path.parent.mkdir()
    notebook = nbformat.read(smallest, as_version=4)
    compared = [c for c in notebook.cells if "nbval-check-output" in c.metadata.get("tags", [])]
    texts = [o for o in compared[0].outputs if o.output_type == "stream"] or compared[0].outputs
    if texts[0].output_type == "stream":
        texts[0].text += "and one more line\n"
    else:
        texts[0].data["text/plain"] += "0"
    nbformat.write(notebook, path)
    done = nbval(path)
    assert done.returncode == 1, done.stdout
    assert "1 failed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", [p for p in BOOK if "available(" in p.read_text()], ids=lambda path: path.stem)
def test_the_branch_for_downloaded_data_runs_too(path):
    """Where a page shows records because a data set is missing, its other branch runs where the data set is there."""
    data = pytest.importorskip("snip_lib").data
    if not data.root().exists():
        pytest.skip("no downloaded data sets (SNIP_DATA)")
    notebook = nbformat.read(path, as_version=4)
    notebooks.execute(notebook, folder=path.parent, env=notebooks.environment(data=str(data.root())), timeout=3600)
