"""The library's page: every public name stands on it, docstrings are read as written, signatures can be read out."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import docutils.core
import pytest

import snip_lib as sl

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book/reference/library.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"^\.\. auto\w+:: snip_lib\.([\w.]+)", PAGE, re.MULTILINE))
ROOMS = ("", "data", "init", "models", "pruning", "training", "studies", "records", "tables", "runner", "interact")
OMITTED = {  # public for the house's own rooms, pages and tools
    "how a set is found and checked": {"data.Source", "data.check_name", "init.canonical", "models.Network"},
    "how a record is written, checked and merged": {
        *("records.DamagedRecord", "records.Merged", "records.RecordError", "records.check", "records.checksum"),
        *("records.files_of", "records.flat", "records.read"),
    },
    "what a table is put together from": {
        *("tables.Overall", "tables.Sample", "tables.by_row", "tables.cell", "tables.commands", "tables.compact"),
        *(
            "tables.conventions",
            "tables.counted",
            "tables.losses",
            "tables.mean",
            "tables.on_change",
            "tables.on_difference",
        ),
        *("tables.on_error", "tables.rest", "tables.shown", "tables.summarise"),
        *("tables.tally", "tables.tolerance"),
    },
    "how runs are spread and told of": {
        *("runner.RunError", "runner.Unit", "runner.describe", "runner.describe_unit", "runner.execute_unit"),
        *("runner.never", "runner.record_unit", "runner.threads", "runner.units"),
    },
    "parts of single pages' figures": {
        *("interact.Each", "interact.Frames", "interact.Note", "interact.Panel", "interact.Profile"),
        *("interact.Sheet", "interact.Slider", "interact.in_powers", "interact.live_sparsity"),
        *("interact.progress", "interact.six_connections", "interact.switch"),
    },
}


def public(room: str) -> set[str]:
    """The functions and classes of the library that a room shows, by full name; those of the face by that alone."""
    module = importlib.import_module(f"snip_lib.{room}") if room else sl
    own = "snip_lib" if hasattr(module, "__all__") else f"snip_lib.{room}"
    found = {name: getattr(module, name) for name in getattr(module, "__all__", None) or vars(module)}
    return {
        f"{room}.{name}".strip(".")
        for name, thing in found.items()
        if (inspect.isfunction(thing) or inspect.isclass(thing))
        and thing.__module__.startswith(own)
        and not name.startswith("_")
        and (not room or name not in sl.__all__ or getattr(sl, name) is not thing)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_stands_on_the_page_or_is_left_out_for_a_reason(room):
    left_out = set.union(*OMITTED.values())
    missing = public(room) - NAMED - left_out
    assert not missing, "add it to book/reference/library.md, or here with a reason"
    assert not left_out & NAMED


def test_nothing_is_left_out_that_is_not_there():
    assert set.union(*OMITTED.values()) <= set.union(*map(public, ROOMS))


def extension():
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "tools/sphinx/docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "text",
    [
        "g_j = dL(c * w)/dc_j, and |g_j| / Σ |g_k|",
        "an *args and **options, 2 * 3 ** 4",
        "apply_ and initialize_ change it in place; _private, __all__ and valid_* do not",
        r"a backslash \ stays",
    ],
)
def test_plain_text_is_read_as_it_is_written(text):
    lines = [text]
    extension().plain(None, "function", "", None, None, lines)
    tree = docutils.core.publish_doctree("\n".join(lines), settings_overrides={"report_level": 5})
    assert tree.astext() == text
    assert [type(node).__name__ for node in tree.findall() if node.parent is not None] == ["paragraph", "Text"]


def test_code_and_examples_are_left_alone():
    lines = ["`a * b_` is code, c * d is not", "", ">>> 2 * 3 ** 4", "162", "", "    block * of_ code"]
    extension().plain(None, "function", "", None, None, lines)
    assert lines == [r"`a * b_` is code, c \* d is not", "", ">>> 2 * 3 ** 4", "162", "", "    block * of_ code"]


def test_a_default_that_is_a_function_goes_by_its_name():
    by_name = extension().functions_by_name
    signature = "(model, prunable: Callable = <function default_prunable at 0x7f>, loss=None)"
    assert by_name(None, "", "", None, None, signature, "Masks") == (
        "(model, prunable: Callable = default_prunable, loss=None)",
        "Masks",
    )
    assert by_name(None, "", "", None, None, None, None) is None


def test_arguments_are_no_list_without_terms():
    body = '<dl class="py"><dt class="sig a">f(<dl>\n<dd>x</dd>\n</dl>)</dt><dd>what f does</dd></dl>'
    extension().arguments_in_spans(None, "", "", context := {"body": body}, None)
    signature = '<dt class="sig a">f(<span class="arguments">\n<span>x</span>\n</span>)</dt>'
    assert context["body"] == f'<dl class="py">{signature}<dd>what f does</dd></dl>'
