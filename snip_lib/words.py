"""Words for messages: the nearest known name, and what to install where something optional is missing."""

import difflib
import importlib
from collections.abc import Iterable
from types import ModuleType


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of an error message: '; did you mean …?', or nothing when no known name is near."""
    found = difflib.get_close_matches(str(name).lower(), known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def require(package: str, what: str) -> ModuleType:
    """Import what only a part of the library needs; ModuleNotFoundError saying how to get it when it is not there."""
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as missing:
        name = package.partition(".")[0]
        raise ModuleNotFoundError(f"{what} needs {name}: pip install {name}") from missing
