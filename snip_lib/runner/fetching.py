"""Data sets for a sweep: what is not here is downloaded once, whoever asks for it first."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from snip_lib import data


def fetch(names: Iterable[str]) -> None:
    """Download the data sets that are not here, one process at a time. Raises DataError.

    >>> fetch(["digits"])  # ships with the book
    """
    for name in sorted(set(names)):
        if not data.available(name):
            with _alone(data.root()):
                data.load(name)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads into the folder; without a folder to lock, loading says what is wrong."""
    from filelock import FileLock

    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(folder / "download.lock"))
        yield
