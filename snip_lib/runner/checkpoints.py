"""Checkpoints of runs that have begun, and the claim that keeps two runners from the same run."""

import contextlib
import hashlib
import io
import pickle
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from snip_lib.records import provenance, writing
from snip_lib.runner.units import Unit
from snip_lib.studies.run import METHOD, Run


class CheckpointWarning(UserWarning):
    """A checkpoint cannot be gone on from, so its run starts again."""


class Checkpoint:
    """The file of a run, or of a unit of them, that has begun, in `checkpoints/` beside the records."""

    def __init__(self, folder: Path, unit: Unit | Run, device: torch.device | str):
        """folder: of the records."""
        self.path = folder / "checkpoints" / f"{unit.name}.checkpoint"
        self.older = self.path.with_suffix(".safetensors")  # what an earlier library wrote
        self.origin = {
            "name": unit.name,
            "method": METHOD,
            "sources": provenance.sources(),
            "torch": str(torch.__version__),
            "device": torch.device(device).type,
        }

    def save(self, state: dict) -> None:
        """Write the state, whole or not at all. Raises OSError when it cannot; the checkpoint before stays."""
        writing.write_whole(self.path, pack({"origin": self.origin, "state": state}))

    def load(self) -> dict | None:
        """The state to go on from; None, with a warning that says why, when there is none that can be trusted."""
        try:
            content = unpack(self.path.read_bytes())
            origin, state = content["origin"], content["state"]
        except FileNotFoundError:
            if self.older.exists():
                self._refuse("it is of an older form", self.older)
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
        """Delete the file once its run is recorded, and what killed writers left behind long ago."""
        for path in (self.path, self.older):
            path.unlink(missing_ok=True)
        writing.sweep(self.path.parent)

    def _refuse(self, why: str, path: Path | None = None) -> None:
        warnings.warn(f"checkpoint {path or self.path} is not used: {why}. The run starts again", CheckpointWarning, 3)


def pack(state: object) -> bytes:
    """A nest of dicts, lists, tuples, tensors, numbers and texts as bytes: 32 of SHA-256, then a file of `torch.save`.

    The hash is needed: torch.load takes most files of which one bit was flipped.
    """
    buffer = io.BytesIO()
    torch.save(_whole(state), buffer)
    content = buffer.getvalue()
    return hashlib.sha256(content).digest() + content


def unpack(content: bytes) -> object:
    """What `pack` packed, on the CPU, without unpickling objects. ValueError when it is something else or altered."""
    file = memoryview(content)[32:]
    if hashlib.sha256(file).digest() != content[:32]:
        raise ValueError("not whole, or altered (its checksum does not fit)")
    try:
        return torch.load(io.BytesIO(file), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"not whole, or altered ({str(error).splitlines()[0]})") from error


def _whole(state: object) -> object:
    """The nest with each tensor on its own: of a view, torch.save would write all that it is a view of."""
    if isinstance(state, torch.Tensor):
        return state.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(state, dict):
        return {key: _whole(value) for key, value in state.items()}
    return type(state)(map(_whole, state)) if isinstance(state, (list, tuple)) else state


@contextlib.contextmanager
def claim(folder: Path, runs: Sequence[Run]) -> Iterator[bool]:
    """Whether this process may run all of these now: False while another one is at any of them.

    folder: of the records. Ends with the process, however it ends.
    """
    from filelock import FileLock, Timeout

    locks = folder / "checkpoints"
    locks.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        try:
            for run in runs:
                held.enter_context(FileLock(locks / f"{run.name}.lock", timeout=0))
        except Timeout:
            held.close()
            yield False
            return
        yield True
