"""Ctrl-C in a sweep: the first asks it to stop after a checkpoint, a second ends it at once, and both are quiet."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130  # the exit code that a shell gives for it


class Asked:
    """Whether a sweep was asked to stop, and what a signal does meanwhile.

    again: called before a second signal ends the process.
    """

    def __init__(self):
        self._asked = False
        self._waits: Callable[[], bool] | None = None  # whether stopping must wait for a checkpoint
        self.again: Callable[[], object] = lambda: None

    def __bool__(self) -> bool:
        return self._asked

    def note(self, number: int, frame: object) -> None:
        """Take a signal."""
        if self._asked:
            self.again()
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            os._exit(INTERRUPTED)
        self._asked = True
        if self._waits is not None and not self._waits():
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def at_once_unless(self, waits: Callable[[], bool]) -> Iterator[None]:
        """Within, a first signal ends the block at once, unless `waits()` says that it has something to save."""
        self._waits = waits
        try:
            with contextlib.suppress(KeyboardInterrupt):
                yield
        finally:
            self._waits = None


@contextlib.contextmanager
def interrupts() -> Iterator[Asked]:
    """Take SIGINT and SIGTERM within, and leave them as they were before afterwards."""
    asked = Asked()
    before = {number: signal.signal(number, asked.note) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """A process that is started within hears neither signal, from its first moment on; where the system has masks."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # else it is started within, and lifts the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
