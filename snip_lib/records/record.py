"""One record: made of a run and what it measured, checked when it is read, laid out flat for a table."""

import dataclasses
import hashlib
import json
import re

from snip_lib.records import content
from snip_lib.records.content import short
from snip_lib.studies.run import METHOD, Run
from snip_lib.training.recipes import Recipe

FORMAT = 1
FIELDS = {"format", "run", "name", "method", "profile", "metrics", "from", "arrays", "checksum"}
TOLD = tuple(f.name for f in dataclasses.fields(Run) if f.name != "recipe")  # of a run, in a row of a table
YOUNG = {f.name: f.default for f in dataclasses.fields(Run) if f.metadata.get("later")}  # what older records leave out
RECIPE = ("optimizer", "learning_rate", "iterations", "weight_decay")
COUNTS = ("kept", "total", "seconds")
COLUMNS = (*TOLD, *RECIPE, *content.ERRORS, "diverged", *COUNTS, "profile", "device", "name", "stale")


class RecordError(Exception):
    """Records cannot be read or written; the message says what to do."""


class DamagedRecord(UserWarning):
    """A line of a file of records or a whole file was skipped, or two records of one run differ."""


def make(run: Run, metrics: dict, *, profile: str, origin: dict, arrays: dict | None = None) -> dict:
    """The record of a run: what was run, what it measured, where it comes from, and a checksum over all of it.

    origin: of `provenance.of`. arrays: what `arrays.write` says of the metrics that lie beside it. Raises ValueError
    when a number is not finite, because JSON has no such number, and for content that `check` would refuse.
    """
    record = {
        "format": FORMAT,
        "run": run.to_dict(),
        "name": run.name,
        "method": METHOD,
        "profile": profile,
        "metrics": metrics,
        "from": origin,
        "arrays": arrays,
    }
    record = {**record, "checksum": checksum(record)}
    content.check(record, run)
    return record


def check(line: bytes | str) -> dict:
    """The record of one line. Raises ValueError saying what is wrong: torn, altered, unsound, or of a newer format.

    >>> check('{"format": 1, "metr')
    Traceback (most recent call last):
    ValueError: not a whole line of JSON (Unterminated string starting at: line 1 column 15 (char 14))
    """
    try:
        return _checked(line)
    except RecursionError:
        raise ValueError("not a record of a run, but brackets within brackets without end") from None


def _checked(line: bytes | str) -> dict:
    try:
        record = json.loads(line, parse_constant=_refuse)
    except ValueError as error:
        raise ValueError(f"not a whole line of JSON ({error})") from None
    if not isinstance(record, dict) or not set(record) >= FIELDS:
        raise ValueError("not a record of a run")
    if record["format"] != FORMAT:
        raise ValueError(f"format {short(record['format'])}, this library reads {FORMAT}; a newer one may read it")
    if record["checksum"] != checksum(record):
        raise ValueError("its checksum does not fit: the line was altered")
    run = _run_of(record)
    if run.name != record["name"]:
        raise ValueError(f"its name {short(record['name'])} is not that of its run, {run.name}")
    content.check(record, run)
    return record


def _run_of(record: dict) -> Run:
    try:
        run = Run(**record["run"])
        content.check_types(run)
        _complete(Run, record["run"])
        _complete(Recipe, record["run"]["recipe"])
        _ = run.name  # a hash of JSON, which not everything is
        return run
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        raise ValueError(f"its run is not known here ({str(error)[:200]})") from None


def _complete(kind: type, told: dict) -> None:
    """ValueError when a field is left to its default, which another version may set otherwise."""
    needed = [f.name for f in dataclasses.fields(kind) if not f.metadata.get("later")]
    if missing := [name for name in needed if name not in told]:
        raise ValueError(f"it does not say its {missing[0]}")


def checksum(record: dict) -> str:
    """SHA-256 over the record without its checksum, as JSON with sorted keys.

    >>> checksum({"b": 1, "a": 2}) == checksum({"a": 2, "b": 1, "checksum": "any"})
    True
    """
    told = {key: value for key, value in record.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, allow_nan=False).encode()).hexdigest()


def identity(record: dict) -> tuple[str, int, str]:
    """What is recorded once: a run, by a method, in a profile."""
    return record["name"], record["method"], record["profile"]


def flat(record: dict) -> dict:
    """One row of `Records.load`: the run and what it measured, without nesting; no text in it can be active.

    Its keys are `COLUMNS`, in their order, whatever the record is of and however old it is.

    >>> from snip_lib.records import read
    >>> row = flat(read("figure3")[0][0])
    >>> row["network"], row["sparsity"], row["stale"]
    ('lenet-300-100', 0.9, False)
    """
    run, metrics = {**YOUNG, **record["run"]}, record["metrics"]
    chance = 1 - 1 / metrics["classes"]
    diverged = metrics["diverged"] is not None
    row = {
        **{key: run[key] for key in TOLD},
        **{key: run["recipe"][key] for key in RECIPE},
        **{key: chance if diverged else metrics[key] for key in content.ERRORS},
        "diverged": diverged,
        **{key: metrics[key] for key in COUNTS},
        "profile": record["profile"],
        "device": record["from"]["device"],
        "name": record["name"],
        "stale": record["method"] != METHOD,
    }
    return {key: plain(value) if isinstance(value, str) else value for key, value in row.items()}


def plain(text: object) -> str:
    """Free text of a record with nothing left in it that a page could take for HTML, Markdown or a link.

    >>> plain("<b>NVIDIA H100</b>")
    '?b?NVIDIA H100?/b?'
    """
    return re.sub(r"[^\w .,()/+-]", "?", str(text))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")
