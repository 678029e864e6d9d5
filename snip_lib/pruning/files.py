"""Masks in files: safetensors with one bit a connection, and a checksum over shapes and bits.

A mask with a flipped bit is a mask like any other, so nothing but a checksum can tell. Layout: one tensor of bytes for
each parameter, its bits in row-major order; in the metadata "format", "shapes" (JSON, parameter name -> shape, in the
order of the masks) and "sha256", of the text of the shapes followed by the bytes of each parameter in that order.
"""

import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from snip_lib.words import require

FORMAT = "snip masks 2"  # what a file of masks says it is
OLD = "snip masks 1"  # the same without a checksum
RESERVED = "__metadata__"  # where safetensors keeps the metadata, among the names of the tensors


def save(masks: Mapping[str, Tensor], path: str | Path) -> None:
    """Write boolean tensors to `path`, whole or not at all; OSError says what the system had against it.

    Raises ValueError for a parameter whose name the format keeps for itself.
    """
    if RESERVED in masks:
        raise ValueError(f"masks of a parameter named {RESERVED!r} cannot be saved: safetensors keeps this name")
    bits = {name: np.packbits(mask.cpu().numpy().reshape(-1)) for name, mask in masks.items()}
    shapes = json.dumps({name: list(mask.shape) for name, mask in masks.items()})
    metadata = {"format": FORMAT, "shapes": shapes, "sha256": _checksum(shapes, bits.values())}
    data = _safetensors().numpy.save(bits, metadata=metadata)
    try:
        _write(data, Path(path))
    except OSError as error:
        raise OSError(error.errno, f"the masks could not be saved: {error.strerror}", str(path)) from error


def load(path: str | Path) -> dict[str, Tensor]:
    """Read what `save` wrote, on the CPU. ValueError: something else, or altered; OSError: it cannot be read."""
    safetensors = _safetensors()
    with Path(path).open("rb"):  # whatever the system has against it, in its own words
        pass
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            shapes = _shapes(file.metadata() or {})
            if set(file.keys()) != set(shapes):
                raise ValueError("its tensors are not those that its shapes name")
            bits = {name: file.get_tensor(name) for name in shapes}
            if _checksum(file.metadata()["shapes"], bits.values()) != file.metadata()["sha256"]:
                raise ValueError("its checksum is wrong, so it was altered or damaged: prune again, or fetch it again")
            return {name: _unpacked(bits[name], shape) for name, shape in shapes.items()}
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        why = "its shapes are nested too deep" if isinstance(error, RecursionError) else error
        raise ValueError(f"{path} is not a readable file of masks: {why}") from error


def _shapes(metadata: Mapping[str, str]) -> dict[str, list[int]]:
    """The shapes of a file by its metadata; ValueError when it is of another kind, or they are no shapes."""
    if (found := metadata.get("format")) != FORMAT:
        old = "it is of the first format, which had no checksum: prune and save again"
        raise ValueError(old if found == OLD else "it holds something else")
    if missing := {"shapes", "sha256"} - set(metadata):
        raise ValueError(f"its metadata lack {', '.join(sorted(missing))}")
    shapes = json.loads(metadata["shapes"])
    if not isinstance(shapes, dict) or not shapes:
        raise ValueError("it names no parameter")
    for name, shape in shapes.items():
        if not (isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape)):
            raise ValueError(f"the shape of {name!r} is no list of sizes")
    return shapes


def _unpacked(packed: np.ndarray, shape: list[int]) -> Tensor:
    count = math.prod(shape)
    if packed.dtype != np.uint8 or packed.shape != ((count + 7) // 8,):
        raise ValueError(f"{packed.size} bytes where {count} bits are wanted")
    return torch.from_numpy(np.unpackbits(packed, count=count).astype(bool)).reshape(shape)


def _checksum(shapes: str, bits: Iterable[np.ndarray]) -> str:
    digest = hashlib.sha256(shapes.encode())
    for packed in bits:
        digest.update(np.ascontiguousarray(packed))
    return digest.hexdigest()


def _write(data: bytes, path: Path) -> None:
    """Through a draft beside the file, so that a full disk or a crash leaves the file that was there."""
    path = Path(os.path.realpath(path))  # a link stays a link; one that leads to itself is replaced
    if path.exists() and not path.is_file():  # a directory is refused here, a device or a pipe is written to
        path.write_bytes(data)
        return
    draft = path.with_name(f".masks-{secrets.token_hex(8)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()


def _safetensors():
    """safetensors, or what to install."""
    found = require("safetensors", "a file of masks")
    require("safetensors.numpy", "a file of masks")  # its functions for NumPy, as an attribute of the former
    return found
