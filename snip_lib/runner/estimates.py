"""How long runs will take, from the records of earlier ones."""

import contextlib
from collections.abc import Iterable
from statistics import median

from snip_lib.records import Records
from snip_lib.studies.run import Run


class History:
    """What earlier records say of the time that a run takes on a device."""

    def __init__(self, records: Iterable[dict]):
        self._paces: dict[tuple, list[float]] = {}  # what is alike -> seconds an iteration
        self._starts: dict[tuple, list[float]] = {}  # what is alike -> seconds until the first step
        for record in records:
            if record["metrics"]["iterations"]:
                self._note(record["run"], record["metrics"], record["from"]["device"])

    @classmethod
    def of(cls, records: Records) -> "History":
        """All sound records in a folder, and the book's own where they are there."""
        folders = [records]
        with contextlib.suppress(FileNotFoundError):
            folders += [book for book in [Records()] if book.folder.resolve() != records.folder.resolve()]
        return cls(one for each in folders for name in each.experiments() for one in each.read(name)[0])

    def seconds(self, run: Run, device: str) -> float | None:
        """Seconds that a whole run takes; None where nothing like it is recorded."""
        for kind in _kinds_of(run, device):
            if kind in self._paces:
                iterations = (run.pretrain + 1) * run.recipe.iterations
                return median(self._paces[kind]) * iterations + median(self._starts[kind])
        return None

    def start_seconds(self, run: Run, device: str) -> float:
        """Seconds until the first step of a run; 0 where nothing like it is recorded."""
        return next((median(self._starts[k]) for k in _kinds_of(run, device) if k in self._starts), 0.0)

    def _note(self, run: dict, metrics: dict, device: str) -> None:
        size, layout = run["recipe"]["batch_size"], run.get("layout", "plain")
        for kind in _kinds(device, run["network"], size, run["dtype"], layout, run["data"]):
            self._paces.setdefault(kind, []).append(metrics["seconds"] / metrics["iterations"])
            self._starts.setdefault(kind, []).append(metrics["scoring_seconds"])


def _kinds_of(run: Run, device: str) -> list[tuple]:
    return _kinds(device, run.network, run.recipe.batch_size, run.dtype, run.layout, run.data)


def _kinds(device: str, network: str, size: int, dtype: str, layout: str, data: str) -> list[tuple]:
    """What makes runs alike, the most telling first: network and batch, with precision, layout and data, or without."""
    alike = (device, network, size)
    return [(*alike, dtype, layout, data), (*alike, dtype, layout), alike]


def words(seconds: float | None) -> str:
    """A length of time as people say it: "40 s", "12 min", "3.5 h"; "?" for None."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
