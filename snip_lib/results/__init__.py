"""The records: one line of JSON a run in `data/results/<experiment>.jsonl`, how they are made, checked and read.

A line that is torn or altered is reported and skipped. Files are opened by Python and never unpickled, so a record from
a stranger can be read. `recording` writes them.
"""

import hashlib
import json
import re
import warnings
from pathlib import Path

from snip_lib import data
from snip_lib.results import arrays
from snip_lib.studies.run import METHOD, Run
from snip_lib.words import require

FORMAT = 1
FIELDS = {"format", "run", "name", "method", "profile", "metrics", "from", "arrays", "checksum"}


class RecordError(Exception):
    """Records cannot be read or written; the message says what to do."""


class DamagedRecord(UserWarning):
    """A line of a file of records was skipped, or two records of one run differ."""


def folder() -> Path:
    """Where the book's records lie: `results/` in its data folder."""
    return data.book_data() / "results"


def load(experiment: str, *, records: Path | None = None, profile: str | None = None):
    """All sound records of an experiment as a pandas data frame, one row a run; errors are shares in [0, 1].

    Columns: the run's fields; `iterations`; `valid_error` and `test_error` after the last iteration, `best_test_error`
    of the last five (a diverged run counts as chance, and `diverged` is True); `kept` of `total` connections;
    `seconds`; `profile`, `device`, `name`; `stale` where a room's method has changed since. Damaged lines are reported
    with a `DamagedRecord` warning and skipped.
    """
    pandas = require("pandas", "a table of records")
    found, complaints = read(experiment, records=records)
    for complaint in complaints:
        warnings.warn(complaint, DamagedRecord, stacklevel=2)
    rows = [flat(record) for record in found if profile in (None, record["profile"])]
    return pandas.DataFrame(rows, columns=None if rows else ["name", "profile", "stale"])


def flat(record: dict) -> dict:
    """One row of `load`: the run and what it measured, without nesting."""
    run, metrics = record["run"], record["metrics"]
    chance = 1 - 1 / metrics["classes"]
    diverged = metrics["diverged"] is not None
    errors = {key: chance if diverged else metrics[key] for key in ("valid_error", "test_error", "best_test_error")}
    return {
        **{key: value for key, value in run.items() if key != "recipe"},
        "iterations": run["recipe"]["iterations"],
        "weight_decay": run["recipe"]["weight_decay"],
        **errors,
        "diverged": diverged,
        **{key: metrics[key] for key in ("kept", "total", "seconds")},
        "profile": plain(record["profile"]),
        "device": plain(record["from"]["device"]),
        "name": record["name"],
        "stale": record["method"] != METHOD,
    }


def plain(text: object) -> str:
    """Free text of a record with nothing left in it that a page could take for HTML, Markdown or a link."""
    return re.sub(r"[^\w .,()/+-]", "?", str(text))


def read(experiment: str, *, records: Path | None = None) -> tuple[list[dict], list[str]]:
    """The sound records of an experiment, in the order written, and one complaint for each line that is not.

    Of equal records one is returned; of two that differ though they are of the same run, both, with a complaint.
    """
    path = path_of(experiment, records)
    try:
        with open(path, "rb") as file:
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error
    found, complaints = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(check(line))
        except ValueError as error:
            complaints.append(f"{path}, line {number} is skipped: {error}")
    return _without_doubles(found, path, complaints)


def check(line: bytes | str) -> dict:
    """The record of one line. Raises ValueError saying what is wrong: torn, altered, or of a newer format."""
    try:
        record = json.loads(line, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"not a whole line of JSON ({error})") from None
    if not isinstance(record, dict) or not set(record) >= FIELDS:
        raise ValueError("not a record of a run")
    if record["format"] != FORMAT:
        raise ValueError(f"format {record['format']!r}, this library reads {FORMAT}; a newer one may read it")
    if record["checksum"] != checksum(record):
        raise ValueError("its checksum does not fit: the line was altered")
    try:
        name = Run(**record["run"]).name
    except (TypeError, ValueError) as error:
        raise ValueError(f"its run is not known here ({error})") from None
    if name != record["name"]:
        raise ValueError(f"its name {record['name']!r} is not that of its run, {name}")
    return record


def make(run: Run, metrics: dict, *, profile: str, origin: dict, records: Path | None = None) -> dict:
    """The record of a run: what was run, what it measured, where it comes from, and a checksum over all of it.

    Lists of more than 64 numbers are written to `arrays/<run>.safetensors` in the folder of records; the record names
    that file and its hash. Raises ValueError when a number is not finite, because JSON has no such number.
    """
    short, long = arrays.split(metrics)
    record = {
        "format": FORMAT,
        "run": run.to_dict(),
        "name": run.name,
        "method": METHOD,
        "profile": profile,
        "metrics": short,
        "from": origin,
        "arrays": arrays.write(run.name, long, Path(records or folder())),
    }
    return {**record, "checksum": checksum(record)}


def series(record: dict, metric: str, *, records: Path | None = None):
    """A list of a record's metrics, such as "losses" [[iteration, loss], …], as a float64 array.

    Raises RecordError when it lies in a file of arrays that is missing or altered, KeyError for an unknown metric.
    """
    import numpy as np

    if metric in record["metrics"]:
        return np.asarray(record["metrics"][metric], dtype=np.float64)
    try:
        return arrays.read(record, Path(records or folder()))[metric]
    except ValueError as error:
        raise RecordError(str(error)) from error


def checksum(record: dict) -> str:
    """SHA-256 over the record without its checksum, as JSON with sorted keys."""
    content = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _without_doubles(found: list[dict], path: Path, complaints: list[str]) -> tuple[list[dict], list[str]]:
    unique, first = {}, {}
    for record in found:
        if record["checksum"] in unique:
            continue
        unique[record["checksum"]] = record
        twin = first.setdefault((record["name"], record["method"], record["profile"]), record)
        if twin is not record:
            complaints.append(f"{path}: two records of run {record['name']} differ; both are kept")
    return list(unique.values()), complaints


def path_of(experiment: str, records: Path | None) -> Path:
    """The file of an experiment's records. ValueError for what is no name of an experiment."""
    if not experiment or any(c in experiment for c in "/\\.\0"):
        raise ValueError(f"{experiment!r} is no name of an experiment")
    return Path(records or folder()) / f"{experiment}.jsonl"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
