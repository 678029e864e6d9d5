"""The command line: `python -m snip_lib`."""

import os
import signal
import sys


def _end(*_: object) -> None:
    """Ctrl-C before there is anything to keep: imports answer an exception with pages of traceback, so none is raised.

    A sweep puts its own answer in place of this one while it runs.
    """
    os._exit(130)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _end)
    from snip_lib.commands import main

    try:
        sys.exit(main())
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done: Python's own ending is not to be interrupted
