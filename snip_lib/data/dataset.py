"""Data sets as standardised tensors, each with its validation split."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from snip_lib.data import sets
from snip_lib.data.sets import SAMPLES, SOURCES, Source, check_name
from snip_lib.seeds import shuffled

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


def load(name: str, *, split_seed: int = 0, device: torch.device | str = "cpu", download: bool = True) -> DataSet:
    """A data set by name, standardised, with its validation split.

    `mnist`, `fashion-mnist` and `cifar10` come from torchvision under `root()`, downloaded on first use and checked
    there by md5; a tenth of the training set, drawn with `split_seed`, becomes `valid_*`. `digits` (4,000 + 1,000
    held-out + 1,000 test digits of MNIST) and `cifar10-sample` (448 + 64 + 512 images) ship with the book.

    Raises ValueError for an unknown name, FileNotFoundError (folder, files, variable) when the data cannot be had.
    """
    check_name(name)
    if name in SAMPLES:
        source, arrays = SOURCES[SAMPLES[name]], sets.sample_arrays(name)
    else:
        source, arrays = SOURCES[name], _split(sets.full_arrays(name, download), split_seed)
    tensors = {}
    for key, value in arrays.items():
        tensors[key] = _standardise(value, source) if key.endswith("_x") else torch.from_numpy(value.astype(np.int64))
    return DataSet(name=name, mean=source.mean, std=source.std, **tensors).to(device)


def _per_channel(values: tuple[float, ...], x: Tensor) -> Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device)[:, None, None]


def _standardise(images: np.ndarray, source: Source) -> Tensor:
    x = torch.from_numpy(images)
    x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)
    x = x.to(torch.float32).contiguous().div_(255)
    return x.sub_(_per_channel(source.mean, x)).div_(_per_channel(source.std, x))


def _split(arrays: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    n = len(arrays["train_y"])
    order = shuffled(n, seed, "validation split").numpy()
    spared, kept = np.sort(order[: n // VALIDATION_SHARE]), np.sort(order[n // VALIDATION_SHARE :])
    return {
        "train_x": arrays["train_x"][kept],
        "train_y": arrays["train_y"][kept],
        "valid_x": arrays["train_x"][spared],
        "valid_y": arrays["train_y"][spared],
        "test_x": arrays["test_x"],
        "test_y": arrays["test_y"],
    }
