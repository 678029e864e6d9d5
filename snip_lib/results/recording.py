"""Writing records: whole lines or none, one writer at a time, nothing twice."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from snip_lib import results
from snip_lib.results import RecordError
from snip_lib.studies.run import METHOD


def append(record: dict, experiment: str, *, records: Path | None = None, twins: bool = False) -> bool:
    """Write one record; False when this run is recorded already, by the same method. Else as `append_all`."""
    return bool(append_all([record], experiment, records=records, twins=twins))


def append_all(made: Sequence[dict], experiment: str, *, records: Path | None = None, twins: bool = False) -> int:
    """Write records at once, whole or not at all; how many were new: a run is recorded once by each method.

    twins: whether a record that differs from the one there is kept beside it, as `merge` does. Raises RecordError when
    the folder cannot be written or the disk is full; what was recorded before stays as it was.
    """
    path, same = results.path_of(experiment, records), _twin if twins else _same
    with writing(path.parent):
        there = results.read(experiment, records=records)[0]
        new = [record for record in made if not any(same(other, record) for other in there)]
        lines = [json.dumps(record, sort_keys=True, allow_nan=False).encode() + b"\n" for record in new]
        if lines:
            _write_lines(path, b"".join(lines))
    return len(new)


def adopt(experiment: str, names: set[str], *, profile: str, records: Path | None = None) -> int:
    """Copy the records of these runs that other experiments of the folder hold; how many were new here.

    A run that two tables share is so paid for once, and each table still reads one file.
    """
    where, copied = Path(records or results.folder()), 0
    for path in sorted(where.glob("*.jsonl")):
        if path.stem == experiment:
            continue
        found = results.read(path.stem, records=where)[0]
        wanted = [r for r in found if r["name"] in names and (r["profile"], r["method"]) == (profile, METHOD)]
        copied += append_all(wanted, experiment, records=where)
    return copied


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """Hold the lock of a folder of records; it ends with its process, however that ends."""
    from filelock import FileLock

    lock = FileLock(where / "records.lock")
    with writable(where):
        where.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turn the system's refusals to write in a folder or to a file into a RecordError that says what to do."""
    try:
        yield
    except OSError as error:
        raise RecordError(
            f"{path} cannot be written ({error.strerror}): free some space or name another folder with --records, "
            "then run the same command again; nothing that was recorded is lost"
        ) from error


def _same(other: dict, record: dict) -> bool:
    return all(other[key] == record[key] for key in ("name", "method", "profile"))


def _twin(other: dict, record: dict) -> bool:
    return other["checksum"] == record["checksum"]


def _write_lines(path: Path, lines: bytes) -> None:
    with writable(path), open(path, "ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        whole = (b"\n" if torn else b"") + lines
        try:
            if file.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise
