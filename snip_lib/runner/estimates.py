"""How long runs will take, from the records of earlier ones."""

import contextlib
from statistics import median

from snip_lib.records import Records
from snip_lib.studies.run import Run


class History:
    """What earlier records say of the time that a run takes on a device."""

    def __init__(self, records: list[dict]):
        self.records = [record for record in records if record["metrics"]["iterations"]]

    @classmethod
    def of(cls, records: Records) -> "History":
        """All sound records in a folder, and the book's own where they are there."""
        folders = [records]
        with contextlib.suppress(FileNotFoundError):
            folders += [book for book in [Records()] if book.folder.resolve() != records.folder.resolve()]
        return cls([one for each in folders for name in each.experiments() for one in each.read(name)[0]])

    def seconds(self, run: Run, device: str) -> float | None:
        """Seconds that a whole run takes; None where nothing like it is recorded."""
        paces = [r["metrics"]["seconds"] / r["metrics"]["iterations"] for r in self._like(run, device)]
        iterations = (run.pretrain + 1) * run.recipe.iterations
        return median(paces) * iterations + self.start_seconds(run, device) if paces else None

    def start_seconds(self, run: Run, device: str) -> float:
        """Seconds until the first step of a run; 0 where nothing like it is recorded."""
        return median([r["metrics"]["scoring_seconds"] for r in self._like(run, device)] or [0.0])

    def _like(self, run: Run, device: str) -> list[dict]:
        """Records of the same network and batch size on the same device."""
        return [
            r
            for r in self.records
            if r["run"]["network"] == run.network
            and r["from"]["device"] == device
            and r["run"]["recipe"]["batch_size"] == run.recipe.batch_size
        ]


def words(seconds: float | None) -> str:
    """A length of time as people say it: "40 s", "12 min", "3.5 h"; "?" for None."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
