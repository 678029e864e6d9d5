"""The table of criteria: what to prune by, each a function in a file of its own in this room, of one signature::

    criterion(model, x, y, *, at=None, loss=None, batch_norm="identity",
              mode="eval", prunable=default_prunable, examples=None,
              generator=None)

returns name -> score of every connection, of the parameter's shape; the higher the score, the sooner it is kept. What a
criterion has no use for it takes and does not look at, so that all are called alike; what it needs it demands. at: the
masks c at which the network is scored (None: all 1). The forward pass sees c ∘ w and a score is what one switch c_j
does from there, so that a pruned connection has one too; scores that no c enters, magnitude and random, stay as they
are.

A new criterion is a file `scoring/NAME.py` with a function NAME, and an entry here; `sl.criteria.NAME`, `sl.prune`,
`Run` and the command line know it by that. Nothing is imported before it is asked for.
"""

import importlib
from collections.abc import Callable

from snip_lib.words import nearest

CRITERIA: dict[str, str] = {
    "snip": "connection sensitivity, |w dL/dw| (Lee, Ajanthan, Torr, 2019)",
    "magnitude": "the size of the weight, |w|",
    "random": "a uniform random number",
    "grasp": "what the gradient's norm loses, w Hg (Wang, Zhang, Grosse, 2020)",
    "synflow": "the absolute paths through a connection, no data (Tanaka et al., 2020)",
    "obd": "the curvature, h w^2 / 2, by the Gauss-Newton diagonal (LeCun, Denker, Solla, 1990)",
    "signed": "SNIP without the absolute value, -w dL/dw: a counter-example",
    "gradient": "SNIP without the weight, |dL/dw|: a counter-example",
}


def named(name: str) -> Callable[..., dict]:
    """The criterion of that name; ValueError with the nearest known one otherwise.

    >>> named("magnitude").__name__
    'magnitude'
    """
    return getattr(importlib.import_module(f"snip_lib.scoring.{check_name(name)}"), name)


def check_name(name: str) -> str:
    """The name, if it is one of a criterion, of which nothing is imported; ValueError with the nearest otherwise.

    >>> check_name("sinp")
    Traceback (most recent call last):
    ValueError: unknown criterion 'sinp'; known: snip, ...; did you mean 'snip'?
    """
    if not isinstance(name, str) or name not in CRITERIA:
        raise ValueError(f"unknown criterion {name!r}; known: {', '.join(CRITERIA)}{nearest(name, CRITERIA)}")
    return name


def __getattr__(name: str):
    """The criteria are attributes of this module: `criteria.snip`."""
    if name in CRITERIA:
        return named(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The criteria beside what is written above."""
    return sorted({*globals(), *CRITERIA})
