"""Tiny-ImageNet in the layout of its archive, from a folder or by download: 64x64 JPEGs of 200 classes of ImageNet.

    tiny-imagenet-200/wnids.txt                        the classes, one WordNet id a line
    tiny-imagenet-200/train/WNID/images/WNID_0.JPEG …  500 a class; "tiny-imagenet-half" is those up to WNID_249.JPEG
    tiny-imagenet-200/val/images/val_0.JPEG …          50 a class
    tiny-imagenet-200/val/val_annotations.txt          a line an image: its file, its WNID and a box, between tabs

The archive's validation images are the test set, as in the paper: its test images have no labels. A class's label is
its place among the sorted ids, as in torchvision's ImageFolder. Images are decoded each time: no copy is kept that
could grow stale. The pictures are ImageNet's, for non-commercial research and education.
"""

import os
import re
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from snip_lib.data.folders import root
from snip_lib.data.source import Arrays, DataError, Source

URL = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
FOLDER = "tiny-imagenet-200"
FILES = tuple(f"{FOLDER}/{f}" for f in ("wnids.txt", "train", "val/images", "val/val_annotations.txt"))
BOTH = "tiny-imagenet has 500 a class, tiny-imagenet-half the first 250: load the one that is there"


def read(source: Source, download: bool) -> Arrays:
    """The decoded images and labels, `train_x` to `test_y`; DataError names the first file that is not as it should be.

    Downloads only where there is no folder yet, so that the half is never filled up, and never the half.
    """
    folder = root() / FOLDER
    if download and source.name == "tiny-imagenet" and not folder.exists():
        _fetch(source)
    if not folder.is_dir():
        raise source.unavailable(f"there is no folder {folder}")
    classes = _classes(source, folder)
    each = source.sizes["train"] // len(classes)
    train = [path for wnid in classes for path in _numbered(folder / "train" / wnid / "images", wnid, each)]
    test = _numbered(folder / "val" / "images", "val", source.sizes["test"])
    test_y = _annotated(folder / "val" / "val_annotations.txt", test, classes)
    train_y = np.repeat(np.arange(len(classes)), each)
    _, *sides = source.shape
    return {"train_x": _decoded(train, sides), "train_y": train_y, "test_x": _decoded(test, sides), "test_y": test_y}


def here(source: Source) -> bool:
    """Whether the folder is there with as many images of a class as the set has: a look at one class."""
    folder = root() / FOLDER
    try:
        wnid = _lines(folder / "wnids.txt")[0]
        found = [name for name in os.listdir(folder / "train" / wnid / "images") if name.endswith(".JPEG")]
    except (OSError, IndexError):
        return False
    annotated = os.path.isfile(folder / "val" / "val_annotations.txt")
    return annotated and len(found) == source.sizes["train"] // source.classes


def _fetch(source: Source) -> None:
    """Download and unpack the archive beside its place, then move it there whole."""
    from torchvision.datasets.utils import download_and_extract_archive

    try:
        root().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root(), prefix="tiny-imagenet-") as made:
            download_and_extract_archive(URL, made, md5=MD5)
            (Path(made) / FOLDER).rename(root() / FOLDER)
    except Exception as error:  # as for torchvision's own sets: RuntimeError, URLError, OSError …
        if not (root() / FOLDER).is_dir():  # unless another process was faster
            raise source.unavailable(error) from error


def _classes(source: Source, folder: Path) -> list[str]:
    """The sorted WNIDs, after checking that each has its folder and each folder its WNID."""
    wnids = sorted(set(_lines(folder / "wnids.txt")))
    if len(wnids) != source.classes:
        raise _wrong(f"{folder / 'wnids.txt'} names {len(wnids)} classes, not {source.classes}")
    there = {entry.name for entry in _entries(folder / "train") if entry.is_dir()}
    if missing := sorted(set(wnids) - there):
        raise _wrong(f"{folder / 'train' / missing[0]} is missing: every class of wnids.txt has a folder in train")
    if strange := sorted(there - set(wnids)):
        raise _wrong(f"{folder / 'train' / strange[0]}: that class is not in wnids.txt")
    return wnids


def _numbered(folder: Path, prefix: str, count: int) -> list[Path]:
    """The images PREFIX_0.JPEG to PREFIX_{count - 1}.JPEG of a folder, which holds these and no others."""
    found = {entry.name for entry in _entries(folder) if entry.name.upper().endswith((".JPEG", ".JPG"))}
    for name in sorted(found):
        if not re.fullmatch(rf"{re.escape(prefix)}_\d+\.JPEG", name):
            raise _wrong(f"{folder / name}: an image of that name does not belong into that folder")
    if prefix != "val" and len(found) in (count // 2, 2 * count):
        raise DataError(f"{folder} holds {len(found)} images, not {count}: {BOTH}")
    if len(found) != count:
        raise _wrong(f"{folder} holds {len(found)} images, not {count}")
    names = [f"{prefix}_{i}.JPEG" for i in range(count)]
    if missing := [name for name in names if name not in found]:
        raise _wrong(f"{folder / missing[0]} is missing")
    return [folder / name for name in names]


def _annotated(path: Path, images: list[Path], classes: list[str]) -> np.ndarray:
    """The labels (n,) of the images by their annotations, one line for each, and as many of each class."""
    names, labels = {image.name for image in images}, {}
    for line in _lines(path):
        name, wnid, *_ = (*line.split("\t"), "", "")
        if name not in names:
            raise _wrong(f"{path}: a line for {name!r}, which is no image of val/images")
        if name in labels:
            raise _wrong(f"{path}: two lines for {name}")
        if wnid not in classes:
            raise _wrong(f"{path}: {name} is of class {wnid!r}, which is not in wnids.txt")
        labels[name] = classes.index(wnid)
    if missing := [image.name for image in images if image.name not in labels]:
        raise _wrong(f"{path}: {missing[0]} has no line")
    counts, each = Counter(labels.values()), len(images) // len(classes)
    if uneven := [wnid for label, wnid in enumerate(classes) if counts[label] != each]:
        number = counts[classes.index(uneven[0])]
        raise _wrong(f"{path}: {number} images of class {uneven[0]}, not {each}")
    return np.array([labels[image.name] for image in images])


def _decoded(paths: list[Path], sides: list[int]) -> np.ndarray:
    """The images (n, height, width, 3) as bytes, grey ones with three equal channels."""
    images = np.empty((len(paths), *sides, 3), np.uint8)
    for place, path in enumerate(paths):
        images[place] = _image(path, sides)
    return images


def _image(path: Path, sides: list[int]) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path, formats=["JPEG"]) as file:
            image = np.asarray(file.convert("RGB"))
    except Exception as error:  # Pillow raises OSError, SyntaxError, ValueError, struct.error …, by what is broken
        raise _wrong(f"{path} is no whole JPEG ({' '.join(str(error).split())})") from error
    if image.shape[:2] != tuple(sides):
        raise _wrong(f"{path} is {image.shape[0]}x{image.shape[1]} pixels, not {sides[0]}x{sides[1]}")
    return image


def _wrong(fault: str) -> DataError:
    return DataError(f"{fault}; put the archive's own file back, or delete {root() / FOLDER} to have all fetched again")


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        return [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]  # no .DS_Store, no ._copies
    except OSError as error:
        raise _wrong(f"{folder} cannot be read ({error.strerror})") from error


def _lines(path: Path) -> list[str]:
    """The lines of a text that are not blank; what is no UTF-8 is in no list of classes, and is named there."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise _wrong(f"{path} cannot be read ({error.strerror})") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
