"""Words for messages: the nearest known name, what to install, and warnings that point at the caller's line."""

import difflib
import importlib
import sys
import warnings
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


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called the library, however deep inside it the reason was found."""
    level, frame = 1, sys._getframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "snip_lib":
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
