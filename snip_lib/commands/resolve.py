"""What the command line's options mean: turning them into runs, devices and folders, or into one clear error."""

import argparse
import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from snip_lib.words import nearest

PROFILE = "laptop"  # where nobody says otherwise


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the nearest known word where a choice was mistyped."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (--help says more)\n")


def chosen(given: argparse.Namespace) -> list:
    """The parts that a `run` command asks for, in order; see `agenda.Part`. ValueError when nothing is left.

    Several experiments: one seed of every row of all before a second seed of any.
    """
    from snip_lib import studies
    from snip_lib.studies import agenda

    if "all" in given.experiments:
        if len(given.experiments) > 1:
            raise ValueError(f"run all takes no other names, got {' '.join(given.experiments)}")
        parts = agenda.parts(given.profile, seeds=given.seeds)
    else:
        named = [studies.named(name) for name in dict.fromkeys(given.experiments)]
        parts = agenda.together(named, given.profile or PROFILE, seeds=given.seeds)
    for condition in given.only:
        parts = _filtered(parts, condition)
    return _shared(parts, given.shard)


def device(text: str) -> str:
    """A device that is there: "auto" is a GPU where there is one. ValueError for one that is not."""
    import torch

    if text == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        kind = torch.device(text)
    except RuntimeError:
        raise ValueError(f"--device {text!r} is no device; known: auto, cpu, cuda, cuda:0 …") from None
    if kind.type == "cuda" and (kind.index or 0) >= torch.cuda.device_count():
        raise ValueError(f"--device {text}: torch sees {torch.cuda.device_count()} GPUs on this machine")
    if kind.type not in ("cpu", "cuda"):
        raise ValueError(f"--device {text!r}: runs are made on cpu or cuda")
    return text


@contextlib.contextmanager
def records_to_write(folder: Path | None, *, kept: bool) -> Iterator[object]:
    """The `Records` of `--records`, the book's own by default; temporary where nothing is to be kept by default."""
    from snip_lib.records import Records

    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"--records {folder} is no folder")
    if folder is None and not kept:
        print("smoke runs are not kept: --records DIR keeps them")
        with tempfile.TemporaryDirectory(prefix="snip-smoke-") as made:
            yield Records(made)
    else:
        yield Records(folder)


def records_to_read(folder: Path | None):
    """The `Records` of `--records`, the book's own by default. ValueError when they are not there."""
    from snip_lib.records import Records

    if folder is not None and not folder.is_dir():
        raise ValueError(f"--records {folder} is no folder")
    return Records(folder)


def _filtered(parts: list, condition: str) -> list:
    """The parts with the runs that meet KEY=VALUE. ValueError when there is none."""
    from snip_lib.studies.run import Run

    key, equals, value = condition.partition("=")
    known = [f.name for f in dataclasses.fields(Run) if f.name != "recipe"]
    if not equals:
        raise ValueError(f"--only takes KEY=VALUE, such as network=lenet-300-100, got {condition!r}")
    if key not in known:
        raise ValueError(f"--only: a run has no {key!r}; known: {', '.join(known)}{nearest(key, known)}")
    kept = [part.only(lambda run: _equals(getattr(run, key), value)) for part in parts]
    if not any(part.runs for part in kept):
        there = sorted({str(getattr(run, key)) for part in parts for run in part.runs})
        raise ValueError(f"--only {condition}: no run is left; {key} is one of {', '.join(there)}")
    return [part for part in kept if part.runs]


def _shared(parts: list, share: tuple[int, int] | None) -> list:
    """Every N-th run of all parts from the I-th on; ValueError where there are more shares than runs."""
    if share is None:
        return parts
    (place, count), number = share, sum(len(part.runs) for part in parts)
    if count > number:
        raise ValueError(f"--shard {place}/{count}: there are {number} runs, fewer than shares")
    places = iter(range(number))
    kept = [part.only(lambda run: next(places) % count == place - 1) for part in parts]
    return [part for part in kept if part.runs]


def _equals(value: object, text: str) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(text) == value
    return str(value) == text
