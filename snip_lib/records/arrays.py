"""The long numbers of records: curves and maps in `arrays/<hash>.safetensors`, named by what they hold.

So equal ones are one file, and different ones never overwrite each other. A record names its file by the hash. Files
of an older form, `arrays/<run>.safetensors`, are read too.
"""

import hashlib
from pathlib import Path

import numpy as np

from snip_lib.records import writing
from snip_lib.words import require

INLINE = 64  # longer lists of numbers go to a file of arrays


def split(metrics: dict) -> tuple[dict, dict[str, np.ndarray]]:
    """The metrics that fit into a line of JSON, and the lists of numbers that are too long for it.

    Raises ValueError when a number of the latter is not finite.
    """
    long = {key: np.asarray(value, dtype=np.float64) for key, value in metrics.items() if _numbers(value) > INLINE}
    if not all(np.isfinite(array).all() for array in long.values()):
        raise ValueError("a number of a record is not finite")
    return {key: value for key, value in metrics.items() if key not in long}, long


def write(arrays: dict[str, np.ndarray], folder: Path) -> dict | None:
    """Write arrays to a folder of records; what a record says of them, None when there are none. Raises OSError."""
    if not arrays:
        return None
    content = require("safetensors.numpy", "a curve of a record").save(arrays)
    told = {"metrics": sorted(arrays), "sha256": hashlib.sha256(content).hexdigest()}
    _keep(content, path_of(told, folder))
    return told


def read(record: dict, folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a record, checked against its hash; empty when it has none. Raises ValueError saying what is wrong.

    Opened by Python itself, so that the book's tools see which files a page reads.
    """
    if not record["arrays"]:
        return {}
    content, safetensors = _content(record, folder), require("safetensors", "a curve of a record")
    try:
        return require("safetensors.numpy", "a curve of a record").load(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise ValueError(f"{path_of(record['arrays'], folder)} holds no arrays ({error})") from error


def copy(record: dict, source: Path, folder: Path) -> None:
    """Copy a record's arrays, once checked, from one folder of records to another. Raises ValueError as `read` does."""
    if record["arrays"]:
        read(record, source)
        _keep(_content(record, source), path_of(record["arrays"], folder))


def path_of(told: dict, folder: Path) -> Path:
    """The file, in a folder of records, of the arrays of which a record says `told`."""
    return folder / "arrays" / f"{told['sha256']}.safetensors"


def _keep(content: bytes, path: Path) -> None:
    """Write a file that is named by its content, unless it is there and whole."""
    if not (path.is_file() and path.read_bytes() == content):
        writing.write_whole(path, content)


def _content(record: dict, folder: Path) -> bytes:
    """The bytes of a record's arrays, from the file named by them or else from the one of an older form."""
    path = path_of(record["arrays"], folder)
    complaint = f"{path}, which a record names, cannot be read"
    for place in (path, path.with_name(f"{record['name']}.safetensors")):
        try:
            with open(place, "rb") as file:
                content = file.read()
        except FileNotFoundError:
            continue
        except OSError as error:
            complaint = f"{place}, which a record names, cannot be read: {error.strerror}"
            continue
        if hashlib.sha256(content).hexdigest() == record["arrays"]["sha256"]:
            return content
        complaint = f"{place} is not what its record was made with"
    raise ValueError(f"{complaint}: fetch it again, or run the run again")


def _numbers(value: object) -> int:
    """How many numbers a list holds, lists in it included; 0 for anything else."""
    if not isinstance(value, list):
        return 0
    return sum(len(item) if isinstance(item, list) else isinstance(item, (int, float)) for item in value)
