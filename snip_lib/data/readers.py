"""Reading the bytes of a set: by torchvision from the downloaded files, or from a sample that ships with the book."""

import numpy as np

from snip_lib.data.folders import book_data, root
from snip_lib.data.source import Arrays, DataError, Source


def from_torchvision(loader: str, source: Source, download: bool) -> Arrays:
    """A set of torchvision under `root()`, `train_x` to `test_y`; DataError (folder, files, variable) without it."""
    from torchvision import datasets

    try:
        train, test = (getattr(datasets, loader)(str(root()), train=part, download=download) for part in (True, False))
    except Exception as error:  # torchvision raises RuntimeError, URLError and OSError for the same thing
        raise source.unavailable(error) from error
    parts = {"train_x": train.data, "train_y": train.targets, "test_x": test.data, "test_y": test.targets}
    return {key: np.asarray(value) for key, value in parts.items()}


def from_sample(source: Source, _download: bool) -> Arrays:
    """A sample, `train_x` to `test_y`; DataError when its file is missing or damaged."""
    return shipped("samples", source.name)


def shipped(folder: str, name: str) -> Arrays:
    """What a file of arrays holds that ships in a folder of `data/`; DataError when it is missing or damaged."""
    path = book_data() / folder / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise DataError(f"{name} ships with the book, but {path} is not there") from None
    except Exception as error:  # BadZipFile, EOFError, zlib.error, ValueError …, by where it is damaged
        what = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} is damaged ({what}): get it again from the book's repository") from error
