"""What a checker says, and how a function becomes one."""

import functools
import math
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodType

from snip_lib.checks.raised import Raised, explained

LONGEST = 240  # characters of a verdict, whatever an answer holds
FUNCTIONS = FunctionType | BuiltinFunctionType | MethodType | functools.partial


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


def checker(check: Callable[..., str] | None = None, *, likely: tuple[tuple[str, str], ...] = ()) -> Callable:
    """Make a checker of a function that raises `Wrong`, or returns what the right answer shows.

    Its page is the module that defines it. `likely` are pairs of a pattern and a hint: what the reader's function most
    likely does wrong when it raises an exception whose type and message fit. ValueError where the page has a checker of
    that name already: the later of the two would be asked about answers to the question of the earlier.
    """
    if check is None:
        return functools.partial(checker, likely=likely)
    name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
    if name in CHECKERS:
        raise ValueError(f"checker {name} is there already: give one of the two another name")

    @functools.wraps(check)
    def checked(*answers: object) -> Verdict:
        try:
            return _line("right", check(*map(_touched, answers)))
        except _Untouched:
            return Verdict("not attempted yet")
        except Wrong as wrong:
            return _line("not yet", wrong)
        except Exception as error:  # the reader's code may do anything
            return _line("not yet", explained(error, likely))

    CHECKERS[name] = checked
    return checked


def _line(word: str, text: object) -> Verdict:
    """One line of readable length, whatever values went into it."""
    line = " ".join(f"{word}: {text}".split())
    return Verdict(line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…")


def rounded(given: float, wanted: float) -> bool:
    """Whether `given` is `wanted` with fewer decimals, within a quarter of it: no mistake of thought.

    >>> rounded(463, 462.963), rounded(463.0, 463.7), rounded(0, 0.3)
    (True, False, False)
    """
    near = math.isclose(given, wanted, rel_tol=0.25)
    return near and any(math.isclose(given, round(wanted, decimals), abs_tol=1e-9) for decimals in range(6))


def enough_decimals(given: float, wanted: float, *, name: str = "") -> None:
    """Raise Wrong for a right number that is rounded too far, which a checker refuses but for no other reason."""
    if rounded(given, wanted):
        raise Wrong(f"{name + ': ' if name else ''}the number is right, and rounded too far: give another decimal")


def _touched(answer: object) -> object:
    """Return the answer, a function so that it is asked again at each call; a stub (`...`, None) raises."""
    if answer is ... or answer is None or answer is NotImplemented:
        raise _Untouched
    if isinstance(answer, dict | list | tuple):
        for part in answer.values() if isinstance(answer, dict) else answer:
            _touched(part)
    return _asked(answer) if isinstance(answer, FUNCTIONS) else answer


def _asked(function: Callable) -> Callable:
    """The reader's function, whose answers are looked at and whose exceptions are told from the checker's own."""

    @functools.wraps(function)
    def asked(*inputs: object, **options: object) -> object:
        try:
            answer = function(*inputs, **options)
        except NotImplementedError:
            raise _Untouched from None
        except Exception as error:
            raise Raised(error) from error
        return _touched(answer)

    return asked
