"""The live twin in a real kernel, under ipywidgets 8 and 7.7.1: its slider is moved, its picture seen to change."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from snip_lib import interact

ROOT = Path(__file__).parents[1]

SHOW = """
import ipywidgets, torch
import snip_lib as sl

x, y = torch.randn(20, 784, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 10

def compute(seed, sparsity):
    model = sl.models.build("lenet-300-100", generator=seed)
    return sl.figures.mask_grid({"": {f"seed {seed}": sl.snip(model, x, y, sparsity=sparsity)["fc1.weight"]}})

twin = sl.interact.live_sparsity(compute, seed=3)
seed, sparsity, picture = twin.children
twin
"""
REPORT = """
shown = [output["data"]["image/svg+xml"] for output in picture.outputs]
print(len(shown), shown[-1] == compute(seed.value, sparsity.value).svg(), hash(shown[-1]))
"""


def run_cells(cells: list[str], extra_path: str = "", **environment: str) -> list[list]:
    """Execute the cells in a fresh kernel with that folder first on its path; gives the outputs of each cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    inherited = {name: value for name, value in os.environ.items() if name != "SNIP_STATIC"}
    path = os.pathsep.join(filter(None, [extra_path, str(ROOT), os.environ.get("PYTHONPATH")]))
    limits = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    client = NotebookClient(notebook, timeout=180, kernel_name="python3")
    client.execute(env={**inherited, **limits, **environment, "PYTHONPATH": path})
    return [cell.outputs for cell in notebook.cells]


def said(outputs: list) -> str:
    """What a cell printed; a kernel may send one line in several pieces."""
    return "".join(output.text for output in outputs)


@pytest.fixture(scope="session")
def old_ipywidgets(request) -> str:
    """A folder with ipywidgets 7.7.1, which is Colab's; fetched once, kept in pytest's cache."""
    folder = request.config.cache.mkdir("ipywidgets-7.7.1")
    if not (folder / "ipython_genutils").exists():
        wanted = ["ipywidgets==7.7.1", "ipython_genutils==0.2.0"]  # genutils last: it says that the folder is complete
        for package in wanted:
            command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), package]
            result = subprocess.run(command, capture_output=True, text=True, timeout=300)
            if result.returncode:
                pytest.skip(f"ipywidgets 7.7.1 could not be fetched: {result.stderr.strip().splitlines()[-1]}")
    return str(folder)


@pytest.mark.parametrize("version", ["8", "7.7.1"])
def test_moving_a_slider_of_the_twin_computes_its_picture_again(version, request):
    folder = request.getfixturevalue("old_ipywidgets") if version == "7.7.1" else ""
    moves = [SHOW, "print(ipywidgets.__version__)", REPORT, "seed.value = 7", REPORT, "sparsity.value = 0.99", REPORT]
    outputs = run_cells(moves, folder)
    assert said(outputs[1]).startswith(version)
    reports = [said(outputs[i]).split() for i in (2, 4, 6)]
    assert [report[:2] for report in reports] == [["1", "True"]] * 3, "one picture, the one computed for these values"
    assert len({report[2] for report in reports}) == 3, "each move changed it"


def test_a_page_without_a_kernel_gets_a_line_and_nothing_is_computed():
    dead = "import snip_lib as sl\nsl.interact.live_sparsity(None)"
    bar = "print([i for i in sl.interact.progress(range(3), label='no bar')])"
    (line,), loop = run_cells([dead, bar], SNIP_STATIC="1")
    words = "Runs live in a notebook: choose seed (0 to 99) and sparsity (0\u00a0% to 99.5\u00a0%), and the figure is"
    assert line.data == {"text/plain": f"{words} computed again.", "text/markdown": f"*{words} computed again.*"}
    assert said(loop) == "[0, 1, 2]\n"


def test_without_ipywidgets_the_twin_is_one_line_that_says_what_to_install(monkeypatch):
    monkeypatch.delenv("SNIP_STATIC", raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    line = repr(interact.live(None, seed=range(10), step=[1, 2]))
    assert line == (
        "Runs live in a notebook: choose seed (0 to 9) and step (1 to 2), and the figure is computed again."
        " It needs ipywidgets: pip install ipywidgets"
    )


@pytest.mark.parametrize(("value", "static"), [("1", True), ("0", False), ("", False), (None, False)])
def test_pages_are_static_where_the_variable_says_so(monkeypatch, value, static):
    monkeypatch.setenv("SNIP_STATIC", value) if value is not None else monkeypatch.delenv("SNIP_STATIC", raising=False)
    assert isinstance(interact.live(lambda step: None, step=[1, 2]), interact.Note) is static


@pytest.mark.parametrize("static", ["0", "1"])
def test_progress_gives_every_item_and_leaves_nothing_behind(monkeypatch, capsys, static):
    monkeypatch.setenv("SNIP_STATIC", static)
    assert list(interact.progress(iter("abc"), total=3, label="training")) == ["a", "b", "c"]
    printed, errors = capsys.readouterr()
    assert errors == ""
    assert ("training" in printed) is (static == "0")
    assert printed.rpartition("\r")[0].rpartition("\r")[2].strip() == ""
