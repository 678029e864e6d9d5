"""Data sets as standardised tensors, the samples that ship, batches, augmentation and seeds.

Every random choice of the library is a pure function of a seed and of what it is for (`generator`), so that a run can
be repeated, resumed and compared across devices without any global state.
"""

import functools
import hashlib
import json
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from snip_lib import sources
from snip_lib.sources import NAMES, SAMPLES, SOURCES, Source, available, book_data, check_name, nearest, root

__all__ = [
    "NAMES", "SAMPLES", "SOURCES", "VALIDATION_SHARE", "DataSet", "Source", "as_generator", "available",
    "batch_indices", "book_data", "check_name", "flip_and_shift", "generator", "load", "nearest", "pruning_batch",
    "root",
]  # fmt: skip

VALIDATION_SHARE = 10  # one tenth of the training set is spared for validation (section 5 of the paper)


@dataclass(frozen=True)
class DataSet:
    """A data set, standardised. Images are float32 (n, channels, height, width), labels int64 (n,).

    `valid_*` is what the paper calls the validation set: for the full sets a tenth of the training set, for `digits`
    the 1,000 held-out digits. `test_*` takes no part in any choice.
    """

    name: str
    train_x: Tensor
    train_y: Tensor
    valid_x: Tensor
    valid_y: Tensor
    test_x: Tensor
    test_y: Tensor
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: int = 10

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: (channels, height, width)."""
        return tuple(self.train_x.shape[1:])

    def to(self, device: torch.device | str) -> "DataSet":
        """The same data set with its tensors on `device`."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in tensors.items() if isinstance(v, Tensor)})

    def pixels(self, x: Tensor) -> Tensor:
        """Undo the standardisation: images (n, channels, height, width) with values in [0, 1], for showing."""
        return (x * _per_channel(self.std, x) + _per_channel(self.mean, x)).clamp(0, 1)


def generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for each (seed, purpose), such as (0, "order"); purposes are independent."""
    digest = hashlib.sha256(json.dumps([int(seed), *purpose]).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


def as_generator(source: torch.Generator | int) -> torch.Generator:
    """A generator as it is, or a seed turned into one."""
    return source if isinstance(source, torch.Generator) else torch.Generator().manual_seed(int(source))


def load(name: str, *, split_seed: int = 0, device: torch.device | str = "cpu", download: bool = True) -> DataSet:
    """A data set by name, standardised, with its validation split.

    `mnist`, `fashion-mnist` and `cifar10` come from torchvision under `root()`, downloaded on first use and checked
    there by md5; a tenth of the training set, drawn with `split_seed`, becomes `valid_*`. `digits` (4,000 + 1,000
    held-out + 1,000 test digits of MNIST) and `cifar10-sample` (448 + 64 + 512 images) ship with the book.

    Raises ValueError for an unknown name, FileNotFoundError (folder, files, variable) when the data cannot be had.
    """
    check_name(name)
    if name in SAMPLES:
        source, arrays = SOURCES[SAMPLES[name]], sources.sample_arrays(name)
    else:
        source, arrays = SOURCES[name], _split(sources.full_arrays(name, download), split_seed)
    tensors = {}
    for key, value in arrays.items():
        tensors[key] = _standardise(value, source) if key.endswith("_x") else torch.from_numpy(value.astype(np.int64))
    return DataSet(name=name, mean=source.mean, std=source.std, **tensors).to(device)


def batch_indices(
    n: int, batch_size: int, iteration: int, *, seed: int | tuple[int, ...], device: torch.device | str = "cpu"
) -> Tensor:
    """Indices (batch_size,) of one mini-batch, a pure function of seed and iteration; (seeds, batch_size) for several.

    The examples come in one endless stream of fresh permutations, cut into full batches, so that batches of 128 run on
    over the end of an epoch of 45,000 as in the authors' code. Drawn on the CPU, an epoch of them kept on `device`.
    """
    positions = range(iteration * batch_size, (iteration + 1) * batch_size)
    parts = []
    for epoch in range(positions[0] // n, positions[-1] // n + 1):
        first, last = max(positions[0], epoch * n), min(positions[-1], (epoch + 1) * n - 1)
        parts.append(_order(n, seed, epoch, str(device))[..., first - epoch * n : last - epoch * n + 1])
    return torch.cat(parts, -1)


def pruning_batch(data: DataSet, size: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """The mini-batch D^b of Algorithm 1, line 2: `size` training examples without augmentation, (x, y)."""
    if not 1 <= size <= len(data.train_x):
        raise ValueError(f"a pruning batch of {size} examples: the training set has {len(data.train_x)}")
    chosen = _shuffled(len(data.train_x), seed, "pruning batch")[:size].to(data.train_x.device)
    return data.train_x[chosen], data.train_y[chosen]


def flip_and_shift(x: Tensor, *, generator: torch.Generator, pixels: int = 4) -> Tensor:
    """Random horizontal flip and random shift by up to `pixels`, filled with 0, the mean colour: (n, c, h, w) -> same.

    Each image is flipped with probability 1/2 and shifted by a whole number of pixels, uniform in -pixels..pixels on
    both axes ("standard data augmentation", section 5). Drawn on the generator's device, applied on the images' own.
    """
    n, _, height, width = x.shape
    flip = torch.rand(n, generator=generator, device=generator.device) < 0.5
    down, right = torch.randint(0, 2 * pixels + 1, (2, n), generator=generator, device=generator.device)
    flip, down, right = flip.to(x.device), down.to(x.device), right.to(x.device)
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    windows = torch.nn.functional.pad(x, [pixels] * 4).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(n, device=x.device), :, down, right]


def _per_channel(values: tuple[float, ...], x: Tensor) -> Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device)[:, None, None]


def _standardise(images: np.ndarray, source: Source) -> Tensor:
    x = torch.from_numpy(images)
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
    x = x.to(torch.float32).contiguous().div_(255)
    return x.sub_(_per_channel(source.mean, x)).div_(_per_channel(source.std, x))


@functools.lru_cache(maxsize=8)
def _order(n: int, seed: int | tuple[int, ...], epoch: int, device: str) -> Tensor:
    if isinstance(seed, tuple):
        return torch.stack([_shuffled(n, each, "order", epoch) for each in seed]).to(device)
    return _shuffled(n, seed, "order", epoch).to(device)


def _shuffled(n: int, seed: int, *purpose: str | int) -> Tensor:
    return torch.randperm(n, generator=generator(seed, *purpose), device="cpu")  # whatever the default device is


def _split(arrays: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    n = len(arrays["train_y"])
    order = _shuffled(n, seed, "validation split").numpy()
    spared, kept = np.sort(order[: n // VALIDATION_SHARE]), np.sort(order[n // VALIDATION_SHARE :])
    return {
        "train_x": arrays["train_x"][kept],
        "train_y": arrays["train_y"][kept],
        "valid_x": arrays["train_x"][spared],
        "valid_y": arrays["train_y"][spared],
        "test_x": arrays["test_x"],
        "test_y": arrays["test_y"],
    }
