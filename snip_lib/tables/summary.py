"""What the records of an experiment come to: means and spreads, the paper's number beside ours, what is missing."""

import functools
import re
from collections.abc import Sequence
from dataclasses import replace

from snip_lib.records import Records, flat
from snip_lib.studies import named
from snip_lib.studies.run import METHOD, Experiment, Row, Run
from snip_lib.tables import verdicts
from snip_lib.tables.verdicts import Sample
from snip_lib.words import require

BEGUN = re.compile(r"([0-9a-f]{16})(?:-(\d+)-[0-9a-f]{16})?")  # a checkpoint: RUN, or RUN-NUMBER-HASH of several


def summarise(frame, by: str | Sequence[str], *, value: str = "test_error"):
    """Group `records.load`'s frame: n, mean, std, half_width (95 %) of `value`, how many diverged, and the devices.

    Stale records and second records of one run are left out; profiles are never mixed. Units are those of `value`.
    A diverged run counts as chance; where all have diverged, nothing was measured, so there is no std or half_width.

    >>> from snip_lib.records import load
    >>> float(summarise(load("digits", profile="laptop").query("criterion == 'snip'"), "sparsity")["n"].min())
    3.0
    """
    pandas = require("pandas", "a summary of records")
    by = [by] if isinstance(by, str) else list(by)
    sound = frame[~frame.stale.astype(bool)].drop_duplicates(["name", "profile"])
    rows = []
    for key, group in sound.groupby([*by, "profile"], sort=False, dropna=False):
        sample = _measured(Sample.of([float(v) for v in group[value]]), diverged=int(group.diverged.sum()))
        rows.append(
            {
                **dict(zip([*by, "profile"], key, strict=True)),
                "n": sample.n,
                "mean": sample.mean,
                "std": sample.std,
                "half_width": sample.half_width,
                "diverged": int(group.diverged.sum()),
                "device": ", ".join(sorted(set(group.device))),
            }
        )
    return pandas.DataFrame(rows)


def table(experiment: str, *, profile: str, records: Records | None = None):
    """The paper's test error beside ours, in percent, one line a row of the experiment, as a pandas data frame.

    Columns: the row's key; `paper` and, where stated, `paper_std`; `n`, `mean`, `std`, `half_width` (95 %); `diverged`;
    `paper_change` and `change` from dense to sparse in points, with `change_half_width`; `device`; `error_verdict` and
    `change_verdict` (`verdicts`). Only a profile with the paper's recipe in full gets a verdict on the error itself.
    A dense network of which a run diverged has no error to change from, so its row gets no change, and says so. Where
    all runs of a row diverged, `mean` is chance, there is no spread, and the verdict is "diverged".

    records: the book's own unless others are given.

    >>> table("table1", profile="laptop").query("network == 'lenet-300-100'").paper.tolist()
    [1.7, 1.6, 2.4]
    """
    pandas = require("pandas", "a table of records")
    rows, found = named(experiment).rows(profile), by_row(experiment, profile=profile, records=records)
    papers = {str(row.key): row.paper for row in rows}
    return pandas.DataFrame([_line(row, found, papers, profile) for row in rows])


def shown(frame):
    """`table`'s frame as text for people: numbers rounded, what is missing left blank, empty columns dropped.

    Where all runs diverged, the mean says so, because chance is not what they measured.

    >>> shown(table("figure3", profile="laptop"))["paper"].tolist()
    ['1.94', '1.72', '1.64', '1.56', '1.40']
    """
    text = frame.copy().astype(object)
    for column in frame.columns:
        digits = {"n": 0, "diverged": 0, "sparsity": 4, "weight decay": 4}.get(column, 2)
        text[column] = [_cell(value, digits) for value in frame[column]]
    fates = [_fate(n, diverged) for n, diverged in zip(frame["n"], frame["diverged"], strict=True)]
    text["mean"] = [fate or mean for fate, mean in zip(fates, text["mean"], strict=True)]
    return text[[column for column in text.columns if any(text[column])]]


def by_row(experiment: str, *, profile: str, records: Records | None = None) -> dict[str, list[dict]]:
    """str(key) of each row -> its records as flat dicts, one a seed, of today's method.

    >>> len(by_row("digits", profile="laptop")["{'criterion': 'dense', 'sparsity': 0}"])
    3
    """
    found: dict[str, list[dict]] = {}
    seen, families = set(), {}
    for record in (records or book()).read(experiment)[0]:
        row = flat(record)
        if row["stale"] or row["profile"] != profile or row["name"] in seen:
            continue
        seen.add(row["name"])
        families.setdefault(replace(Run(**record["run"]), seed=0).name, []).append(row)
    for row in named(experiment).rows(profile):
        found[str(row.key)] = families.get(row.run.name, [])
    return found


def status(experiment: Experiment, profile: str, *, records: Records | None = None) -> dict[str, int]:
    """How many runs of a profile are recorded, missing, begun (a checkpoint is there), stale or diverged.

    >>> status(named("digits"), "laptop")["recorded"]
    48
    """
    records = records or book()
    read = [record for record in records.read(experiment.name)[0] if record["profile"] == profile]
    fresh = {record["name"] for record in read if record["method"] == METHOD}
    planned = {run.name for run in experiment.plan(profile)}
    checkpoints = map(BEGUN.fullmatch, (path.stem for path in (records.folder / "checkpoints").glob("*.checkpoint")))
    begun = [(name[1], int(name[2] or 1)) for name in checkpoints if name]
    return {
        "planned": len(planned),
        "recorded": len(planned & fresh),
        "missing": len(planned - fresh),
        "begun": sum(count for first, count in begun if first in planned - fresh),
        "stale": len({record["name"] for record in read} - fresh),
        "diverged": len({r["name"] for r in read if r["metrics"]["diverged"] is not None} & fresh),
        "others": len(fresh - planned),
    }


def book() -> Records:
    """The book's own records; lines that were checked before are not checked again."""
    return _remembered(Records().folder)


@functools.lru_cache(maxsize=2)
def _remembered(folder: object) -> Records:
    return Records(folder)


def _line(row: Row, found: dict[str, list[dict]], papers: dict, profile: str) -> dict:
    flats = found[str(row.key)]
    ours, allowed, diverged = _sample(flats), verdicts.tolerance(row.run.data), _diverged(flats)
    line = {
        **row.key,
        "paper": row.paper,
        "paper_std": row.paper_std,
        "n": ours.n,
        "mean": ours.mean,
        "std": ours.std,
        "half_width": ours.half_width,
        "diverged": diverged,
        "device": ", ".join(sorted({one["device"] for one in flats})),
        "error_verdict": None,
        "paper_change": None,
        "change": None,
        "change_half_width": None,
        "change_verdict": None,
    }
    if profile == "paper" and row.paper is not None:
        paper = Sample(row.paper_runs or 1, row.paper, row.paper_std)
        line["error_verdict"] = "diverged" if _all(flats) else verdicts.on_error(ours, paper, allowed=allowed)
    if row.dense is not None:
        paper_change = None if row.paper is None else row.paper - papers[str(row.dense)]
        line |= _change(flats, found[str(row.dense)], paper_change, allowed)
    return line


def _change(flats: list[dict], dense_flats: list[dict], paper: float | None, allowed: float) -> dict:
    """The columns on the change from dense to sparse; `paper` is the paper's, in points."""
    line, ours, dense = {"paper_change": paper}, _sample(flats), _sample(dense_flats)
    if _diverged(dense_flats):
        return {**line, "change_verdict": "dense diverged"}
    if _all(flats):
        return {**line, "change_verdict": "diverged"}
    if ours.n and dense.n:
        line |= {"change": ours.mean - dense.mean, "change_half_width": verdicts.welch(dense, ours)}
    if paper is not None:
        line["change_verdict"] = verdicts.on_change(dense, ours, paper=paper, allowed=allowed)
    return line


def _sample(flats: list[dict]) -> Sample:
    """Test errors in percent."""
    return _measured(Sample.of([100 * one["test_error"] for one in flats]), diverged=_diverged(flats))


def _measured(sample: Sample, *, diverged: int) -> Sample:
    """A sample without a spread where all of its runs diverged: chance, n times, is no measurement."""
    return replace(sample, std=None) if sample.n and diverged == sample.n else sample


def _diverged(flats: list[dict]) -> int:
    return sum(one["diverged"] for one in flats)


def _all(flats: list[dict]) -> bool:
    """Whether there are runs, and all have diverged."""
    return bool(flats) and _diverged(flats) == len(flats)


def _fate(n: int, diverged: int) -> str:
    return f"diverged {diverged} of {n}" if n and diverged == n else ""


def _cell(value: object, digits: int) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) and digits <= 2 else f"{value}"
