"""The book follows its records: one that changes moves what depends on it alone, and none leaves pages that say so."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from snip_lib import records
from tools import notebooks

pytestmark = pytest.mark.slow
SKIPPED = shutil.ignore_patterns(".*", "_build", "__pycache__", "*.part")


def reads(path: Path) -> list[str]:
    """The files of records that a page read when it was last executed."""
    read = nbformat.read(path, as_version=4).metadata.get("snip", {}).get("reads", {})
    return [name for name in read if name.startswith("data/results/") and name.endswith(".jsonl")]


PAGES = [path.relative_to(notebooks.ROOT).as_posix() for path in notebooks.find() if reads(path)]


@pytest.fixture
def tree(tmp_path):
    """A copy of what a page needs to be executed."""
    shutil.copytree(notebooks.ROOT, tmp_path / "tree", ignore=SKIPPED)
    return tmp_path / "tree"


def rebuilt(tree: Path, page: str) -> list:
    """The code cells of a page, executed in the copy by the copy's own code."""
    env = notebooks.environment() | {"PYTHONPATH": str(tree)}
    command = [sys.executable, "-m", "tools.notebooks", "run", page]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return code_cells(tree / page)


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def differing(before: list, after: list) -> list[str]:
    """The sources of the cells whose outputs differ."""
    pairs = zip(before, after, strict=True)
    return [
        a.source
        for a, b in pairs
        if [o.get("data", o.get("text")) for o in a.outputs] != [o.get("data", o.get("text")) for o in b.outputs]
    ]


def worsen(path: Path, size: int) -> None:
    """Add five points to the errors of seed 0 with this pruning batch, and sign the record again."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    chosen = [one for one in lines if one["run"]["pruning_batch"] == size and one["run"]["seed"] == 0]
    assert chosen
    for record in chosen:
        for name in ("valid_error", "test_error", "best_test_error"):
            record["metrics"][name] += 0.05
        record["checksum"] = records.checksum(record)
    path.write_text("".join(json.dumps(one, sort_keys=True) + "\n" for one in lines))


def test_one_changed_record_moves_prose_table_and_verdicts_and_nothing_else(tree):
    worsen(tree / "data/results/figure3.jsonl", 1_000)
    page = "book/holds/batch.ipynb"
    changed = differing(code_cells(notebooks.ROOT / page), rebuilt(tree, page))
    assert any("tables.compact(" in source for source in changed)
    assert any("from_100(1_000)" in source for source in changed)
    named = ("ours", "frame", "from_100")
    assert all(any(name in source for name in named) for source in changed), changed
    assert not any("sl.runner.execute" in source or "sl.checks" in source for source in changed)


def test_one_changed_record_moves_the_page_of_verdicts(tree):
    worsen(tree / "data/results/figure3.jsonl", 1_000)
    page = "book/holds/held-up.ipynb"
    changed = differing(code_cells(notebooks.ROOT / page), rebuilt(tree, page))
    assert any("sl.figures.gaps(" in source and "alone" in source for source in changed)
    assert any("sl.interact.slider(" in source for source in changed)
    assert not any("changed = frame[" in source or "sl.checks" in source for source in changed)


def test_a_page_that_does_not_read_the_record_stands(tree):
    page = "book/idea/algorithm-1.ipynb"
    assert "data/results/figure3.jsonl" not in reads(notebooks.ROOT / page)
    worsen(tree / "data/results/figure3.jsonl", 1_000)
    assert not differing(code_cells(notebooks.ROOT / page), rebuilt(tree, page))


@pytest.mark.parametrize("page", PAGES)
def test_without_records_a_page_still_executes_and_says_so(tree, page):
    for path in (tree / "data/results").glob("*.jsonl"):
        path.unlink()
    shown = str([cell.outputs for cell in rebuilt(tree, page)]).lower()
    assert "not run yet" in shown
