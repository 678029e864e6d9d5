"""What a data set is said to be: its shape, classes, sizes and statistics, and how it is read."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from snip_lib.data.folders import root

Arrays = dict[str, np.ndarray]  # train_x, train_y, … : images (n, height, width[, channels]) and labels (n,)


class DataError(FileNotFoundError):
    """The data set that was asked for cannot be had: its files are missing, damaged, or those of another set."""


@dataclass(frozen=True)
class Source:
    """A data set: what it holds, where that comes from and how it is standardised.

    shape: (channels, height, width) of an image. sizes: part -> number of images; a "valid" among them is a split that
    the set brings along. mean, std: one a channel, over the whole training set scaled to [0, 1]. read: called with this
    source and whether it may download, returns the bytes. files: what must lie under `root()`. here: whether the set is
    there, where that is not just the files. sample: the small set that stands for it in the book. digest: sha256 of the
    arrays, where nothing else checks them. kept: the type in memory, uint8 for what is standardised a batch at a time.

    >>> from snip_lib.data import SOURCES
    >>> SOURCES["cifar10"].shape, SOURCES["cifar10"].classes, SOURCES["cifar10"].sample
    ((3, 32, 32), 10, 'cifar10-sample')
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    sizes: dict[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    read: Callable[["Source", bool], Arrays]
    files: tuple[str, ...] = ()
    here: Callable[["Source"], bool] | None = None
    sample: str | None = None
    digest: str | None = None
    kept: str = "float32"

    def unavailable(self, error: object) -> DataError:
        """What to raise when no reader could make sense of the files: names folder, files and variable."""
        return DataError(
            f"{self.name} could not be loaded ({' '.join(str(error).split())}). Wanted in {root()}: "
            f"{', '.join(self.files)}. Set the environment variable SNIP_DATA to a folder that holds them whole, "
            "or delete what is there and allow the download"
        )
