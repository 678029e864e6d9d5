"""A page's stamp covers the library: what the page uses, and neither comments nor what it does not use."""

import ast
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import book, first_cell, library, notebooks, stamps

ROOT = first_cell.ROOT
BOOK = notebooks.find()
HOUSE = {
    "__init__.py": "from snip_lib.low import LIMIT\nfrom snip_lib.pruning import cut\n__version__ = '1'\n",
    "low.py": '"""Ground floor."""\n\nLIMIT = 3  # of 5\nOTHER = 4\n',
    "alone.py": "def nobody():\n    return 1\n",
    "late.py": "def lazy():\n    return 2\n",
    "pruning/__init__.py": "from snip_lib.pruning.cut import cut\n\n__all__ = ['cut', 'hold']\n",
    "pruning/cut.py": 'from snip_lib import low\n\n\ndef cut(x):\n    """Cut x."""\n    return min(x, low.LIMIT)\n',
    "pruning/deep.py": "def hold():\n    return 'hold'\n",
    "page/__init__.py": "from snip_lib.page.slider import slider\n",
    "page/slider.py": "from snip_lib.late import lazy\n\n\ndef slider():\n    return lazy()\n",
    "page/slider.js": "let a = 1;  // a slider\n",
}
USES = [  # code of a page, and the files of the house that it uses
    ("1 + 1", set()),
    ("sl.LIMIT", {"low.py"}),
    ("sl.__version__", {"__init__.py"}),
    ("print(sl.cut(2).bit_length())", {"pruning/cut.py", "low.py"}),
    ("sl.pruning.cut(2)", {"pruning/cut.py", "low.py"}),
    ("sl.pruning.cut.cut(2)", {"pruning/cut.py", "low.py"}),
    ("sl.pruning.hold()", {"pruning/deep.py"}),
    ("from snip_lib.pruning import cut as c\nc(1)", {"pruning/cut.py", "low.py"}),
    ("import snip_lib.low as ground\nground.OTHER", {"low.py"}),
    ("import snip_lib\nsnip_lib.alone.nobody()", {"alone.py"}),
    ("%time\np = sl.pruning\np.cut(1)", {"pruning/__init__.py", "pruning/cut.py", "pruning/deep.py", "low.py"}),
    ("[f(sl.alone.nobody) for f in (str,)]", {"alone.py"}),
    ("sl.page.slider()", {"page/slider.py", "page/slider.js", "late.py"}),
    ("sl.lazy()", {"late.py"}),
    ("this is no Python", set()),
]


@pytest.fixture
def house(tmp_path):
    for name, text in HOUSE.items():
        (tmp_path / "snip_lib" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "snip_lib" / name).write_text(text, encoding="utf-8")
    return tmp_path


def edit(root, name, old, new):
    path = root / "snip_lib" / name
    assert old in path.read_text(encoding="utf-8")
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(("code", "files"), USES)
def test_a_page_uses_what_it_names_and_what_that_uses(house, code, files):
    assert {path.relative_to(house / "snip_lib").as_posix() for path in library.modules([code], house)} == files


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("low.py", "LIMIT = 3", "LIMIT = 4"),
        ("low.py", "OTHER = 4", "OTHER = 5"),
        ("pruning/cut.py", "min(x,", "max(x,"),
        ("page/slider.js", "a = 1", "a = 2"),
        ("late.py", "return 2", "return None"),
    ],
)
def test_code_that_is_used_changes_the_hash(house, name, old, new):
    before = library.digest(["sl.cut(1)", "sl.page.slider()"], house)
    edit(house, name, old, new)
    assert library.digest(["sl.cut(1)", "sl.page.slider()"], house) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("low.py", "  # of 5", "  # of 6, and more"),
        ("low.py", '"""Ground floor."""\n', '"""The ground.\n\n    >>> 1\n    1\n    """\n'),
        ("low.py", "LIMIT = 3", "LIMIT = (\n    3\n)"),
        ("pruning/cut.py", '    """Cut x."""\n', ""),
        ("pruning/cut.py", "min(x, low.LIMIT)", "min(\n        x,\n        low.LIMIT,\n    )"),
        ("alone.py", "return 1", "return 2"),
        ("pruning/deep.py", "'hold'", "'other'"),
        ("__init__.py", "'1'", "'2'"),
    ],
)
def test_words_layout_and_what_is_not_used_leave_it(house, name, old, new):
    before = library.digest(["sl.cut(1)"], house)
    edit(house, name, old, new)
    assert library.digest(["sl.cut(1)"], house) == before


def cells(path):
    notebook = nbformat.read(path, as_version=4)
    return [c.source for c in notebook.cells if c.cell_type == "code" and not c.source.startswith(first_cell.MARK)]


@pytest.fixture(scope="module")
def another(tmp_path_factory):
    """The library without one comment or docstring, laid out by `ast.unparse` and then by ruff in narrow lines."""
    root = tmp_path_factory.mktemp("another")
    shutil.copytree(ROOT / "snip_lib", root / "snip_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (root / "snip_lib").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, library.DEFINING | ast.Module) and ast.get_docstring(node):
                node.body = node.body[1:] or [ast.Pass()]
        path.write_text(ast.unparse(tree) + "\n", encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff", "format", "--quiet", "--isolated", "--line-length", "60", "."]
    subprocess.run(ruff, cwd=root, check=True)
    return root


@pytest.mark.parametrize("path", BOOK, ids=lambda path: path.stem)
def test_no_page_minds_how_the_library_is_written(path, another):
    code = cells(path)
    assert library.modules(code, ROOT)
    assert library.digest(code, ROOT) == library.digest(code, another)


def test_a_colour_makes_pages_with_figures_stale(another, tmp_path):
    shutil.copytree(another / "snip_lib", tmp_path / "snip_lib")
    base = tmp_path / "snip_lib/figures/base.py"
    text = base.read_text(encoding="utf-8")
    base.write_text(text.replace("#", "#f", 1), encoding="utf-8")
    drawn = [path for path in BOOK if "sl.figures" in path.read_text(encoding="utf-8")]
    assert drawn
    for path in drawn:
        assert library.digest(cells(path), tmp_path) != library.digest(cells(path), another)


def test_what_the_library_changes_is_told_apart_from_what_the_page_does(house, monkeypatch):
    monkeypatch.setattr(stamps, "ROOT", house)
    path = house / "page.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("sl.cut(1)", id="a")])
    notebook.metadata["snip"] = stamps.stamp(notebook, [])
    nbformat.write(notebook, path)
    assert stamps.why_out_of_date(path) == stamps.why_stale(path) == ""
    edit(house, "low.py", "LIMIT = 3", "LIMIT = 4")
    assert stamps.why_stale(path) == ""
    assert stamps.why_out_of_date(path) == stamps.LIBRARY
    notebook.cells[0].source = "sl.cut(2)"
    nbformat.write(notebook, path)
    assert stamps.why_out_of_date(path) == stamps.why_stale(path) == "its code changed"
    del notebook.metadata["snip"]["library"]  # as stamped before the library was covered
    notebook.cells[0].source = "sl.cut(1)"
    nbformat.write(notebook, path)
    assert stamps.why_out_of_date(path) == stamps.LIBRARY


def test_a_page_of_another_library_is_named_by_both_and_refused_by_one(house, monkeypatch, capsys):
    """`stale` fails, as a release does; a look at the book names the page, does not execute it, and goes on."""
    monkeypatch.setattr(stamps, "ROOT", house)
    monkeypatch.setattr(notebooks, "ROOT", house)
    (house / "book").mkdir()
    path = house / "book/page.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("sl.cut(1)", id="a")])
    notebook.metadata["snip"] = stamps.stamp(notebook, [])
    nbformat.write(notebook, path)
    monkeypatch.setattr(notebooks.find, "__defaults__", (house / "book",))
    assert notebooks.main(["stale"]) == 0
    assert capsys.readouterr().out == "no notebook is stale\n"
    edit(house, "low.py", "LIMIT = 3", "LIMIT = 4")
    assert notebooks.main(["stale"]) == 1
    assert capsys.readouterr().out == f"book/page.ipynb: {stamps.LIBRARY}\n"
    monkeypatch.setattr(book, "pages", lambda: [path])
    before = path.read_bytes()
    assert book.main(["--execute", "--out", str(house)]) == 1
    told = capsys.readouterr()
    assert "    book/page.ipynb\n" in told.out
    assert told.err == "No book: book/page.ipynb has no outputs: run `make notebooks`\n"  # so it was not executed
    assert path.read_bytes() == before


def test_a_release_refuses_pages_of_another_library():
    """`make test-all` asks, `make test` does not; a release waits for the former."""
    asked = (ROOT / "tools/test.sh").read_text(encoding="utf-8").partition("\nstep")[2]
    before, _, after = asked.partition('if [ "${1:-}" = --all ]; then')
    assert "tools.notebooks stale" in after.partition("\nfi\n")[0]
    assert "tools.notebooks stale" not in before + after.partition("\nfi\n")[2]
