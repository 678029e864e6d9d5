"""When is a notebook stale? Its stamp: a hash of its code cells, of each file under `data/` that it read, and of what
of the library it uses."""

import hashlib
from pathlib import Path

import nbformat

from tools import library
from tools.first_cell import MARK, ROOT

LIBRARY = "the library that it uses changed"


def files_under_data(asked: list[str]) -> list[str]:
    """Those of the paths a notebook asked for that lie under `data/`, relative to the repository."""
    inside = (Path(p) for p in set(asked) if p.startswith(f"{ROOT}/data/"))
    return sorted(p.relative_to(ROOT).as_posix() for p in inside if not p.name.endswith((".lock", ".pyc")))


def stamp(notebook, reads: list[str]) -> dict:
    """Hash of the code cells but the first (the address in it changes nothing), of each path that was read, and of the
    modules of the library that the code uses."""
    code = [c.source for c in notebook.cells if c.cell_type == "code" and not c.source.startswith(MARK)]
    return {
        "code": digest("\0".join(code).encode()),
        "library": library.digest(code, ROOT),
        "reads": {path: digest_path(ROOT / path) for path in reads},
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def digest_path(path: Path) -> str:
    """Hash of a file, of the names in a folder, or a word for what is not there."""
    if path.is_dir():
        return digest("\0".join(sorted(p.name for p in path.iterdir())).encode())
    return digest(path.read_bytes()) if path.exists() else "absent"


def why_stale(path: Path) -> str:
    """What changed of its own since the notebook was executed, code or data; "" if nothing did."""
    notebook = nbformat.read(path, as_version=4)
    recorded = notebook.metadata.get("snip")
    if recorded is None:
        return "never executed"
    now = stamp(notebook, list(recorded["reads"]))
    changed = [name for name, value in recorded["reads"].items() if now["reads"][name] != value]
    return "its code changed" if now["code"] != recorded["code"] else ", ".join(changed) + " changed" * bool(changed)


def why_out_of_date(path: Path) -> str:
    """The same, and where nothing of its own changed, whether the library did: a reason that can wait for a release."""
    if reason := why_stale(path):
        return reason
    notebook = nbformat.read(path, as_version=4)
    recorded = notebook.metadata["snip"]
    return "" if recorded.get("library") == stamp(notebook, [])["library"] else LIBRARY
