"""What the command line's options mean: turning text into runs, devices and folders, or into one clear error."""

import argparse
import contextlib
import dataclasses
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from snip_lib import studies
from snip_lib.records import Records
from snip_lib.studies.run import Run
from snip_lib.words import nearest


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, with the nearest known word where a choice was mistyped."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help says more)\n")


def chosen(given: argparse.Namespace) -> list[Run]:
    """The runs of a profile that `--seeds` and `--only` leave, in order. ValueError when an option makes no sense."""
    experiment = studies.named(given.experiment)
    for option in ("seeds", "workers", "together"):
        if (value := getattr(given, option)) is not None and value < 1:
            raise ValueError(f"--{option} must be at least 1, got {value}")
    if given.minutes is not None and not (math.isfinite(given.minutes) and given.minutes > 0):
        raise ValueError(f"--minutes must be a positive number, got {given.minutes}")
    if not (math.isfinite(given.checkpoint) and given.checkpoint > 0):
        raise ValueError(f"--checkpoint must be a positive number of seconds, got {given.checkpoint}")
    runs = experiment.plan(given.profile, seeds=given.seeds)
    for condition in given.only:
        runs = _filtered(runs, condition)
    return runs


def shard(runs: list[Run], text: str | None) -> list[Run]:
    """The I-th of N shares, counted from 1, of a list of runs; "I/N" as text, None for all."""
    if text is None:
        return runs
    try:
        place, count = (int(part) for part in text.split("/"))
    except ValueError:
        raise ValueError(f"--shard must be I/N, such as 1/4, got {text!r}") from None
    if not 1 <= place <= count:
        raise ValueError(
            f"--shard {text}: the first of {max(count, 1)} shares is 1/{max(count, 1)}, the last "
            f"{max(count, 1)}/{max(count, 1)}"
        )
    return runs[place - 1 :: count]


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
def records_to_write(folder: Path | None, *, kept: bool) -> Iterator[Records]:
    """The records of `--records`, the book's own by default; temporary ones where nothing is to be kept by default."""
    if folder is not None and folder.exists() and not folder.is_dir():
        raise ValueError(f"--records {folder} is no folder")
    if folder is None and not kept:
        print("smoke runs are not kept: --records DIR keeps them")
        with tempfile.TemporaryDirectory(prefix="snip-smoke-") as made:
            yield Records(made)
    else:
        yield Records(folder)


def records_to_read(folder: Path | None) -> Records:
    """The records of `--records`, the book's own by default. ValueError when they are not there."""
    if folder is not None and not folder.is_dir():
        raise ValueError(f"--records {folder} is no folder")
    return Records(folder)


def _filtered(runs: list[Run], condition: str) -> list[Run]:
    key, equals, value = condition.partition("=")
    known = [f.name for f in dataclasses.fields(Run) if f.name != "recipe"]
    if not equals:
        raise ValueError(f"--only takes KEY=VALUE, such as network=lenet-300-100, got {condition!r}")
    if key not in known:
        raise ValueError(f"--only: a run has no {key!r}; known: {', '.join(known)}{nearest(key, known)}")
    kept = [run for run in runs if _equals(getattr(run, key), value)]
    if not kept:
        there = sorted({str(getattr(run, key)) for run in runs})
        raise ValueError(f"--only {condition}: no run is left; {key} is one of {', '.join(there)}")
    return kept


def _equals(value: object, text: str) -> bool:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            return float(text) == value
    return str(value) == text
