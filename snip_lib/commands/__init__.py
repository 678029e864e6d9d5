"""The command line, `python -m snip_lib`: what each command takes (`grammar`), and what it does (the other files)."""

from snip_lib.commands.grammar import parser
from snip_lib.commands.line import DONE, FAILED, INTERRUPTED, SENSELESS, UNFINISHED, main

__all__ = ["DONE", "FAILED", "INTERRUPTED", "SENSELESS", "UNFINISHED", "main", "parser"]
