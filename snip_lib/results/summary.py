"""What the records of an experiment come to: means and spreads, the paper's number beside ours, what is missing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from snip_lib import results
from snip_lib.experiments import Experiment, Row, Run
from snip_lib.results import files, verdicts
from snip_lib.results.verdicts import Sample
from snip_lib.studies import named


def summarise(frame, by: str | Sequence[str], *, value: str = "test_error"):
    """Group `results.load`'s frame: n, mean, std, half_width (95 %) of `value`, how many diverged, and the devices.

    Stale records and second records of one run are left out; profiles are never mixed. Units are those of `value`.
    """
    pandas = files.require("pandas", "a summary of records")
    by = [by] if isinstance(by, str) else list(by)
    sound = frame[~frame.stale.astype(bool)].drop_duplicates(["name", "profile"])
    rows = []
    for key, group in sound.groupby([*by, "profile"], sort=False, dropna=False):
        sample = Sample.of([float(v) for v in group[value]])
        rows.append({
            **dict(zip([*by, "profile"], key, strict=True)),
            "n": sample.n, "mean": sample.mean, "std": sample.std, "half_width": sample.half_width,
            "diverged": int(group.diverged.sum()), "device": ", ".join(sorted(set(group.device))),
        })  # fmt: skip
    return pandas.DataFrame(rows)


def table(experiment: str, *, profile: str, records: Path | None = None):
    """The paper's test error beside ours, in percent, one line a row of the experiment, as a pandas data frame.

    Columns: the row's key; `paper` and, where stated, `paper_std`; `n`, `mean`, `std`, `half_width` (95 %); `diverged`;
    `paper_change` and `change` from dense to sparse in points, with `change_half_width`; `device`; `error_verdict` and
    `change_verdict` (`verdicts`). Only a profile with the paper's recipe in full gets a verdict on the error itself.
    """
    pandas = files.require("pandas", "a table of records")
    rows, found = named(experiment).rows(profile), by_row(experiment, profile=profile, records=records)
    samples = {str(row.key): Sample.of([100 * flat["test_error"] for flat in found[str(row.key)]]) for row in rows}
    papers = {str(row.key): row.paper for row in rows}
    return pandas.DataFrame([_line(row, samples, papers, found[str(row.key)], profile) for row in rows])


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


def _line(row: Row, samples: dict[str, Sample], papers: dict, found: list[dict], profile: str) -> dict:
    ours, data = samples[str(row.key)], row.run.data
    line = {
        **row.key, "paper": row.paper, "paper_std": row.paper_std,
        "n": ours.n, "mean": ours.mean, "std": ours.std, "half_width": ours.half_width,
        "diverged": sum(flat["diverged"] for flat in found),
        "device": ", ".join(sorted({flat["device"] for flat in found})),
        "error_verdict": None, "paper_change": None, "change": None, "change_half_width": None, "change_verdict": None,
    }  # fmt: skip
    allowed = verdicts.tolerance(data)
    if profile == "paper" and row.paper is not None:
        paper = Sample(row.paper_runs or 1, row.paper, row.paper_std)
        line["error_verdict"] = verdicts.on_error(ours, paper, allowed=allowed)
    dense = samples.get(str(row.dense))
    if dense is not None:
        if ours.n and dense.n:
            line["change"], line["change_half_width"] = ours.mean - dense.mean, verdicts.welch(dense, ours)
        if row.paper is not None:
            line["paper_change"] = row.paper - papers[str(row.dense)]
            line["change_verdict"] = verdicts.on_change(dense, ours, paper=line["paper_change"], allowed=allowed)
    return line


def _begun(checkpoint: str) -> tuple[str, int]:
    """Of a checkpoint's name, RUN or RUN-NUMBER-HASH: its first run, and how many have begun with it."""
    first, *several = checkpoint.split("-")
    return first, int(several[0]) if several else 1


def _cell(value: object, digits: int) -> str:
    if value is None or value != value:
        return ""
    return f"{value:.{digits}f}" if isinstance(value, float) and digits <= 2 else f"{value}"
