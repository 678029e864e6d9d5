"""Where things lie: the book's `data/`, and the full data sets that are downloaded."""

import os
import tempfile
from pathlib import Path


def root() -> Path:
    """The folder of the full data sets: the environment variable SNIP_DATA, else a folder in the user's cache.

    Where the user has no home (a container's made-up user), the cache is the system's folder for temporary files.
    Raises ValueError for a SNIP_DATA that begins with a `~` that stands for no folder.

    >>> root().is_absolute() or "SNIP_DATA" in os.environ
    True
    """
    if os.environ.get("SNIP_DATA"):
        return _named("SNIP_DATA")
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # neither HOME nor an entry in the list of users
        cache = Path(tempfile.gettempdir())
    return cache / "snip-book"


def book_data() -> Path:
    """The book's `data/` folder (samples, records, the paper's numbers): SNIP_BOOK_DATA, else beside the package.

    Raises FileNotFoundError, naming folder and variable, when it is not there.

    >>> (book_data() / "samples" / "digits.npz").is_file()
    True
    """
    named = os.environ.get("SNIP_BOOK_DATA")
    folder = _named("SNIP_BOOK_DATA") if named else Path(__file__).resolve().parents[2] / "data"
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"the book's data folder is not at {folder}: run from a checkout of the repository, "
            "or point SNIP_BOOK_DATA at the data/ folder of one"
        )
    return folder


def _named(variable: str) -> Path:
    try:
        return Path(os.environ[variable]).expanduser()
    except RuntimeError:
        raise ValueError(f"{variable}={os.environ[variable]}: there is no home for ~, so give the whole path") from None
