"""Every lint lets a good page pass and stops a bad one; then the lints read the book's own pages."""

import copy
import os
import subprocess
import sys

import nbformat
import pytest

from tools import contents, first_cell, lints, prose, reading, stamps

PICTURE = {"image/png": "aGVsbG8=", "text/plain": "<Figure>"}
ALT = {"image": {"alt": "a line that falls from left to right"}}


def stream(text, name="stdout"):
    return nbformat.v4.new_output("stream", name=name, text=text)


def code(source, outputs=(), **metadata):
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def good_cells():
    checked = {"tags": ["nbval-check-output"]}
    return [
        code(first_cell.source(), tags=first_cell.TAGS),
        nbformat.v4.new_markdown_cell(
            "# How many weights?\n\n*3 minutes*\n\n$$\na = 1 \\tag{5}\n$$\n\nAs {cite}`lee2019snip` says."
        ),
        code("print(3)", [stream("3\n")], **checked),
        code("4", [nbformat.v4.new_output("execute_result", {"text/plain": "4"}, execution_count=3)], **checked),
        code("plt.show()", [nbformat.v4.new_output("display_data", PICTURE)], mystnb=ALT),
    ]


def page(folder, change=lambda cells: None, stamped=True):
    """A good notebook in `folder`, after `change` has been applied to its cells."""
    notebook = nbformat.v4.new_notebook(cells=good_cells())
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    change(notebook.cells)
    if stamped:
        notebook.metadata["snip"] = stamps.stamp(notebook, [])
    path = folder / "page.ipynb"
    nbformat.write(notebook, path)
    return path


def output(cell, **data):
    cell.outputs = [nbformat.v4.new_output("display_data", data)]


def set_source(number, source):
    return lambda cells: cells[number].update(source=source)


BAD = [
    (lints.own_first_cell, set_source(0, "import snip_lib as sl")),
    (lints.own_first_cell, lambda cells: cells[0].metadata.update(tags=["hide-input"])),
    (lints.one_title, set_source(1, "No title")),
    (lints.one_title, set_source(1, "# One\n\n# Two")),
    (lints.cell_length, set_source(2, "x = 1\n" * 26)),
    (lints.within_the_column, set_source(2, "x = 1  # " + "long " * 14)),
    (lints.within_the_column, set_source(1, "# A title\n\n```python\n" + "x = 1  " * 11 + "\n```")),
    (lints.within_the_column, lambda cells: cells[2].update(outputs=[stream("3" * 77 + "\n")])),
    (lints.within_the_column, lambda cells: output(cells[2], **{"text/plain": "3" * 77})),
    (lints.honest_minutes, set_source(1, "# How many weights?\n\n*5 minutes · needs nothing*")),
    (lints.honest_minutes, set_source(1, "# How many weights?\n\n*3 minutes*\n\n" + "word " * 200)),
    (lints.honest_minutes, set_source(1, "# How many weights?")),
    (lints.known_tags, lambda cells: cells[2].metadata.tags.append("hide_input")),
    (lints.described_pictures, lambda cells: cells[4].metadata.pop("mystnb")),
    (lints.described_pictures, lambda cells: output(cells[4], **{"text/html": "<svg viewBox='0 0 1 1'></svg>"})),
    (lints.no_widgets, lambda cells: output(cells[4], **{"application/vnd.jupyter.widget-view+json": "{}"})),
    (lints.executed, lambda cells: cells[2].update(execution_count=9)),
    (lints.executed, lambda cells: cells[2].update(outputs=[stream("UserWarning", "stderr")])),
    (lints.executed, lambda cells: cells[2].update(outputs=[nbformat.v4.new_output("error", ename="E", evalue="")])),
    (lints.compared_outputs, lambda cells: cells[2].metadata.tags.clear()),
    (lints.compared_outputs, lambda cells: cells[2].update(outputs=[])),
    (lints.compared_outputs, lambda cells: output(cells[2], **PICTURE)),
    (lints.seeded, set_source(2, "x = torch.randn(3)")),
    (lints.seeded, set_source(2, "torch.manual_seed(0)")),
    (lints.seeded, set_source(2, "%time\nx = np.random.rand(3)")),
    (lints.seeded, set_source(2, "rng = np.random.default_rng()")),
    (lints.portable_outputs, lambda cells: cells[2].update(outputs=[stream("saved to /home/someone/x.pt")])),
    (lints.steady_outputs, lambda cells: output(cells[2], **{"text/html": '<table id="T_0a1b2"></table>'})),
    (lints.good_prose, set_source(1, "# Title\n\nSee {cite}`nobody1900nothing`.")),
    (lints.good_prose, set_source(1, "# Title\n\nA robust method.")),
]


def complaints(check, path):
    return list(check(lints.Page(path)))


def test_a_good_page_passes(tmp_path):
    assert lints.lint(page(tmp_path)) == []


@pytest.mark.parametrize(("check", "change"), BAD, ids=[f"{c.__name__}-{i}" for i, (c, _) in enumerate(BAD)])
def test_a_bad_page_is_stopped(tmp_path, check, change):
    assert complaints(check, page(tmp_path, change))


def test_every_lint_is_seen_to_stop_a_page():
    assert {check for check, _ in BAD} == {*lints.EVERY_PAGE, *lints.NOTEBOOKS}


def test_a_page_that_was_never_executed_is_stopped(tmp_path):
    assert "never executed" in str(complaints(lints.executed, page(tmp_path, stamped=False)))


def test_stored_widget_state_is_stopped(tmp_path):
    path = page(tmp_path)
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata["widgets"] = {}
    nbformat.write(notebook, path)
    assert complaints(lints.no_widgets, path)


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (prose.unbacked, "The method is simple."),
        (prose.unbacked, "It prunes prior to training, which helps."),
        (prose.phrases, "In this chapter, we look at masks."),
        (prose.phrases, "Let's prune."),
        (prose.phrases, "It is not only fast."),
        (prose.phrases, "## Introduction"),
        (prose.spelling, "The center of the color map."),
        (prose.pictures, "![](mask.png)"),
        (prose.plain, "```{note}\nx\n```"),
        (prose.plain, "See {ref}`somewhere`."),
        (prose.plain, "text\n$$\nx\n$$\n\ntext"),
        (prose.plain, "text\n\n$$\nx\n$$\ntext"),
        (prose.plain, "and $$x$$ here"),
        (prose.plain, "\\begin{align}\nx\n\\end{align}"),
        (prose.plain, "<details><summary>Hint</summary>\ntext\n\n</details>"),
        (prose.plain, "<details>\n\ntext\n\n</details>"),
    ],
)
def test_bad_prose_is_stopped(check, text):
    assert list(check(text))


@pytest.mark.parametrize(
    "text",
    [
        "A simple network of 3 units.",
        "The paper calls the method “simple” and “versatile”.",
        "> A simple, versatile method.",
        "Significant only if $p < 0.05$.",
        "Call `center(x)`.",
        "```python\n# Let's see the color\n```",
        "# Masks\n\n$$\nx \\tag{5}\n$$\n\ntext\n\n$$ y $$\n",
        "$$\n\\begin{aligned}\nx\n\\end{aligned}\n$$",
        "<details><summary>Hint</summary>\n\ntext\n\n</details>",
        "<details>\n<summary>Solution</summary>\n\n```python\nx = 1\n```\n\n</details>",
        "As {cite}`lee2019snip` shows in {numref}`fig-x`.",
    ],
)
def test_good_prose_passes(text):
    checks = (prose.unbacked, prose.phrases, prose.spelling, prose.pictures, prose.plain)
    assert [complaint for check in checks for complaint in check(text)] == []


def test_lints_leave_the_page_alone(tmp_path):
    path = page(tmp_path)
    before = path.read_bytes()
    cells = copy.deepcopy(lints.Page(path).cells)
    lints.lint(path)
    assert path.read_bytes() == before
    assert cells == lints.Page(path).cells


@pytest.mark.parametrize("path", lints.written(), ids=lambda path: path.stem)
def test_the_books_own_pages(path):
    assert lints.lint(path) == []


def test_every_page_is_there_and_listed():
    assert lints.table_of_contents() == []


def test_wide_letters_that_nobody_sees_are_let_through(tmp_path):
    def change(cells):
        cells[2].source = "x = 1  # " + "long " * 14
        cells[2].metadata.tags.append("remove-input")
        output(cells[3], **{"text/plain": "3" * 77, "text/html": "<b>3</b>"})

    assert complaints(lints.within_the_column, page(tmp_path, change)) == []


def test_the_minutes_are_mended_and_nothing_else(tmp_path):
    text = "# How many weights?\n\n*90 minutes · needs 4 minutes of patience*"
    path = page(tmp_path, set_source(1, text))
    before = nbformat.read(path, as_version=4)
    reading.mend(path)
    after = nbformat.read(path, as_version=4)
    assert after.cells[1].source == text.replace("90", "3")
    assert [c for c in before.cells if c.id != before.cells[1].id] == [
        c for c in after.cells if c.id != before.cells[1].id
    ]
    assert complaints(lints.honest_minutes, path) == []


def test_the_first_page_lists_the_pages_there_are():
    toc = {"parts": [{"chapters": [{"file": "book/before-you-start"}]},
                     {"caption": "The idea", "chapters": [{"file": "book/idea/by-hand"}]},
                     {"caption": "Does it hold?", "chapters": [{"file": "book/holds/batch"}]},
                     {"caption": "Reference", "chapters": [{"file": "book/reference/bibliography"}]}]}  # fmt: skip
    names = ("before-you-start", "idea/by-hand", "holds/batch", "reference/bibliography")
    rows = contents.table(toc, {f"book/{name}": name.title() for name in names}).splitlines()[2:]
    assert rows == [
        "| Front | [Before-You-Start](before-you-start.ipynb) |",
        "| I. The idea | [Idea/By-Hand](idea/by-hand.ipynb) |",
        "| II. Does it hold? | [Holds/Batch](holds/batch.ipynb) |",
        "| Reference | [Reference/Bibliography](reference/bibliography.md) |",
    ]


def test_the_lints_run_where_the_locale_knows_ascii_alone():
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "tools.lints"], cwd=first_cell.ROOT, env=plain, capture_output=True, text=True
    )
    assert "Error" not in done.stderr
