"""How much of a training set's labels a network has memorised, from the losses of its records (Figure 4).

A loss L, in nats, saves log k - L of the log k that a guess among k classes costs; 100 (1 - L / log k) is the share
in percent: 0 for one who guesses, 100 for one who is sure of every label and right.
"""

import math

from snip_lib.records import Records
from snip_lib.studies import named
from snip_lib.tables.gap import NOT_YET, Errors
from snip_lib.tables.summary import book, by_row
from snip_lib.tables.verdicts import ENOUGH

LITTLE, NEARLY_ALL = 1, 90  # percent: less is "at chance", more is "memorised"


def curves(experiment: str, *, profile: str = "laptop", records: Records | None = None) -> list[tuple[dict, dict]]:
    """Each row's key, and its runs: seed -> array (evaluations, 2) of iteration and training loss.

    Runs that diverged have no loss at the end and are left out; rows without records have no runs.

    >>> key, runs = curves("figure4")[0]
    >>> key["labels"], runs[0].shape
    ('true', (50, 2))
    """
    records = records or book()
    found = by_row(experiment, profile=profile, records=records)
    read = {record["name"]: record for record in records.read(experiment)[0]}
    rows = []
    for row in named(experiment).rows(profile):
        flats = [flat for flat in found[str(row.key)] if not flat["diverged"]]
        rows.append((row.key, {flat["seed"]: records.series(read[flat["name"]], "losses") for flat in flats}))
    return rows


def title(key: dict) -> str:
    """What the paper's Figure 4 calls the row of that key.

    >>> title({"labels": "random", "sparsity": 0, "weight decay": 0.0005})
    'random labels, L2'
    """
    return f"{key['labels']} labels" + (", L2" if key["weight decay"] else "") + (", pruned" if key["sparsity"] else "")


def memorised(loss: float, classes: int = 10) -> float:
    """The share of the labels' information that a training loss (nats) saves, in percent; negative below a guess.

    >>> memorised(0.0), memorised(math.log(10)), round(memorised(0.5), 1)
    (100.0, 0.0, 78.3)
    """
    return 100 * (1 - loss / math.log(classes))


def fate(share: float) -> str:
    """What became of a network that has memorised this share, in percent.

    >>> fate(0.1), fate(30.0), fate(98.0)
    ('at chance', 'in part', 'memorised')
    """
    if share < LITTLE:
        return "at chance"
    return "memorised" if share > NEARLY_ALL else "in part"


def agreement(shares: Errors, paper: float) -> str:
    """Whether runs, seed -> share in percent, met the fate of the paper's share: a verdict in one or two words.

    >>> agreement({0: 98.0, 1: 99.0, 2: 97.0}, 99.0), agreement({0: 98.0}, 99.0)
    ('agrees', 'too few runs')
    """
    return _agreement([fate(share) for share in shares.values()], fate(paper))


def agreement_on_change(dense: Errors, pruned: Errors, paper: tuple[float, float]) -> str:
    """The same of what pruning did: both fates of a seed, whole and pruned, beside both of the paper's shares.

    >>> dense, pruned = {0: 98.0, 1: 97.0, 2: 99.0}, {0: 0.1, 1: 0.2, 2: 0.1}
    >>> agreement_on_change(dense, pruned, (97.0, 0.1)), agreement_on_change(dense, pruned, (97.0, 95.0))
    ('agrees', 'differs')
    """
    pairs = [(fate(dense[seed]), fate(pruned[seed])) for seed in dense if seed in pruned]
    return _agreement(pairs, (fate(paper[0]), fate(paper[1])))


def _agreement(ours: list, paper: object) -> str:
    if len(ours) < ENOUGH:
        return "too few runs"
    if set(ours) == {paper}:
        return "agrees"
    return "undecided" if paper in ours else "differs"


def fates(shares: Errors) -> str:
    """How many of the runs met which fate, for a table or a sentence.

    >>> fates({0: 0.1, 1: 40.0, 2: 50.0}), fates({})
    ('at chance 1 of 3, in part 2 of 3', 'not run yet')
    """
    met = [fate(share) for share in shares.values()]
    kinds = [kind for kind in ("at chance", "in part", "memorised") if kind in met]
    return ", ".join(f"{kind} {met.count(kind)} of {len(met)}" for kind in kinds) or NOT_YET
