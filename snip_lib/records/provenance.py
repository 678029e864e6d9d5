"""Where a record comes from: the code, the device, the libraries. Never the machine's name, its user or a path."""

import datetime
import functools
import hashlib
import subprocess
from pathlib import Path

import torch

PACKAGE = Path(__file__).resolve().parent.parent
NOT_RUN = ("tables", "figures", "interact", "checks")  # a run does not pass through these, so they may change beside it


def of(device: torch.device | str, *, together: int = 1, computed: str = "float32, plain") -> dict:
    """What a record says of its origin, but for what the run itself states (threads, dtype).

    together: how many runs were trained as one computation, which rounds in other places than one alone. computed:
    precision and layout that the device computed in, which may be less than what the run wished for.
    """
    exact = torch.device(device).type == "cpu" and together == 1
    return {
        "commit": commit(),
        "uncommitted": uncommitted(),
        "sources": sources(),
        "device": device_name(device),
        "torch": str(torch.__version__),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "repeats": "to the bit" if exact else "within the spread of seeds",
        "together": together,
        "computed": computed,
    }


def device_name(device: torch.device | str) -> str:
    """What a record calls a device: "cpu", or the product name of a GPU."""
    device = torch.device(device)
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


@functools.cache
def sources() -> str:
    """Sixteen hexadecimal digits: a hash of the sources that a run passes through, as they were when first asked."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(f"{path.relative_to(PACKAGE).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def commit() -> str | None:
    """The commit that is checked out; None outside a git checkout."""
    return _git("rev-parse", "HEAD")


@functools.cache
def uncommitted() -> bool | None:
    """Whether the sources that a run passes through differ from the commit; None outside a git checkout."""
    changed = _git("status", "--porcelain", "--", *(str(path) for path in _files()))
    return None if changed is None else bool(changed)


def _files() -> list[Path]:
    found = sorted(PACKAGE.rglob("*.py"))
    return [path for path in found if path.relative_to(PACKAGE).parts[0] not in NOT_RUN]


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
