"""The command line, `python -m snip_lib`: what each command takes (`options`), and what it does (the other files)."""

from snip_lib.commands.line import DONE, FAILED, INTERRUPTED, SENSELESS, UNFINISHED, main
from snip_lib.commands.options import parser

__all__ = ["DONE", "FAILED", "INTERRUPTED", "SENSELESS", "UNFINISHED", "main", "parser"]
