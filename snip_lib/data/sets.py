"""The table of data sets: those that are downloaded, and the samples that ship with the book."""

import os
from dataclasses import replace
from functools import partial

from snip_lib.data import tiny_imagenet
from snip_lib.data.checking import checked
from snip_lib.data.folders import root
from snip_lib.data.readers import from_sample, from_torchvision
from snip_lib.data.source import Arrays, Source
from snip_lib.words import nearest

_IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CIFAR = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")


def _sample(of: Source, train: int, valid: int, test: int, **own: object) -> Source:
    """The sample of a set that ships: standardised as the set is, unless it has statistics of its own."""
    plain = {"files": (), "here": None, "sample": None, "digest": None}
    sizes = {"train": train, "valid": valid, "test": test}
    return replace(of, name=of.sample, sizes=sizes, read=from_sample, **plain | own)


# Means and standard deviations over the whole training set scaled to [0, 1], before the validation split, one per
# channel, as the authors' code does it; the tests compute them again. torchvision checks CIFAR-10's files by itself.
_MNIST = Source(
    "mnist",
    shape=(1, 28, 28),
    classes=10,
    sizes={"train": 60_000, "test": 10_000},
    mean=(0.130660,),
    std=(0.308108,),
    read=partial(from_torchvision, "MNIST"),
    files=tuple(f"MNIST/raw/{f}" for f in _IDX),
    sample="digits",
    digest="06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16",
)
_FASHION = replace(
    _MNIST,
    name="fashion-mnist",
    mean=(0.286041,),
    std=(0.353024,),
    read=partial(from_torchvision, "FashionMNIST"),
    files=tuple(f"FashionMNIST/raw/{f}" for f in _IDX),
    sample="fashion-sample",
    digest="ca3ab2a37f845e1b8ae23cab1b51749a3011ba3bf1d9016176d75cbaabac376f",
)
_CIFAR10 = Source(
    "cifar10",
    shape=(3, 32, 32),
    classes=10,
    sizes={"train": 50_000, "test": 10_000},
    mean=(0.491400, 0.482158, 0.446531),
    std=(0.247032, 0.243485, 0.261588),
    read=partial(from_torchvision, "CIFAR10"),
    files=tuple(f"cifar-10-batches-py/{f}" for f in _CIFAR),
    sample="cifar10-sample",
)
_TINY = Source(
    "tiny-imagenet",
    shape=(3, 64, 64),
    classes=200,
    sizes={"train": 100_000, "test": 10_000},
    mean=(0.480237, 0.448067, 0.397504),
    std=(0.276436, 0.268863, 0.281590),
    read=tiny_imagenet.read,
    files=tiny_imagenet.FILES,
    here=tiny_imagenet.here,
    sample="tiny-imagenet-sample",
    kept="uint8",
)
_HALF = replace(
    _TINY,
    name="tiny-imagenet-half",
    sizes={"train": 50_000, "test": 10_000},
    mean=(0.479971, 0.447960, 0.397507),
    std=(0.276518, 0.268997, 0.281840),
)
_MADE_UP = {"classes": 20, "mean": (0.328645, 0.321867, 0.335010), "std": (0.221939, 0.228508, 0.223479)}
_SAMPLES = (
    _sample(_MNIST, 4_000, 1_000, 1_000),
    _sample(_FASHION, 2_000, 500, 1_000),
    _sample(_CIFAR10, 448, 64, 512),
    _sample(_TINY, 400, 80, 200, **_MADE_UP),
)

SOURCES = {source.name: source for source in (_MNIST, _FASHION, _CIFAR10, _TINY, _HALF, *_SAMPLES)}
SAMPLES = {source.sample: source.name for source in (_MNIST, _FASHION, _CIFAR10, _TINY)}  # -> what it stands for
NAMES = tuple(SOURCES)


def available(name: str) -> bool:
    """Whether `load(name)` needs no download: always for the samples, else when all files are under `root()`.

    >>> available("digits")
    True
    """
    check_name(name)
    source = SOURCES[name]
    if source.here is not None:
        return source.here(source)
    return name in SAMPLES or all(os.path.isfile(root() / f) for f in source.files)  # False, too, where it may not look


def check_name(name: str) -> None:
    """ValueError, with the nearest known name, when there is no data set of that name.

    >>> check_name("mnits")
    Traceback (most recent call last):
        ...
    ValueError: unknown data set 'mnits'; known: ...; did you mean 'mnist'?
    """
    if name not in NAMES:
        raise ValueError(f"unknown data set {name!r}; known: {', '.join(NAMES)}{nearest(name, NAMES)}")


def arrays(name: str, *, download: bool = True) -> Arrays:
    """The bytes of a data set, checked against what the set is: images `train_x`, … and labels `train_y`, ….

    Raises ValueError for an unknown name, DataError when the files are missing, damaged or those of another set.

    >>> arrays("digits")["train_x"].shape
    (4000, 28, 28)
    """
    check_name(name)
    source = SOURCES[name]
    return checked(source.read(source, download), source)
