"""What of the library a page depends on: the modules that it names, and those that they use in turn, as a hash.

A name is followed through the faces (`__init__`) to the module that defines it; a module counts as a whole. What is
hashed is the syntax tree without docstrings, so that neither a comment nor a line break costs an execution, and the
scripts and styles that lie beside a module. Nothing is imported.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

NAME = "snip_lib"
ASSETS = (".js", ".css")
Name = tuple[str, str]  # a module of the library by its path, and a dotted name in it
DEFINING = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def digest(sources: Iterable[str], root: Path) -> str:
    """Hash of what the code of a page (its cells) uses of the library in `root`."""
    told = hashlib.sha256()
    for path in sorted(modules(sources, root)):
        told.update(f"{path.relative_to(root).as_posix()} {_hash(path, *_state(path))}\n".encode())
    return told.hexdigest()[:16]


def modules(sources: Iterable[str], root: Path) -> set[Path]:
    """Files of the library that the code of a page uses, directly or through others."""
    names = {name for source in sources for name in _names(_cell(source), {"sl": (NAME, "")})}
    todo, found = [path for name in names for path in _files(*name, root)], set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += [other for name in _uses(path, *_state(path)) for other in _files(*name, root)]
            todo += [other for other in path.parent.iterdir() if other.suffix in ASSETS]
    return found


def _cell(source: str) -> ast.Module:
    """The cell's syntax tree, without the lines for IPython alone; nothing where it is no Python."""
    lines = (line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
    try:
        return ast.parse("\n".join(lines))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _names(tree: ast.AST, bound: dict[str, Name]) -> set[Name]:
    """What a tree uses of the library; bound: what its names stand for already."""
    bound, found = bound | _bindings(tree), set()
    todo = [tree]
    while todo:
        node = todo.pop()
        first, _, rest = _dotted(node).partition(".")
        if first in bound:
            module, name = bound[first]
            found.add((module, f"{name}.{rest}".strip(".")))
        else:
            todo += ast.iter_child_nodes(node)
    return found


def _dotted(node: ast.AST) -> str:
    """A name, or attributes of one, as text; "" for anything else, such as an attribute of what a call returns."""
    if isinstance(node, ast.Name):
        return node.id
    before = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{before}.{node.attr}" if before else ""


def _bindings(tree: ast.AST) -> dict[str, Name]:
    """Name -> what of the library an import binds it to, anywhere in the tree."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            ours = [alias for alias in node.names if alias.name.split(".")[0] == NAME]
            bound |= {alias.asname or NAME: (alias.name if alias.asname else NAME, "") for alias in ours}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == NAME:
            bound |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    return bound


def _files(module: str, name: str, root: Path) -> set[Path]:
    """The file that defines a dotted name in a module; of a package that is used as a whole, all its files."""
    place = root.joinpath(*module.split("."))
    if not place.is_dir():
        return {place.with_suffix(".py")}
    if not name:
        return set(place.rglob("*.py"))
    part, _, rest = name.partition(".")
    face = place / "__init__.py"
    known = _read(face, *_state(face))
    if part in set(_defined(known)):
        return {face}
    other = _bindings(known).get(part, (module, part))
    if other != (module, part):
        return _files(other[0], f"{other[1]}.{rest}".strip("."), root)
    if (place / part).is_dir():
        return _files(f"{module}.{part}", rest, root)
    return _found(place, part) or {face}


def _found(place: Path, name: str) -> set[Path]:
    """The module of that name, else those that define it: what a face may load when it is first asked for."""
    if (place / f"{name}.py").is_file():
        return {place / f"{name}.py"}
    paths = list(place.rglob("*.py"))
    return {path for path in paths if path.stem == name or name in set(_defined(_read(path, *_state(path))))}


def _defined(tree: ast.Module) -> Iterator[str]:
    """Names that a module gives a value at its top."""
    for node in tree.body:
        if isinstance(node, DEFINING):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file does, so that it is read once."""
    told = path.stat()
    return told.st_mtime_ns, told.st_size


@functools.lru_cache(maxsize=1024)
def _read(path: Path, *state: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=1024)
def _uses(path: Path, *state: int) -> frozenset[str]:
    return frozenset(_names(_read(path, *state), {})) if path.suffix == ".py" else frozenset()


@functools.lru_cache(maxsize=1024)
def _hash(path: Path, *state: int) -> str:
    content = path.read_bytes()
    if path.suffix == ".py":
        content = _plain(_read(path, *state)).encode()
    return hashlib.sha256(content).hexdigest()


def _plain(node: object) -> str:
    """A tree as text, the same in every version of Python: without positions, docstrings and what is empty."""
    if isinstance(node, list):
        return f"[{','.join(map(_plain, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DEFINING | ast.Module):
        words = ast.get_docstring(node, clean=False) is not None
        fields["body"] = [each for each in node.body[words:] if not isinstance(each, ast.Pass)]
    told = [f"{name}={_plain(value)}" for name, value in fields.items() if value is not None and value != []]
    if isinstance(node, ast.Constant) and node.value is None:
        told = ["value=None"]
    return f"{type(node).__name__}({','.join(told)})"
