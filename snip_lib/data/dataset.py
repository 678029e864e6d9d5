"""Data sets as tensors on a device, each with its validation split."""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from snip_lib.data import sets
from snip_lib.data.source import Arrays, Source
from snip_lib.seeds import shuffled

VALIDATION_SHARE = 10  # one tenth of the training set is spared for validation (section 5 of the paper)


@dataclass(frozen=True)
class DataSet:
    """A data set. Images are (n, channels, height, width), labels int64 (n,) from 0 to classes - 1.

    Images are float32 and standardised, those of a large set uint8: `standardise` gives either as networks take them.
    `valid_*` is what the paper calls the validation set: for the full sets a tenth of the training set, for `digits`
    the 1,000 held-out digits. `test_*` takes no part in any choice. mean, std: one a channel, of the training images
    scaled to [0, 1].
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
    classes: int

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Shape of one image: (channels, height, width)."""
        return tuple(self.train_x.shape[1:])

    def to(self, device: torch.device | str) -> "DataSet":
        """The same data set with its tensors on `device`."""
        tensors = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{k: v.to(device) for k, v in tensors.items() if isinstance(v, Tensor)})

    def standardise(self, x: Tensor) -> Tensor:
        """Images of this set as networks take them: (…, channels, height, width) -> the same in float32.

        Bytes are scaled to [0, 1], less the mean, divided by the deviation of their channel; the bits do not depend on
        how many are standardised at a time. Floating-point images are standardised already and come back as they are.

        >>> pictures = load("tiny-imagenet-sample")
        >>> pictures.train_x.dtype, pictures.standardise(pictures.train_x[:8]).dtype
        (torch.uint8, torch.float32)
        """
        return x if x.is_floating_point() else _standardised(x, self)

    def pixels(self, x: Tensor) -> Tensor:
        """Undo the standardisation: images (n, channels, height, width) with values in [0, 1], for showing."""
        x = self.standardise(x)
        return (x * _per_channel(self.std, x) + _per_channel(self.mean, x)).clamp(0, 1)


def load(name: str, *, split_seed: int = 0, device: torch.device | str = "cpu", download: bool = True) -> DataSet:
    """A data set by name, checked against what the set is, with its validation split.

    `mnist`, `fashion-mnist`, `cifar10` and `tiny-imagenet` lie under `root()`, downloaded on first use; a tenth of the
    training set, drawn with `split_seed`, becomes `valid_*`. `tiny-imagenet-half` is a set of its own: half of the
    training images, from a folder. `digits` (4,000 + 1,000 held-out + 1,000 test digits of MNIST), `fashion-sample`
    (2,000 + 500 + 1,000 pictures), `cifar10-sample` (448 + 64 + 512) and `tiny-imagenet-sample` (400 + 80 + 200 made-up
    ones) ship with the book.

    Raises ValueError for an unknown name, DataError (a FileNotFoundError) when the data cannot be had: the files are
    missing, damaged, or those of another set.

    >>> digits = load("digits")
    >>> digits.classes, digits.input_shape, len(digits.train_x)
    (10, (1, 28, 28), 4000)
    """
    arrays = sets.arrays(name, download=download)
    source = sets.SOURCES[name]
    if "valid" not in source.sizes:
        arrays = _split(arrays, split_seed)
    tensors = {}
    for key in list(arrays):
        value = arrays.pop(key)  # let go of one after the other: a large set would be held twice
        tensors[key] = _images(value, source) if key.endswith("_x") else torch.from_numpy(value.astype(np.int64))
    return DataSet(name=name, mean=source.mean, std=source.std, classes=source.classes, **tensors).to(device)


def _per_channel(values: tuple[float, ...], x: Tensor) -> Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device)[:, None, None]


def _images(images: np.ndarray, source: Source) -> Tensor:
    x = torch.from_numpy(images)
    x = (x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)).contiguous()
    return x if source.kept == "uint8" else _standardised(x, source)


def _standardised(x: Tensor, by: DataSet | Source) -> Tensor:
    x = x.to(torch.float32).div_(255)
    return x.sub_(_per_channel(by.mean, x)).div_(_per_channel(by.std, x))


def _split(arrays: Arrays, seed: int) -> Arrays:
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
