"""The book's own records in one word each, for its pages; `Records(folder)` does the same with any folder."""

from snip_lib.records.folder import Records


def load(experiment: str, *, profile: str | None = None):
    """`Records.load` of the book's own: a pandas data frame, one row a run, errors as shares in [0, 1].

    >>> frame = load("digits", profile="laptop")
    >>> frame[(frame.criterion == "snip") & (frame.sparsity == 0.9) & (frame.seed == 0)].kept.item()
    26661
    """
    return Records().load(experiment, profile=profile)


def read(experiment: str) -> tuple[list[dict], list[str]]:
    """`Records.read` of the book's own: the sound records, and one complaint for each line that is not.

    >>> records, complaints = read("digits")
    >>> records[0]["run"]["network"], complaints
    ('lenet-300-100', [])
    """
    return Records().read(experiment)


def series(record: dict, metric: str):
    """`Records.series` of the book's own: a list of a record's metrics as a float64 array.

    >>> series(read("digits")[0][0], "losses").shape  # [iteration, loss] twenty times
    (20, 2)
    """
    return Records().series(record, metric)
