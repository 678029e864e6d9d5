"""Where data come from: torchvision's data sets under SNIP_DATA, and the samples that ship with the book."""

from dataclasses import dataclass

import numpy as np

from snip_lib.data.folders import book_data, root
from snip_lib.words import nearest


@dataclass(frozen=True)
class Source:
    """Where a data set comes from: torchvision's class, folder and the statistics of its whole training set."""

    loader: str
    files: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CIFAR = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")

# Means and standard deviations over the 60,000 (50,000) training images scaled to [0, 1], before the validation split,
# one per channel, as the authors' code does it; tests/test_data.py computes them again from the full sets.
SOURCES = {
    "mnist": Source("MNIST", tuple(f"MNIST/raw/{f}" for f in _IDX), (0.130660,), (0.308108,)),
    "fashion-mnist": Source("FashionMNIST", tuple(f"FashionMNIST/raw/{f}" for f in _IDX), (0.286041,), (0.353024,)),
    "cifar10": Source(
        "CIFAR10",
        tuple(f"cifar-10-batches-py/{f}" for f in _CIFAR),
        (0.491400, 0.482158, 0.446531),
        (0.247032, 0.243485, 0.261588),
    ),
}
SAMPLES = {"digits": "mnist", "cifar10-sample": "cifar10"}  # sample that ships -> the set it was taken from
NAMES = (*SOURCES, *SAMPLES)


def available(name: str) -> bool:
    """Whether `load(name)` needs no download: always for the samples, else when all files are under `root()`."""
    check_name(name)
    return name in SAMPLES or all((root() / f).is_file() for f in SOURCES[name].files)


def check_name(name: str) -> None:
    """ValueError, with the nearest known name, when there is no data set of that name."""
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(NAMES)}{nearest(name, NAMES)}")


def sample_arrays(name: str) -> dict[str, np.ndarray]:
    """The bytes of a sample that ships: train, valid and test images `…_x` (n, height, width, …) and labels `…_y`."""
    with np.load(book_data() / "samples" / f"{name}.npz", allow_pickle=False) as file:
        return dict(file)


def full_arrays(name: str, download: bool) -> dict[str, np.ndarray]:
    """The bytes of a full data set, `train_x` to `test_y`; FileNotFoundError (folder, files, variable) without it."""
    from torchvision import datasets

    source = SOURCES[name]
    loader = getattr(datasets, source.loader)
    try:
        train, test = (loader(str(root()), train=part, download=download) for part in (True, False))
    except Exception as error:  # torchvision raises RuntimeError, URLError and OSError for the same thing
        raise FileNotFoundError(
            f"{name} could not be loaded ({error}). Wanted in {root()}: {', '.join(source.files)}. "
            "Set the environment variable SNIP_DATA to a folder that holds them, or allow the download"
        ) from error
    parts = {"train_x": train.data, "train_y": train.targets, "test_x": test.data, "test_y": test.targets}
    return {key: np.asarray(value) for key, value in parts.items()}
