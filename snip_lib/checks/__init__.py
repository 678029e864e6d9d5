"""Checkers for the exercises: each takes the reader's answer and says in one line whether it is right.

An answer is a value or a function. Each checker computes the right one again, by another way than the page's solution
where there is one; a stub nobody has touched is told apart from a wrong answer. One file a page, named as the page is
and imported when it is first used: `sl.checks.by_hand.batch(…)` is a checker of *A network small enough to prune by
hand*. A new page of exercises is a new file here, and nothing else.
"""

import importlib
import pkgutil

from snip_lib.checks.verdict import CHECKERS, Verdict, Wrong, checker
from snip_lib.words import nearest

PAGES = tuple(
    sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in ("raised", "verdict"))
)

__all__ = ["CHECKERS", "PAGES", "Verdict", "Wrong", "checker"]


def __getattr__(name: str):
    """Import a page's checkers when they are first asked for."""
    if name in PAGES:
        return importlib.import_module(f"snip_lib.checks.{name}")
    raise AttributeError(f"no page of exercises is called {name!r}{nearest(name, PAGES)}")


def __dir__() -> list[str]:
    """What a notebook offers after `sl.checks.`: the pages."""
    return list(PAGES)
