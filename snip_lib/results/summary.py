"""What the records of an experiment come to: means and spreads, the paper's number beside ours, what is missing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from snip_lib import results
from snip_lib.results import verdicts
from snip_lib.results.verdicts import Sample
from snip_lib.studies import named
from snip_lib.studies.run import Experiment, Row, Run
from snip_lib.words import require


def summarise(frame, by: str | Sequence[str], *, value: str = "test_error"):
    """Group `results.load`'s frame: n, mean, std, half_width (95 %) of `value`, how many diverged, and the devices.

    Stale records and second records of one run are left out; profiles are never mixed. Units are those of `value`.
    """
    pandas = require("pandas", "a summary of records")
    by = [by] if isinstance(by, str) else list(by)
    sound = frame[~frame.stale.astype(bool)].drop_duplicates(["name", "profile"])
    rows = []
    for key, group in sound.groupby([*by, "profile"], sort=False, dropna=False):
        sample = Sample.of([float(v) for v in group[value]])
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


def table(experiment: str, *, profile: str, records: Path | None = None):
    """The paper's test error beside ours, in percent, one line a row of the experiment, as a pandas data frame.

    Columns: the row's key; `paper` and, where stated, `paper_std`; `n`, `mean`, `std`, `half_width` (95 %); `diverged`;
    `paper_change` and `change` from dense to sparse in points, with `change_half_width`; `device`; `error_verdict` and
    `change_verdict` (`verdicts`). Only a profile with the paper's recipe in full gets a verdict on the error itself.
    A dense network of which a run diverged has no error to change from, so its row gets no change, and says so.
    """
    pandas = require("pandas", "a table of records")
    rows, found = named(experiment).rows(profile), by_row(experiment, profile=profile, records=records)
    papers = {str(row.key): row.paper for row in rows}
    return pandas.DataFrame([_line(row, found, papers, profile) for row in rows])


def shown(frame):
    """`table`'s frame as text for people: numbers rounded, what is missing left blank, empty columns dropped."""
    text = frame.copy().astype(object)
    for column in frame.columns:
        digits = {"n": 0, "diverged": 0, "sparsity": 4, "weight decay": 4}.get(column, 2)
        text[column] = [_cell(value, digits) for value in frame[column]]
    return text[[column for column in text.columns if any(text[column])]]


def by_row(experiment: str, *, profile: str, records: Path | None = None) -> dict[str, list[dict]]:
    """str(key) of each row -> its records as flat dicts, one a seed, of today's method."""
    found: dict[str, list[dict]] = {}
    seen, families = set(), {}
    for record in results.read(experiment, records=records)[0]:
        flat = results.flat(record)
        if flat["stale"] or flat["profile"] != profile or flat["name"] in seen:
            continue
        seen.add(flat["name"])
        families.setdefault(replace(Run(**record["run"]), seed=0).name, []).append(flat)
    for row in named(experiment).rows(profile):
        found[str(row.key)] = families.get(row.run.name, [])
    return found


def status(experiment: Experiment, profile: str, *, records: Path | None = None) -> dict[str, int]:
    """How many runs of a profile are recorded, missing, begun (a checkpoint is there), stale or diverged."""
    read = [r for r in results.read(experiment.name, records=records)[0] if r["profile"] == profile]
    fresh = {record["name"] for record in read if record["method"] == results.METHOD}
    planned = {run.name for run in experiment.plan(profile)}
    checkpoints = (Path(records or results.folder()) / "checkpoints").glob("*.safetensors")
    begun = [_begun(path.stem) for path in checkpoints]
    return {
        "planned": len(planned),
        "recorded": len(planned & fresh),
        "missing": len(planned - fresh),
        "begun": sum(count for first, count in begun if first in planned - fresh),
        "stale": len({record["name"] for record in read} - fresh),
        "diverged": sum(r["metrics"]["diverged"] is not None for r in read if r["name"] in fresh),
        "others": len(fresh - planned),
    }


def _line(row: Row, found: dict[str, list[dict]], papers: dict, profile: str) -> dict:
    flats = found[str(row.key)]
    ours, allowed = _sample(flats), verdicts.tolerance(row.run.data)
    line = {
        **row.key,
        "paper": row.paper,
        "paper_std": row.paper_std,
        "n": ours.n,
        "mean": ours.mean,
        "std": ours.std,
        "half_width": ours.half_width,
        "diverged": sum(flat["diverged"] for flat in flats),
        "device": ", ".join(sorted({flat["device"] for flat in flats})),
        "error_verdict": None,
        "paper_change": None,
        "change": None,
        "change_half_width": None,
        "change_verdict": None,
    }
    if profile == "paper" and row.paper is not None:
        paper = Sample(row.paper_runs or 1, row.paper, row.paper_std)
        line["error_verdict"] = verdicts.on_error(ours, paper, allowed=allowed)
    if row.dense is not None:
        paper_change = None if row.paper is None else row.paper - papers[str(row.dense)]
        line |= _change(ours, found[str(row.dense)], paper_change, allowed)
    return line


def _change(ours: Sample, dense_flats: list[dict], paper: float | None, allowed: float) -> dict:
    """The columns on the change from dense to sparse; `paper` is the paper's, in points."""
    line, dense = {"paper_change": paper}, _sample(dense_flats)
    if any(flat["diverged"] for flat in dense_flats):
        return {**line, "change_verdict": "dense diverged"}
    if ours.n and dense.n:
        line |= {"change": ours.mean - dense.mean, "change_half_width": verdicts.welch(dense, ours)}
    if paper is not None:
        line["change_verdict"] = verdicts.on_change(dense, ours, paper=paper, allowed=allowed)
    return line


def _sample(flats: list[dict]) -> Sample:
    """Test errors in percent."""
    return Sample.of([100 * flat["test_error"] for flat in flats])


def _begun(checkpoint: str) -> tuple[str, int]:
    """Of a checkpoint's name, RUN or RUN-NUMBER-HASH: its first run, and how many have begun with it."""
    first, *several = checkpoint.split("-")
    return first, int(several[0]) if several else 1


def _cell(value: object, digits: int) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) and digits <= 2 else f"{value}"
