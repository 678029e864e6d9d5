"""Changes of one place of a Python file, found in its syntax tree and drawn with a seed.

A comparison is turned, an `and` becomes an `or`, a sum a difference, a number another, a truth value its opposite; a
keyword argument is dropped, two arguments change places, a call that stands alone is left out. What only words or
types hold (docstrings, annotations, messages of errors, imports) is left alone.
"""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARED = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
COMPUTED = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "/",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.LShift: ">>",
    ast.RShift: "<<",
}
TYPED = {"isinstance", "issubclass", "hasattr", "getattr", "setattr"}  # their arguments never change places
WORDS = (ast.Raise, ast.Import, ast.ImportFrom, ast.JoinedStr)  # nothing in them is changed


@dataclass(frozen=True)
class Change:
    """In `file`, relative to the library, the text from `start` to `end` becomes `new`.

    name: file, function, what becomes what, and a number where the function holds the same twice; it stands when lines
    above are added, and is how a survivor is listed.
    """

    file: str
    start: int
    end: int
    new: str
    name: str

    def applied(self, text: str) -> str:
        """The file's text with the change made."""
        return text[: self.start] + self.new + text[self.end :]


def changes(path: Path, file: str) -> list[Change]:
    """Every change of a file that the kinds above allow, in the order of its text.

    file: how the changes call it.
    """
    text = path.read_text(encoding="utf-8")
    found, seen = [], {}
    for function, start, end, new in _places(ast.parse(text), text):
        old = " ".join(text[start:end].split())
        name = f"{file} {function}: {old or 'nothing'} -> {' '.join(new.split()) or 'nothing'}"
        seen[name] = seen.get(name, 0) + 1
        found.append(Change(file, start, end, new, f"{name} ({seen[name]})"))
    return found


def drawn(paths: dict[str, Path], number: int, *, seed: int) -> list[Change]:
    """So many changes drawn from all files, name -> path, that compile.

    A change is drawn by a hash of the seed and its name, so that other code that is added or goes changes few of them.
    """

    def lot(change: Change) -> bytes:
        return hashlib.sha256(f"{seed} {change.name}".encode()).digest()

    found = []
    for change in sorted((c for file, path in paths.items() for c in changes(path, file)), key=lot):
        if len(found) == number:
            break
        if _compiles(change.applied(paths[change.file].read_text(encoding="utf-8"))):
            found.append(change)
    return found


def _places(tree: ast.Module, text: str) -> Iterator[tuple[str, int, int, str]]:
    """(function, start, end, new text) of each change."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    data = text.encode()

    def span(node) -> tuple[int, int]:
        ends = starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset
        return tuple(len(data[:end].decode()) for end in ends)

    for function, node in _nodes(tree, "module"):
        yield from ((function, *place) for place in _of(node, span, text))


def _nodes(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node that is computed with, and the function it stands in."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, WORDS) or _is_text(child):
                continue
            inside = child.name if isinstance(child, ast.FunctionDef | ast.ClassDef) else function
            yield inside, child
            yield from _nodes(child, inside)


def _is_text(node: ast.AST) -> bool:
    """Docstrings, and the list of names that a module shows."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0]) == "__all__"
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _of(node: ast.AST, span, text: str) -> Iterator[tuple[int, int, str]]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield _between(node.left, node.comparators[0], COMPARED[type(node.ops[0])], span, text)
    elif isinstance(node, ast.BoolOp):
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield _between(left, right, "or" if isinstance(node.op, ast.And) else "and", span, text)
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED and not _is_path(node):
        yield _between(node.left, node.right, COMPUTED[type(node.op)], span, text)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield span(node)[0], span(node.operand)[0], ""
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        yield *span(node), _other(node.value)
    elif isinstance(node, ast.Call):
        yield from _arguments(node, span, text)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield *span(node), "pass"


def _is_path(node: ast.BinOp) -> bool:
    """A folder and a name: nothing but a TypeError would come of another operator."""
    return isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant | ast.JoinedStr)


def _between(left: ast.AST, right: ast.AST, new: str, span, text: str) -> tuple[int, int, str]:
    """The operator between two operands, with the brackets around them kept."""
    start, end = span(left)[1], span(right)[0]
    between = text[start:end]
    first = len(between) - len(between.lstrip(") \n"))
    last = len(between.rstrip("( \n"))
    return start + first, start + last, new


def _other(value: bool | float) -> str:
    if isinstance(value, bool):
        return str(not value)
    return str(value + 1) if isinstance(value, int) else repr(value * 2 or 1.0)


def _arguments(call: ast.Call, span, text: str) -> Iterator[tuple[int, int, str]]:
    for keyword in call.keywords:
        if keyword.arg and not isinstance(keyword.value, ast.Constant):
            start, end = span(keyword)
            after = text[end:].startswith(", ")
            yield start, end + 2 * after, ""
    first = [] if ast.unparse(call.func) in TYPED else call.args[:2]
    if len(first) == 2 and not any(isinstance(argument, ast.Starred | ast.Constant) for argument in first):
        (a, b), (c, d) = span(call.args[0]), span(call.args[1])
        if text[a:b] != text[c:d]:
            yield a, d, text[c:d] + text[b:c] + text[a:b]


def _compiles(text: str) -> bool:
    try:
        compile(text, "mutant", "exec")
    except SyntaxError:
        return False
    return True
