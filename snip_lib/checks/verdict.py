"""What a checker says, and how a function becomes one."""

import functools
from collections.abc import Callable
from types import FunctionType


class Verdict(str):
    """A line that a notebook shows without quotation marks; true when the answer is right."""

    __slots__ = ()
    __repr__ = str.__str__

    def __bool__(self) -> bool:
        return self.startswith("right")


class Wrong(Exception):
    """What is wrong with an answer, in words that help to mend it."""


class _Untouched(Exception):
    """The answer is still the stub."""


CHECKERS: dict[str, Callable[..., Verdict]] = {}  # "page.name", of the pages imported so far


def checker(check: Callable[..., str]) -> Callable[..., Verdict]:
    """Make a checker of a function that raises `Wrong`, or returns what the right answer shows.

    Its page is the module that defines it. ValueError where the page has a checker of that name already: the later of
    the two would be asked about answers to the question of the earlier.
    """
    name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
    if name in CHECKERS:
        raise ValueError(f"checker {name} is there already: give one of the two another name")

    @functools.wraps(check)
    def checked(*answers: object) -> Verdict:
        try:
            return Verdict(f"right: {check(*map(_touched, answers))}")
        except (_Untouched, NotImplementedError):
            return Verdict("not attempted yet")
        except Wrong as wrong:
            return Verdict(f"not yet: {wrong}")
        except Exception as error:  # the reader's code may do anything
            return Verdict(f"not yet: it raised {type(error).__name__}: {error}")

    CHECKERS[name] = checked
    return checked


def _touched(answer: object) -> object:
    """Return the answer, a function so that it is asked again at each call; a stub (`...`, None) raises."""
    if answer is ... or answer is None or answer is NotImplemented:
        raise _Untouched
    if isinstance(answer, dict | list | tuple):
        for part in answer.values() if isinstance(answer, dict) else answer:
            _touched(part)
    if not isinstance(answer, FunctionType):
        return answer
    return functools.wraps(answer)(lambda *inputs, **options: _touched(answer(*inputs, **options)))
