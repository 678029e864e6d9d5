"""How code of the user's is kept from ending this process by `os._exit`, at once or by what it leaves to `atexit`."""

import atexit
import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

WAYS = ("_exit", "abort", "execv", "execve")  # of os: after these no `finally` runs
Told = Callable[[BaseException], str]


@contextlib.contextmanager
def refused(told: Told) -> Iterator[None]:
    """Within, a way that ends the process raises SystemExit, which says by what, in every thread.

    What is left to `atexit` within runs at the end as it would, but can neither end the process, whose exit code would
    be another, nor fail with a traceback: it is one line on stderr, with the error as it is `told`.
    """
    before = _refuse()
    try:
        yield
    finally:
        for name, way in before.items():
            setattr(os, name, way)
        atexit.register(_last, told)  # what was registered last runs first


def _last(told: Told) -> None:
    """At the end of the process, before all that is left to do then: from here on nothing is put back."""
    _refuse()

    def line(error: BaseException | None) -> None:
        if error is not None:
            print(f"snip_lib: what was left to do at the end failed: {told(error)}", file=sys.__stderr__)

    sys.unraisablehook = lambda unraisable: line(unraisable.exc_value)
    sys.excepthook = lambda kind, error, trace: line(error)


def _refuse() -> dict[str, Callable]:
    """Put a refusal in the place of each way; returns what was there."""
    before = {name: getattr(os, name) for name in WAYS if hasattr(os, name)}
    for name, way in before.items():
        setattr(os, name, _ending(name, way))
    return before


def _ending(name: str, way: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
    """In this process a SystemExit that says by what; in one that was forked, as a worker is, what it was."""
    process = os.getpid()

    def end(*arguments: object) -> NoReturn:
        if os.getpid() != process:
            way(*arguments)
        raise SystemExit(f"os.{name}{arguments!r}")

    return end
