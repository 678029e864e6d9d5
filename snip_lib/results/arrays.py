"""The long numbers of records: curves and maps in `arrays/<run>.safetensors`, named and hashed by their record."""

import hashlib
from pathlib import Path

import numpy as np

from snip_lib.results import files
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


def write(name: str, arrays: dict[str, np.ndarray], records: Path) -> dict | None:
    """Write the arrays of a run; what its record says of them, None when there are none. Raises OSError."""
    if not arrays:
        return None
    content = require("safetensors.numpy", "a curve of a record").save(arrays)
    files.write_whole(path_of(name, records), content)
    return {"metrics": sorted(arrays), "sha256": hashlib.sha256(content).hexdigest()}


def read(record: dict, records: Path) -> dict[str, np.ndarray]:
    """The arrays of a record, checked against its hash; empty when it has none. Raises ValueError saying what is wrong.

    Opened by Python itself, so that the book's tools see which files a page reads.
    """
    if not record["arrays"]:
        return {}
    path = path_of(record["name"], records)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise ValueError(f"{path}, which a record names, cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != record["arrays"]["sha256"]:
        raise ValueError(f"{path} is not what its record was made with: fetch it again, or run the run again")
    return require("safetensors.numpy", "a curve of a record").load(content)


def path_of(name: str, records: Path) -> Path:
    """The file of a run's arrays in a folder of records."""
    return records / "arrays" / f"{name}.safetensors"


def _numbers(value: object) -> int:
    """How many numbers a list holds, lists in it included; 0 for anything else."""
    if not isinstance(value, list):
        return 0
    return sum(len(item) if isinstance(item, list) else isinstance(item, (int, float)) for item in value)
