"""A folder of records: reading them, adding to them, and what pages ask of them."""

import contextlib
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from snip_lib import data
from snip_lib.records import arrays, merging, writing
from snip_lib.records.merging import Merged
from snip_lib.records.record import COLUMNS, DamagedRecord, RecordError, check, flat, identity, make
from snip_lib.studies.run import METHOD, Run
from snip_lib.words import require


class Records:
    """The records of one folder, the book's own (`results/` in its data folder) unless another is named.

    Each experiment has a file of lines, `<experiment>.jsonl`; `arrays/` holds the longer lists of numbers, `again/` the
    records of runs that were made again elsewhere and came out the same. A line is checked once and remembered, so
    reading again after an addition is cheap; records that are read are shared, so copy one before you change it.

    >>> Records().names("digits", "laptop") >= {record["name"] for record in Records().read("digits")[0]}
    True
    """

    def __init__(self, folder: Path | str | None = None):
        self.folder = data.book_data() / "results" if folder is None else Path(folder)
        self._sound: dict[bytes, dict] = {}  # line -> its record
        self._told: set[Path] = set()  # files that were warned of
        self._lock = None

    def __repr__(self) -> str:
        return f"Records({str(self.folder)!r})"

    def __reduce__(self):
        return Records, (self.folder,)  # to another process goes the folder alone

    @property
    def again(self) -> "Records":
        """The notes of what was made again elsewhere: records that no table reads, with the metrics of those here."""
        return Records(self.folder / "again")

    def path(self, experiment: str) -> Path:
        """The file of an experiment's records. ValueError for what is no name of an experiment.

        >>> Records("mine").path("digits").as_posix()
        'mine/digits.jsonl'
        """
        if not _is_name(experiment):
            raise ValueError(f"{experiment!r} is no name of an experiment (letters, digits, - and _): rename its file")
        return self.folder / f"{experiment}.jsonl"

    def experiments(self) -> list[str]:
        """The experiments that have a file here, sorted; one DamagedRecord warning for a file that is none of them."""
        found = sorted(self.folder.glob("*.jsonl"))
        names = [path.stem for path in found if _is_name(path.stem) and path.is_file()]
        for path in found:
            if path.stem not in names and path not in self._told:
                self._told.add(path)
                warnings.warn(f"{path} is not read: no file of an experiment is called so", DamagedRecord, stacklevel=2)
        return names

    def read(self, experiment: str) -> tuple[list[dict], list[str]]:
        """The sound records of an experiment, in the order written, and one complaint for each line that is not.

        Of equal records one is returned; of two that differ though they are of the same run, both, with a complaint.
        Raises RecordError when the file cannot be read.
        """
        path = self.path(experiment)
        found, complaints = [], []
        for number, line in enumerate(_lines(path), 1):
            try:
                if line.strip():
                    found.append(self._checked(line))
            except ValueError as error:
                complaints.append(f"{path}, line {number} is skipped: {error}")
        return _without_doubles(found, path, complaints)

    def names(self, experiment: str, profile: str) -> set[str]:
        """The names of the runs of which a sound record by today's method is there."""
        return {one["name"] for one in self.read(experiment)[0] if identity(one)[1:] == (METHOD, profile)}

    def load(self, experiment: str, *, profile: str | None = None):
        """All sound records of an experiment as a pandas data frame, one row a run; errors are shares in [0, 1].

        Columns: the run's fields; its recipe's `optimizer`, `learning_rate`, `iterations` and `weight_decay`;
        `valid_error` and `test_error` after the last iteration, `best_test_error` of the last five (a diverged run
        counts as chance, and `diverged` is True); `kept` of `total` connections; `seconds`; `profile`, `device`,
        `name`; `stale` where a room's method has changed since. They are the same where nothing is recorded yet, and
        the frame is empty. Damaged lines are reported with a `DamagedRecord` warning and skipped.
        """
        pandas = require("pandas", "a table of records")
        found, complaints = self.read(experiment)
        for complaint in complaints:
            warnings.warn(complaint, DamagedRecord, stacklevel=2)
        rows = [flat(record) for record in found if profile in (None, record["profile"])]
        return pandas.DataFrame(rows, columns=list(COLUMNS))

    def series(self, record: dict, metric: str):
        """A list of a record's metrics, such as "losses" [[iteration, loss], …], as a float64 array.

        Raises RecordError when it lies in a file of arrays that is missing or altered, KeyError for an unknown metric.

        >>> Records().series(Records().read("digits")[0][0], "valid_errors").shape  # [iteration, share] twenty times
        (20, 2)
        """
        import numpy as np

        if metric in record["metrics"]:
            return np.asarray(record["metrics"][metric], dtype=np.float64)
        try:
            return arrays.read(record, self.folder)[metric]
        except ValueError as error:
            raise RecordError(str(error)) from error

    def make(self, run: Run, metrics: dict, *, profile: str, origin: dict) -> dict:
        """The record of a run, as `record.make`; lists of more than 64 numbers are written to `arrays/` first."""
        short, long = arrays.split(metrics)
        return make(run, short, profile=profile, origin=origin, arrays=arrays.write(long, self.folder))

    def append(self, experiment: str, made: Sequence[dict], *, twins: bool = False) -> int:
        """Write records at once, whole or not at all; how many were new: a run is recorded once by each method.

        twins: whether a record that differs from the one there is kept beside it, as `merge` does. Raises RecordError
        when the folder cannot be written or the disk is full; what was recorded before stays as it was.
        """
        path = self.path(experiment)
        with self.writing():
            there = {_key(record, twins) for record in self.read(experiment)[0]}
            new: dict[object, dict] = {}
            for record in made:
                if _key(record, twins) not in there:
                    new.setdefault(_key(record, twins), record)
            lines = [json.dumps(one, sort_keys=True, allow_nan=False).encode() + b"\n" for one in new.values()]
            if lines:
                writing.append(path, b"".join(lines))
        return len(new)

    def adopt(self, experiment: str, names: set[str], *, profile: str) -> int:
        """Copy the records of these runs that other experiments of the folder hold; how many were new here.

        A run that two tables share is so paid for once, and each table still reads one file. Records of an older method
        are not copied.
        """
        copied = 0
        for other in self.experiments():
            wanted = [r for r in self.read(other)[0] if r["name"] in names and identity(r)[1:] == (METHOD, profile)]
            copied += self.append(experiment, wanted) if other != experiment else 0
        return copied

    def merge(self, path: Path) -> Merged:
        """Add the sound records of one file, with their arrays; `path.stem` names the experiment. See `merging`."""
        return merging.merge(path.stem, Records(path.parent), self)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the lock of the folder; it ends with its process, however that ends."""
        from filelock import FileLock

        self._lock = self._lock or FileLock(self.folder / "records.lock")
        with writing.writable(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _checked(self, line: bytes) -> dict:
        if line not in self._sound:
            self._sound[line] = check(line)
        return self._sound[line]


def files_of(source: Path) -> list[Path]:
    """The files of records in a folder, or the one file. Raises RecordError when there is none.

    >>> from snip_lib.data import book_data
    >>> [path.name for path in files_of(book_data() / "results" / "table1.jsonl")]
    ['table1.jsonl']
    """
    found = [source]
    if source.is_dir():
        records = Records(source)
        found = [records.path(experiment) for experiment in records.experiments()]
    if not found or not all(path.is_file() and path.suffix == ".jsonl" for path in found):
        raise RecordError(f"{source}: no records there (a folder with .jsonl files, or one such file)")
    return found


def _key(record: dict, twins: bool) -> object:
    return record["checksum"] if twins else identity(record)


def _is_name(experiment: str) -> bool:
    return bool(re.fullmatch(r"[\w-]+", experiment))


def _lines(path: Path) -> list[bytes]:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading a pipe would wait for ever
            raise OSError(0, "it is a pipe or a device")
        with open(path, "rb") as file:
            return file.read().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RecordError(f"{path} cannot be read: {error.strerror}") from error


def _without_doubles(found: list[dict], path: Path, complaints: list[str]) -> tuple[list[dict], list[str]]:
    unique, first = {}, {}
    for record in found:
        if record["checksum"] in unique:
            continue
        unique[record["checksum"]] = record
        twin = first.setdefault(identity(record), record)
        if twin is not record:
            complaints.append(f"{path}: two records of run {record['name']} differ; both are kept")
    return list(unique.values()), complaints
