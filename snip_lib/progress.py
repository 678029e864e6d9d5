"""Progress: one bar of plain text for the library, the pages and the command line, and when there is none."""

import os
import sys
from collections.abc import Iterable
from typing import IO

from snip_lib.words import require


def is_static() -> bool:
    """Whether a page is being made that will be read without a kernel: SNIP_STATIC is set, and not to 0."""
    return os.environ.get("SNIP_STATIC", "0") not in ("", "0")


def on_terminal(file: IO[str] | None = None) -> bool:
    """Whether somebody watches what is written there (standard error): a bar that redraws itself is noise in a log."""
    file = file or sys.stderr
    return not is_static() and file is not None and file.isatty()


def bar(iterable: Iterable | None = None, **options: object):
    """A tqdm bar of plain text, never a widget: over an iterable, or with `total` for `update`. Options are tqdm's.

    Raises ModuleNotFoundError that says how to get tqdm.

    >>> list(bar(range(3), disable=True))
    [0, 1, 2]
    """
    tqdm = require("tqdm", "showing progress").tqdm
    return tqdm(iterable, **{"mininterval": 0.5, "dynamic_ncols": True} | options)
