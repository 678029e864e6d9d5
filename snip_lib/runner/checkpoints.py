"""Checkpoints of runs that have begun, and the claim that keeps two runners from the same run."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from snip_lib.results import files, provenance
from snip_lib.runner.units import Unit
from snip_lib.studies.run import METHOD, Run


class CheckpointWarning(UserWarning):
    """A checkpoint cannot be gone on from, so its run starts again."""


class Checkpoint:
    """The file of a run, or of a unit of them, that has begun, in `checkpoints/` beside the records."""

    def __init__(self, records: Path, unit: Unit | Run, device: torch.device | str):
        self.path = records / "checkpoints" / f"{unit.name}.safetensors"
        self.origin = {
            "name": unit.name,
            "method": METHOD,
            "sources": provenance.sources(),
            "torch": str(torch.__version__),
            "device": torch.device(device).type,
        }

    def save(self, state: dict) -> None:
        """Write the state, whole or not at all. Raises OSError when it cannot; the checkpoint before stays."""
        files.write_whole(self.path, files.pack({"origin": self.origin, "state": state}))

    def load(self) -> dict | None:
        """The state to go on from; None, with a warning that says why, when there is none that can be trusted."""
        try:
            content = files.unpack(self.path.read_bytes())
            origin, state = content["origin"], content["state"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._refuse(f"it is {error}")
            return None
        other = [
            f"{key} {origin.get(key)!r}, here {mine!r}" for key, mine in self.origin.items() if origin.get(key) != mine
        ]
        if other:
            self._refuse(f"it is of {'; '.join(other)}, so that it would not end as an uninterrupted run does")
            return None
        return state

    def remove(self) -> None:
        """Delete the file once its run is recorded."""
        self.path.unlink(missing_ok=True)

    def _refuse(self, why: str) -> None:
        warnings.warn(f"checkpoint {self.path} is not used: {why}. The run starts again", CheckpointWarning, 3)


@contextlib.contextmanager
def claim(records: Path, runs: Sequence[Run]) -> Iterator[bool]:
    """Whether this process may run all of these now: False while another one is at any of them.

    Ends with the process, however it ends.
    """
    from filelock import FileLock, Timeout

    folder = records / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            for run in runs:
                held.enter_context(FileLock(folder / f"{run.name}.lock", timeout=0))
        except Timeout:
            held.close()
            yield False
            return
        yield True
