"""`python -m snip_lib rehearse`: what a device can do, before hours depend on it."""

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import torch

from snip_lib.commands.resolve import device
from snip_lib.records import provenance
from snip_lib.runner.rehearsal import OUTCOMES, Line, rehearse

DONE, FAILED, UNFINISHED = 0, 1, 3  # as `line` has them


def run(given: argparse.Namespace) -> int:
    """Rehearse, a line for each network and way; the exit code."""
    where, lines = device(given.device), []
    print(f"{provenance.device_name(where)}, torch {torch.__version__}; milliseconds of a step, difference of a loss")
    for line in rehearse(where, networks=given.only, deadline=time.monotonic() + 60 * given.minutes):
        print(shown(line), flush=True)
        lines.append(line)
        if given.out:
            _save(given.out, where, lines)
    counts = {outcome: sum(line.outcome == outcome for line in lines) for outcome in OUTCOMES}
    print("; ".join(f"{count} {outcome}" for outcome, count in counts.items() if count))
    for network, best in fastest(lines).items():
        print(f"fastest: {network} {best}")
    return FAILED if counts["failed"] else UNFINISHED if counts["not tried"] else DONE


def shown(line: Line) -> str:
    """A line as text.

    >>> shown(Line("vgg-c", "bfloat16", "ok", "", 12.34, 0.002))
    'vgg-c          bfloat16         ok             12.3 ms    0.2 %'
    """
    measured = f"{line.milliseconds:9.1f} ms {100 * line.difference:6.2g} %" if line.outcome == "ok" else line.note
    return f"{line.network:<14} {line.way:<16} {line.outcome:<10}{measured}"


def fastest(lines: Iterable[Line]) -> dict[str, str]:
    """Network -> its fastest way of those that are well, and how much faster than plain it was."""
    paces: dict[str, dict[str, float]] = {}
    for line in lines:
        if line.outcome == "ok":
            paces.setdefault(line.network, {})[line.way] = line.milliseconds
    best = {network: min(found, key=found.get) for network, found in paces.items()}
    return {
        network: f"{way}, {paces[network]['plain'] / paces[network][way]:.1f} times as fast as plain"
        for network, way in best.items()
        if way != "plain" and "plain" in paces[network]
    }


def _save(path: Path, where: str, lines: list[Line]) -> None:
    """Written anew after each line, so that a killed rehearsal leaves its table."""
    origin = {key: provenance.of(where)[key] for key in ("commit", "device", "torch", "date")}
    path.write_text(json.dumps(origin | {"lines": [asdict(line) for line in lines]}, indent=1) + "\n", encoding="utf-8")
