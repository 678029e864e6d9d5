"""Words: the nearest known name, what to install, warnings at the caller's line, and names imported when used."""

import difflib
import importlib
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
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


def lazily(
    package: str, names: Mapping[str, str], rooms: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package (PEP 562) whose names are imported when they are first used.

    names: name -> the module that defines it; rooms: name -> the module that it stands for. Both below the package.
    """
    rooms = rooms or {}

    def get(name: str) -> object:
        if name not in names and name not in rooms:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{names.get(name) or rooms[name]}")
        found = getattr(module, name) if name in names else module
        setattr(sys.modules[package], name, found)  # the next time it is found without asking
        return found

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names, *rooms})

    return get, listed


class Later:
    """A function of a module that is imported when the function is first called, or looked at.

    >>> Later("math", "gcd")(12, 18)
    6
    """

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *arguments: object, **options: object) -> object:
        """What the function returns."""
        return self.found(*arguments, **options)

    @property
    def found(self) -> Callable[..., object]:
        """The function itself."""
        return getattr(importlib.import_module(self.module), self.name)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.found)

    def __repr__(self) -> str:
        return f"Later({self.module!r}, {self.name!r})"
