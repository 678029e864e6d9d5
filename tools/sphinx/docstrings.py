"""The library's page: docstrings are plain text in which `…` is code, and signatures have an argument a line."""

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


def arguments_in_spans(app, page, template, context: dict, doctree) -> None:
    """Sphinx lists arguments by <dd> without <dt>, which is no list to a screen reader."""

    def spans(signature: re.Match) -> str:
        text = signature[0].replace("<dl>", '<span class="arguments">').replace("</dl>", "</span>")
        return text.replace("<dd>", "<span>").replace("</dd>", "</span>")

    if "body" in context:
        context["body"] = re.sub(r'<dt class="sig .*?</dt>', spans, context["body"], flags=re.DOTALL)


def setup(app) -> dict:
    app.connect("autodoc-process-docstring", plain)
    app.connect("autodoc-process-signature", functions_by_name)
    app.connect("html-page-context", arguments_in_spans)
    return {"parallel_read_safe": True}
