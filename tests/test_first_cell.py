"""The first cell finds the book, or fetches it, wherever the notebook is."""

import os
import subprocess
import sys

import pytest

from tools import first_cell

ROOT = first_cell.ROOT
TRUSTED = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


CLONE = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone, so there is nothing to clone")


def run(folder, *, then="", times=1, **variables):
    """Run the cell as a script of its own in `folder`."""
    script = "\n".join([first_cell.source()] * times + [then])
    environment = {k: v for k, v in os.environ.items() if k != "SNIP_BOOK"} | TRUSTED | variables
    return subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


def test_is_ten_lines():
    lines = first_cell.source("https://github.com/someone/a-book").split("\n")
    assert len(lines) == 10
    assert max(map(len, lines)) <= 120


def test_says_so_while_no_address_is_published():
    assert "no address is published yet" in first_cell.source("")


def test_finds_the_book_above_the_notebook():
    done = run(ROOT / "book" / "reference", then="print(sl.__file__)", SNIP_BOOK="/nowhere")
    assert done.stdout.strip() == str(ROOT / "snip_lib/__init__.py"), done.stderr


@CLONE
def test_clones_the_book_beside_a_lonely_notebook(tmp_path):
    done = run(tmp_path, times=2, then="print(sl.__file__)", SNIP_BOOK=str(ROOT))
    assert done.stdout.strip() == str(tmp_path / "snip-book/snip_lib/__init__.py"), done.stderr
    assert (tmp_path / "snip-book/data").is_dir()


@CLONE
def test_clones_into_the_empty_folder_of_a_clone_that_was_cut_off(tmp_path):
    (tmp_path / "snip-book").mkdir()
    done = run(tmp_path, then="print(sl.__file__)", SNIP_BOOK=str(ROOT))
    assert done.stdout.strip() == str(tmp_path / "snip-book/snip_lib/__init__.py"), done.stderr


def test_says_in_one_line_that_another_folder_is_in_the_way(tmp_path):
    (tmp_path / "snip-book").mkdir()
    (tmp_path / "snip-book/notes.txt").write_text("mine")
    done = run(tmp_path, SNIP_BOOK=str(ROOT))
    assert done.stderr.startswith("The book could not be cloned")
    assert done.stderr.count("\n") == 1


def test_changes_neither_folder_nor_environment(tmp_path):
    then = "print(os.getcwd()); print(sys.path.count(str(book)))"
    done = run(ROOT / "book", then=then)
    assert done.stdout.split() == [str(ROOT / "book"), "1"]


@pytest.mark.parametrize("address", ["/nowhere/at/all", "https://localhost:1/someone/book"])
def test_a_failed_clone_is_one_clear_line(tmp_path, address):
    done = run(tmp_path, SNIP_BOOK=address)
    assert done.returncode == 1
    assert done.stderr.startswith(f"The book could not be cloned from {address}")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_missing_git_is_the_same_line(tmp_path):
    done = run(tmp_path, SNIP_BOOK=str(ROOT), PATH=str(tmp_path))
    assert done.stderr.startswith("The book could not be cloned")
    assert done.stderr.count("\n") == 1
