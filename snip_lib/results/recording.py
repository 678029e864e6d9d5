"""Writing records: whole lines or none, one writer at a time, nothing twice."""

import contextlib
import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

from snip_lib import results
from snip_lib.experiments import METHOD
from snip_lib.results import RecordError


def append(record: dict, experiment: str, *, records: Path | None = None, twins: bool = False) -> bool:
    """Write one record, whole or not at all; False when this run is recorded already, by the same method.

    twins: whether a record that differs from the one there is kept beside it, as `merge` does. Raises RecordError when
    the folder cannot be written or the disk is full; what was recorded before stays as it was.
    """
    path = results.path_of(experiment, records)
    with writing(path.parent):
        for other in results.read(experiment, records=records)[0]:
            same = other["checksum"] == record["checksum"] if twins else _same(other, record)
            if same:
                return False
        _write_line(path, json.dumps(record, sort_keys=True, allow_nan=False).encode())
    return True


def adopt(experiment: str, names: set[str], *, profile: str, records: Path | None = None) -> int:
    """Copy the records of these runs that other experiments of the folder hold; how many were new here.

    A run that two tables share is so paid for once, and each table still reads one file.
    """
    where, copied = Path(records or results.folder()), 0
    for path in sorted(where.glob("*.jsonl")):
        if path.stem == experiment:
            continue
        for record in results.read(path.stem, records=where)[0]:
            if record["name"] in names and (record["profile"], record["method"]) == (profile, METHOD):
                copied += append(record, experiment, records=where)
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


def _write_line(path: Path, line: bytes) -> None:
    with writable(path), open(path, "ab+", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        torn = end > 0 and os.pread(file.fileno(), 1, end - 1) != b"\n"
        whole = (b"\n" if torn else b"") + line + b"\n"
        try:
            if file.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise
