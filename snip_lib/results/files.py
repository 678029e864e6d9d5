"""Files that are written whole or not at all, and tensors in them without unpickling."""

import hashlib
import json
import os
from pathlib import Path

import torch
from torch import Tensor

from snip_lib.words import require


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step: a crash leaves the old file or the new one. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
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


def pack(state: object) -> bytes:
    """A nest of dicts, lists, tuples, tensors and what JSON knows, as the bytes of a safetensors file with checksum."""
    save = require("safetensors.torch", "a checkpoint").save
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_flatten(state, tensors))
    return save(tensors, metadata={"nest": text, "checksum": _checksum(text, tensors)})


def unpack(content: bytes) -> object:
    """What `pack` packed, on the CPU. Raises ValueError when the bytes are something else, torn or altered."""
    safetensors = require("safetensors.torch", "a checkpoint")
    try:
        tensors = safetensors.load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        if header["checksum"] != _checksum(header["nest"], tensors):
            raise ValueError("its checksum does not fit")
        return _unflatten(json.loads(header["nest"]), tensors)
    except (require("safetensors", "a checkpoint").SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"not whole, or altered ({error})") from error


def _flatten(value: object, tensors: dict[str, Tensor]) -> object:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()  # a copy: safetensors refuses shared memory
        return {"tensor": name}
    if isinstance(value, dict):  # as pairs, because JSON would turn the keys into text
        return {"dict": [[key, _flatten(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_flatten(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_flatten(item, tensors) for item in value]
    return value


def _unflatten(value: object, tensors: dict[str, Tensor]) -> object:
    if isinstance(value, list):
        return [_unflatten(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "tuple":
        return tuple(_unflatten(item, tensors) for item in content)
    return {key: _unflatten(item, tensors) for key, item in content}


def _checksum(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


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
