"""What an argument may be: text from the command line into a value, or one line that argparse prefixes with its name.

Names are looked up in the tables of the library; none of that needs torch, so a mistyped command is told at once.
"""

import argparse
import math
from collections.abc import Callable
from pathlib import Path

from snip_lib.words import nearest

SEEDS, WORKERS, TOGETHER = 1_000, 1_024, 10_000  # the most of each: beyond, a zero too many was typed
HUGE = 2**63 - 1


def whole(least: int, most: int = HUGE) -> Callable[[str], int]:
    """The type of a whole number from `least` to `most`."""
    said = f"a whole number from {least} to {most:,}" if most < HUGE else f"a whole number of at least {least}"

    def convert(text: str) -> int:
        value = _number(int, text, said)
        if not least <= value <= most:
            raise _wanted(said, text)
        return value

    return convert


def positive(text: str) -> float:
    """A positive number that is finite."""
    value = _number(float, text, "a positive number")
    if not (math.isfinite(value) and value > 0):
        raise _wanted("a positive number", text)
    return value


def sparsity(text: str) -> float:
    """A share to prune."""
    value = _number(float, text, "sparsity must be in [0, 1): a share")
    if not 0 <= value < 1:
        raise _wanted("sparsity must be in [0, 1): a share", text)
    return value


def share(text: str) -> tuple[int, int]:
    """(I, N) of "I/N", the I-th of N shares counted from 1."""
    try:
        place, count = (int(part) for part in text.split("/"))
    except ValueError:
        raise _wanted("I/N, such as 1/4 for the first of four shares,", text) from None
    if not 1 <= place <= count:
        raise _wanted("I/N with I from 1 to N", text)
    return place, count


def folder(text: str) -> Path:
    """The name of a folder, or of something else; what lies there is looked at later."""
    if not text.strip() or "\0" in text:
        raise _wanted("the name of a folder", text)
    return Path(text)


def mask_file(text: str) -> Path:
    """A file of masks that is to be written: its ending is right, and its folder is there."""
    path = Path(text)
    if "\0" in text or path.suffix != ".safetensors":
        raise argparse.ArgumentTypeError(f"the file's name ends in .safetensors, got {_short(text)}")
    return written(text)


def written(text: str) -> Path:
    """A file that is to be written: its folder is there."""
    path = folder(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {_short(str(path.parent))}")
    return path


def experiment(text: str) -> str:
    """A name of an experiment, or "all"."""
    from snip_lib import studies

    return text if text == "all" else _known(text, studies.named)


def profile(text: str) -> str:
    """A profile that some experiment has."""
    from snip_lib import studies

    known = tuple(dict.fromkeys(name for one in studies.EXPERIMENTS.values() for name in one.seeds))
    if text not in known:
        raise argparse.ArgumentTypeError(f"no profile {_short(text)}; known: {', '.join(known)}{nearest(text, known)}")
    return text


def book_network(text: str) -> str:
    """A network of the book's."""
    from snip_lib import models

    return _known(text, models.named)


def network(text: str) -> str:
    """A network of the book's, or module:function, which is imported later."""
    return text if ":" in text else book_network(text)


def dataset(text: str) -> str:
    """A data set of the book's."""
    from snip_lib import data

    return _known(text, data.check_name)


def examples(text: str) -> str:
    """A data set of the book's, or module:function, which is imported later."""
    return text if ":" in text else dataset(text)


def criterion(text: str) -> str:
    """A name of the criteria."""
    from snip_lib.scoring import criteria

    return _known(text, criteria.check_name)


def scheme(text: str) -> str:
    """A name of an initialization, or another name for it; whether it needs a deviation is looked at later."""
    from snip_lib import schemes

    return _known(text, lambda name: schemes.canonical(name, 1.0 if schemes.needs_std(name) else None))


def _known(text: str, check: Callable[[str], object]) -> str:
    try:
        check(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _number(kind: type, text: str, said: str) -> int | float:
    try:
        return kind(text)
    except ValueError:
        raise _wanted(said, text) from None


def _wanted(said: str, text: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{said} is wanted, got {_short(text)}")


def _short(text: str) -> str:
    return repr(text) if len(text) <= 60 else f"{text[:57]!r}…"
