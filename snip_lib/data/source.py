"""What a data set is said to be, and whether what was read is that."""

import hashlib
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

    def check(self, arrays: Arrays) -> Arrays:
        """The arrays of the set's parts; DataError for the first that is missing, damaged or of another set."""
        for part in self.sizes:
            if fault := self._fault(part, arrays.get(f"{part}_x"), arrays.get(f"{part}_y")):
                raise DataError(f"{self.name} is damaged or another set: {fault}; {self._remedy()}")
        found = {f"{part}_{key}": arrays[f"{part}_{key}"] for part in self.sizes for key in "xy"}
        if self.digest and digest(found) != self.digest:
            raise DataError(f"{self.name} is damaged: its checksum is not that of the set; {self._remedy()}")
        return found

    def _fault(self, part: str, images: np.ndarray | None, labels: np.ndarray | None) -> str | None:
        if images is None or labels is None:
            return f"there is no array {part}_{'x' if images is None else 'y'}"
        channels, *sides = self.shape
        wanted = tuple(sides) if channels == 1 else (*sides, channels)
        if images.dtype != np.uint8 or images.shape[1:] != wanted:
            return f"the {part} images are {images.dtype} of shape {images.shape[1:]}, not uint8 of shape {wanted}"
        if labels.dtype.kind not in "iu" or labels.ndim != 1:
            return f"the {part} labels are {labels.dtype} of shape {labels.shape}, not whole numbers in one row"
        if len(labels) != len(images):
            return f"{len(labels)} {part} labels for {len(images)} images"
        if len(images) != self.sizes[part]:
            return f"{len(images)} {part} images, not {self.sizes[part]}"
        if labels.min() < 0 or labels.max() >= self.classes:
            return f"{part} labels from {labels.min()} to {labels.max()}, not 0 to {self.classes - 1}"
        return None

    def _remedy(self) -> str:
        if not self.files:
            return "get its file again from the book's repository"
        return f"delete {root() / self.files[0].partition('/')[0]}, so that it is fetched again"


def digest(arrays: Arrays) -> str:
    """The sha256 of images and labels as bytes, in the order of the arrays."""
    found = hashlib.sha256()
    for values in arrays.values():
        found.update(np.ascontiguousarray(values, dtype=np.uint8))
    return found.hexdigest()
