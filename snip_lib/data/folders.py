"""Where things lie: the book's `data/`, and the full data sets that are downloaded."""

import os
from pathlib import Path


def root() -> Path:
    """The folder of the full data sets: the environment variable SNIP_DATA, else a folder in the user's cache."""
    if os.environ.get("SNIP_DATA"):
        return Path(os.environ["SNIP_DATA"]).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "snip-book"


def book_data() -> Path:
    """The book's `data/` folder (samples, records, the paper's numbers): SNIP_BOOK_DATA, else beside the package."""
    folder = Path(os.environ.get("SNIP_BOOK_DATA") or Path(__file__).resolve().parents[2] / "data")
    if not folder.is_dir():
        raise FileNotFoundError(
            f"the book's data folder is not at {folder}: run from a checkout of the repository, "
            "or point SNIP_BOOK_DATA at the data/ folder of one"
        )
    return folder
