"""Run inside a notebook's kernel before its first cell: notes which files and folders the notebook asks for.

Every path that Python opens or lists is appended to the file named by SNIP_READS, also when it does not exist (so that
a result that is recorded later makes the notebook stale). Extensions that open files themselves are not seen; the
library therefore reads what lies in `data/` through Python's own `open`.
"""

import os
import sys

_log = os.open(os.environ["SNIP_READS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _note(event: str, arguments: tuple) -> None:
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes, os.PathLike)):
        os.write(_log, os.fsencode(os.path.abspath(os.fsdecode(arguments[0]))) + b"\n")


sys.addaudithook(_note)
