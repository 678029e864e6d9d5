"""Let an equation of several lines carry the paper's number: Sphinx wraps them in `split`, where a tag is an error."""

from docutils import nodes


def unwrap(app, doctree) -> None:
    """Write display mathematics that has a `\\tag` as it stands between `\\[` and `\\]`."""
    for node in doctree.findall(nodes.math_block):
        if r"\tag" in node.astext() and not node.get("nowrap"):
            node["nowrap"] = True
            node.children = [nodes.Text(rf"\[{node.astext()}\]")]


def setup(app) -> dict:
    app.connect("doctree-read", unwrap)
    return {"parallel_read_safe": True}
