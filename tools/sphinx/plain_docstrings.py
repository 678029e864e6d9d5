"""Docstrings of the library are plain text in which `…` is code: nothing else of them is markup to Sphinx."""

import re

MARKUP = re.compile(r"[*|\\]|(?<=\w)_(?!\w)")  # emphasis, substitutions, escapes, and names that end in _


def plain(app, what, name, obj, options, lines: list[str]) -> None:
    """Escape, outside of code and examples, what reStructuredText would read as markup."""
    example = False
    for i, line in enumerate(lines):
        example = line.startswith(">>>") or (example and bool(line.strip()))
        if not example and not line.startswith("    "):
            parts = line.split("`")
            parts[::2] = [MARKUP.sub(r"\\\g<0>", part) for part in parts[::2]]
            lines[i] = "`".join(parts)


def functions_by_name(app, what, name, obj, options, signature: str | None, returned: str | None) -> tuple | None:
    """A default that is a function stands in the signature by its name, which Sphinx can parse."""
    return signature and (re.sub(r"<function (\w+)[^>]*>", r"\1", signature), returned)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", plain)
    app.connect("autodoc-process-signature", functions_by_name)
    return {"parallel_read_safe": True}
