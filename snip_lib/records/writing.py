"""Files that are written whole or not at all, lines that are added whole or not at all, one writer at a time."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from snip_lib.records.record import RecordError

DRAFT_SECONDS = 3600.0  # a draft that is older was left by a writer that is no more


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step: a crash leaves the old file or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    try:
        with open(draft, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def sweep(folder: Path) -> None:
    """Delete what killed writers left half-written in a folder, once it is old."""
    for draft in folder.glob("*.draft"):
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
                draft.unlink()


def append(path: Path, lines: bytes) -> None:
    """Add lines to a file, all of them or none; a torn line at its end is closed first. Raises RecordError."""
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


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power failure, where the system lets a folder be opened (Windows does not)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
