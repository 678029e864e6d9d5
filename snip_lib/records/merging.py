"""Adding records that were made on another machine: each is checked, and what is here already is not added again.

A run that was made again elsewhere and measured the same to the bit, the seconds aside, is a reproduction and no second
record: it is kept as a note, a whole record with its origin, in the folder `again/`, which no table reads.
"""

import json
from dataclasses import dataclass, field

import numpy as np

from snip_lib.records import arrays, writing
from snip_lib.records.record import identity

TIMES = {"seconds", "scoring_seconds"}  # no two executions share them


@dataclass
class Merged:
    """What came of one file.

    new: records added. known: already here. again: made again elsewhere and equal in every metric; noted in `again/`.
    differing: added beside another of the same run; notes: a line for each, in which metric it differs and by how much.
    complaints: a line for each that was skipped.

    >>> Merged(new=3, known=1).complaints
    []
    """

    new: int = 0
    known: int = 0
    again: int = 0
    differing: int = 0
    notes: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


def merge(experiment: str, source, into) -> Merged:
    """Add the sound records of an experiment, with their arrays, from one `Records` to another. Raises RecordError."""
    found, complaints = source.read(experiment)
    done = Merged(complaints=complaints)
    with into.writing():
        here: dict[tuple, list[dict]] = {}
        for record in into.read(experiment)[0]:
            here.setdefault(identity(record), []).append(record)
        for record in found:
            try:
                with writing.writable(into.folder):
                    arrays.copy(record, source.folder, into.folder)
            except ValueError as error:
                done.complaints.append(f"{source.path(experiment)}: run {record['name']} is skipped: {error}")
            else:
                _add(record, experiment, source, into, here.setdefault(identity(record), []), done)
    return done


def _add(record: dict, experiment: str, source, into, ours: list[dict], done: Merged) -> None:
    """Add one record, or note it; `ours` are the records of its run that are here."""
    if any(one["checksum"] == record["checksum"] for one in ours):
        done.known += 1
        return
    told = [differences(record, one, source, into) for one in ours]
    if [] in told:
        noted = into.again.append(experiment, [record], twins=True)
        done.again, done.known = done.again + noted, done.known + 1 - noted
    else:
        into.append(experiment, [record], twins=True)
        ours.append(record)
        if told:
            done.differing += 1
            done.notes.append(f"run {record['name']} differs from ours: {'; '.join(told[0])}")
        else:
            done.new += 1


def differences(theirs: dict, ours: dict, source, into) -> list[str]:
    """In which metrics two records of a run differ, seconds aside, and by how much; empty when in none."""
    names = {name for one in (theirs, ours) for name in (*one["metrics"], *((one["arrays"] or {}).get("metrics", ())))}
    equal_arrays = theirs["arrays"] == ours["arrays"]
    told = []
    for name in sorted(names - TIMES):
        a, b = theirs["metrics"].get(name), ours["metrics"].get(name)
        beside = any(name not in one["metrics"] for one in (theirs, ours))
        if beside and not equal_arrays:
            a, b = (_list(*one, name) for one in ((theirs, source), (ours, into)))
        if a != b:
            told.append(_difference(name, a, b))
    return told


def _list(record: dict, records, name: str) -> list | None:
    """A metric as a list, from the record or its arrays; None where it is not there or cannot be read."""
    if name in record["metrics"]:
        return record["metrics"][name]
    try:
        return arrays.read(record, records.folder)[name].tolist()
    except (ValueError, KeyError):
        return None


def _difference(name: str, theirs: object, ours: object) -> str:
    try:
        a, b = (np.asarray(one, dtype=np.float64) for one in (theirs, ours))
    except (TypeError, ValueError):  # no numbers
        return f"{name} {_brief(theirs)}, here {_brief(ours)}"
    if a.shape != b.shape or not np.isfinite([a, b]).all():  # None is a NaN
        return f"{name} {_brief(theirs)}, here {_brief(ours)}"
    return f"{name} by up to {np.abs(a - b).max():.3g}" if a.ndim else f"{name} {theirs}, here {ours} ({a - b:+.3g})"


def _brief(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} values"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
