"""`python -m tools.book` on a small book builds what is good and refuses what is not; `make address` reaches all."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest

from tools import address, first_cell, notebooks

ROOT = first_cell.ROOT
URL = "https://github.com/someone/a-book"
TOC = "format: jb-book\nroot: book/index\nchapters:\n- file: book/reference/bibliography\n"


@pytest.fixture
def small(tmp_path):
    """A book of a title page and a bibliography, with the tools, the configuration and the library of the real one."""
    for name in ("tools", "assets"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "README.md", "CITATION.cff", "book/references.bib", "book/reference/bibliography.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    bibliography = tmp_path / "book/reference/bibliography.md"
    bibliography.write_text(re.sub(r"\[([^]]*)\]\(\.\./[^)]*\)", r"\1", bibliography.read_text()))  # alone
    (tmp_path / "snip_lib").mkdir()
    (tmp_path / "snip_lib/__init__.py").touch()
    (tmp_path / "_toc.yml").write_text(TOC)
    equation = r"\begin{aligned}a &= 1 \\ b &= 2\end{aligned}\tag{5}"
    write(tmp_path, f"# Title\n\nBy {{cite}}`lee2019snip`.\n\n$$\n{equation}\n$$")
    return tmp_path


def write(folder, markdown, code="print('hello')"):
    cells = [
        nbformat.v4.new_code_cell(first_cell.source(), id="first-cell", metadata={"tags": first_cell.TAGS}),
        nbformat.v4.new_markdown_cell(markdown, id="text"),
        nbformat.v4.new_code_cell(code, id="code"),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=notebooks.KERNEL), folder / "book/index.ipynb")


def tool(folder, *arguments):
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=notebooks.environment())


def test_builds_what_is_good_and_executes_only_what_is_stale(small):
    first = tool(small, "tools.book", "--execute")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("book/index.ipynb")
    assert "The book is at file://" in first.stdout
    page = (small / "_build/html/book/index.html").read_text()
    assert "hello" in page
    assert r"\[\begin{aligned}" in page.replace("\n", ""), "Sphinx would wrap it in split, where a tag is an error"
    assert "colab" not in page
    assert tool(small, "tools.notebooks", "stale").stdout == "no notebook is stale\n"


def test_pages_of_another_library_are_named_and_not_executed(small):
    library = small / "snip_lib/__init__.py"
    library.write_text("def hello():\n    return 'hello'\n")
    write(small, "# Title\n\nBy {cite}`lee2019snip`.", "print(sl.hello())")
    assert tool(small, "tools.book", "--execute").returncode == 0
    executed = (small / "book/index.ipynb").read_bytes()
    library.write_text('def hello():\n    """A greeting."""\n    return "hello"  # to all\n')
    again = tool(small, "tools.book", "--execute")
    assert again.stdout.startswith("The book is at file://"), "words cost nobody an execution"
    library.write_text("def hello():\n    return 'good day'\n")
    later = tool(small, "tools.book", "--execute")
    assert later.returncode == 0, later.stderr
    assert "Not executed again, though the library that it uses changed" in later.stdout
    assert "\n    book/index.ipynb\n" in later.stdout
    assert (small / "book/index.ipynb").read_bytes() == executed
    stale = tool(small, "tools.notebooks", "stale")
    assert (stale.returncode, stale.stdout) == (1, "book/index.ipynb: the library that it uses changed\n")
    assert tool(small, "tools.notebooks", "run").returncode == 0
    assert "good day" in (small / "book/index.ipynb").read_text()
    assert tool(small, "tools.notebooks", "stale").returncode == 0


def test_address_reaches_every_place_and_the_button_leads_to_the_page(small):
    assert tool(small, "tools.notebooks", "run").returncode == 0
    done = tool(small, "tools.address", URL + ".git")
    assert set(done.stdout.split()) == {"_config.yml", "README.md", "CITATION.cff", "book/index.ipynb"}
    assert address.PLACEHOLDER not in (small / "README.md").read_text()
    assert f'repository-code: "{URL}"' in (small / "CITATION.cff").read_text()
    assert URL in nbformat.read(small / "book/index.ipynb", as_version=4).cells[0].source
    assert tool(small, "tools.notebooks", "stale").returncode == 0, "the address needs no new execution"
    assert tool(small, "tools.address", URL).stdout == "the address stands everywhere already\n"
    assert tool(small, "tools.book").returncode == 0
    links = re.findall(r'href="([^"]*colab[^"]*)"', (small / "_build/html/book/index.html").read_text())
    assert set(links) == {"https://colab.research.google.com/github/someone/a-book/blob/main/book/index.ipynb"}


@pytest.mark.parametrize("url", ["", "github.com/a/b", "https://example.org/a/b", address.PLACEHOLDER])
def test_address_refuses_what_is_no_repository(url):
    with pytest.raises(ValueError, match="make address URL="):
        address.normalised(url)


def test_a_failing_cell_is_no_book(small):
    write(small, "# Title", "1 / 0")
    done = tool(small, "tools.book", "--execute")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stdout
    assert "No book: a notebook failed" in done.stderr


def test_a_notebook_without_outputs_is_no_book(small):
    done = tool(small, "tools.book")
    assert done.returncode == 1
    assert "has no outputs" in done.stderr


def test_a_warning_is_no_book(small):
    write(small, "# Title\n\nBy {cite}`nobody1900nothing`.")
    done = tool(small, "tools.book", "--execute")
    assert done.returncode == 1
    assert "nobody1900nothing" in done.stderr


def test_a_listed_page_that_is_missing_is_no_book(small):
    (small / "_toc.yml").write_text(TOC + "- file: book/nowhere\n")
    done = tool(small, "tools.book")
    assert done.returncode == 1
    assert "book/nowhere" in done.stderr
