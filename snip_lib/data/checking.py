"""Whether what was read is the data set: as many labels as images, of its shape, its classes and its checksum."""

import hashlib

import numpy as np

from snip_lib.data.folders import root
from snip_lib.data.source import Arrays, DataError, Source


def checked(arrays: Arrays, source: Source) -> Arrays:
    """The arrays of the set's parts; DataError for the first that is missing, damaged or of another set."""
    for part, size in source.sizes.items():
        images, labels = arrays.get(f"{part}_x"), arrays.get(f"{part}_y")
        fault = (
            _missing(part, images, labels)
            or _of_images(part, images, source)
            or _of_labels(part, labels, source)
            or _of_numbers(part, images, labels, size)
        )
        if fault:
            raise DataError(f"{source.name} is damaged or another set: {fault}; {_remedy(source)}")
    found = {f"{part}_{key}": arrays[f"{part}_{key}"] for part in source.sizes for key in "xy"}
    if source.digest and digest(found) != source.digest:
        raise DataError(f"{source.name} is damaged: its checksum is not that of the set; {_remedy(source)}")
    return found


def digest(arrays: Arrays) -> str:
    """The sha256 of images and labels as bytes, in the order of the arrays."""
    found = hashlib.sha256()
    for values in arrays.values():
        found.update(np.ascontiguousarray(values, dtype=np.uint8))
    return found.hexdigest()


def _missing(part: str, images: np.ndarray | None, labels: np.ndarray | None) -> str | None:
    names = [name for name, array in ((f"{part}_x", images), (f"{part}_y", labels)) if array is None]
    return f"there is no array {names[0]}" if names else None


def _of_images(part: str, images: np.ndarray, source: Source) -> str | None:
    channels, *sides = source.shape
    wanted = tuple(sides) if channels == 1 else (*sides, channels)
    if images.dtype != np.uint8 or images.shape[1:] != wanted:
        return f"the {part} images are {images.dtype} of shape {images.shape[1:]}, not uint8 of shape {wanted}"
    return None


def _of_labels(part: str, labels: np.ndarray, source: Source) -> str | None:
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        return f"the {part} labels are {labels.dtype} of shape {labels.shape}, not whole numbers in one row"
    if len(labels) and (labels.min() < 0 or labels.max() >= source.classes):
        return f"{part} labels from {labels.min()} to {labels.max()}, not 0 to {source.classes - 1}"
    return None


def _of_numbers(part: str, images: np.ndarray, labels: np.ndarray, wanted: int) -> str | None:
    """As many labels as images, and as many images as the set has."""
    if len(labels) != len(images):
        return f"{len(labels)} {part} labels for {len(images)} images"
    return None if len(images) == wanted else f"{len(images)} {part} images, not {wanted}"


def _remedy(source: Source) -> str:
    if not source.files:
        return "get its file again from the book's repository"
    return f"delete {root() / source.files[0].partition('/')[0]}, so that it is fetched again"
