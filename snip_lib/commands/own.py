"""Code of the user's, by "module:function": imported from the folder one stands in, called, and never trusted to end.

Whatever it raises, SystemExit and its like too, comes back as a ValueError of one line that says where; only an
interrupt passes.
"""

import contextlib
import importlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor, nn

from snip_lib.commands import ending

NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
LONGEST = 300  # characters of a stranger's message


def model(name: str) -> nn.Module:
    """The network that "module:function" returns, or is. ValueError, one line, when there is none to be had."""
    made = called(name)
    if isinstance(made, nn.Module):
        return made
    raise ValueError(f"{name!r} returned {_kind(made)}, which is no nn.Module: return the network alone")


def batch(name: str) -> tuple[Tensor, Tensor]:
    """The mini-batch (x, y) that "module:function" returns. ValueError, one line, when it returns something else."""
    made = called(name)
    pair = made if isinstance(made, (tuple, list)) and len(made) == 2 else (None, None)
    if not all(isinstance(part, Tensor) and part.ndim for part in pair):
        raise ValueError(f"{name!r} returned {_kind(made)}: return a mini-batch, the two tensors (inputs, labels)")
    if not len(pair[0]) or len(pair[0]) != len(pair[1]):
        raise ValueError(f"{name!r} returned {len(pair[0])} inputs and {len(pair[1])} labels: return as many of each")
    return pair


def called(name: str) -> object:
    """What a function of the user's returns, called without arguments; a module is not called but returned."""
    module, _, function = name.partition(":")
    if not (NAME.fullmatch(module) and NAME.fullmatch(function)):
        raise ValueError(
            f"{name!r} is not of the form module:function: write net:make for the function `make` in net.py, "
            "and stand in its folder"
        )
    with guarded(f"{name!r} cannot be called"):
        found = importlib.import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
        made = found if isinstance(found, nn.Module) else found()
    if inspect.iscoroutine(made):
        made.close()  # else Python complains, too, that nobody waited for it
    return made


@contextlib.contextmanager
def giving_logits(made: nn.Module) -> Iterator[None]:
    """Within, a forward pass of the model must return logits (examples, classes): ValueError says what it returns."""

    def look(_: nn.Module, __: object, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim < 2:
            what = f"a tensor of shape {tuple(output.shape)}" if isinstance(output, Tensor) else _kind(output)
            raise ValueError(f"it returned {what}: return the logits (examples, classes) alone")

    handle = made.register_forward_hook(look)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def importable() -> Iterator[None]:
    """The modules of the folder one stands in can be imported within, and cannot end the process."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        with ending.refused(_told):
            yield
    finally:
        with contextlib.suppress(ValueError):  # the user's code may have changed the path, too
            sys.path.remove(here)


@contextlib.contextmanager
def guarded(what: str, *, end: str = "") -> Iterator[None]:
    """Turn whatever is raised within into a ValueError: `what`, the error, the user's line that it is from, `end`."""
    try:
        with _put_back():
            yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ValueError(f"{what}: {_told(error)}{_place(error)}{end}") from error


@contextlib.contextmanager
def _put_back() -> Iterator[None]:
    """What code of the user's can do to the whole process is undone: to leave its folder, to print elsewhere.

    ValueError where it closes what is printed to.
    """
    here, streams = Path.cwd(), (sys.stdout, sys.stderr)
    try:
        yield
        if any(stream.closed for stream in streams if stream is not None):
            raise ValueError("it closed what is printed to (sys.stdout, sys.stderr)")
    finally:
        sys.stdout, sys.stderr = streams
        os.chdir(here)


def _told(error: BaseException) -> str:
    """An error in one line: its name, where its message does not stand for itself, and the message."""
    if isinstance(error, SystemExit):
        by = error.code if str(error.code).startswith("os.") else f"sys.exit({error.code!r})"
        return f"it ended the program ({by})"
    message = " ".join(str(error).split())
    message = message if len(message) <= LONGEST else f"{message[: LONGEST - 1]}…"
    plain = isinstance(error, (ImportError, AttributeError, ValueError)) and message
    return message if plain else f"{type(error).__name__}: {message}" if message else type(error).__name__


def _place(error: BaseException) -> str:
    """The last line of the user's that an error passed through, where there is one."""
    here = Path.cwd()
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent == here]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def _kind(made: object) -> str:
    return "nothing (None)" if made is None else f"{type(made).__name__}"
