"""What a page says of records: errors seed by seed and their means, and "not run yet" where none are."""

from collections.abc import Collection, Mapping

from snip_lib.records import Records
from snip_lib.studies import named
from snip_lib.studies.run import Row
from snip_lib.tables.gap import NOT_YET, Errors, signed
from snip_lib.tables.summary import by_row, status
from snip_lib.tables.verdicts import ENOUGH, Sample
from snip_lib.words import require


def errors(
    experiment: str,
    key: Mapping[str, object],
    *,
    profile: str = "laptop",
    value: str = "test_error",
    records: Records | None = None,
) -> dict[int, float]:
    """Seed -> error in percent of the one row of an experiment that `key` fits; {} where nothing is recorded.

    value: "test_error", "best_test_error" or "valid_error"; a diverged run counts as chance. Raises ValueError when no
    row or several fit.

    >>> sorted(errors("digits", {"criterion": "snip", "sparsity": 0.9}))
    [0, 1, 2]
    """
    row = row_of(experiment, key, profile)
    found = by_row(experiment, profile=profile, records=records)[str(row.key)]
    return {one["seed"]: 100 * one[value] for one in found}


def row_of(experiment: str, key: Mapping[str, object], profile: str) -> Row:
    """The one row of an experiment that has these entries in its key; ValueError when none or several have."""
    rows = [row for row in named(experiment).rows(profile) if key.items() <= row.key.items()]
    if len(rows) != 1:
        raise ValueError(f"{len(rows)} rows of {experiment} fit {dict(key)}: name one")
    return rows[0]


def mean(found: Errors, *, unit: str = " %") -> str:
    """A mean with the half-width of its 95 % interval and n, or "not run yet".

    >>> mean({0: 2.1, 1: 2.2, 2: 2.15}), mean({0: 2.1}), mean({})
    ('2.15 ± 0.12 % (n = 3)', '2.10 % (n = 1)', 'not run yet')
    """
    sample = Sample.of(list(found.values()))
    return f"{_spread(sample)}{unit} (n = {sample.n})" if sample.n else NOT_YET


def cell(found: Errors) -> str:
    """The same for the cell of a table: without unit and, where there are enough runs, without n.

    >>> cell({0: 2.1, 1: 2.2, 2: 2.15}), cell({0: 2.1}), cell({})
    ('2.15 ± 0.12', '2.10 (n = 1)', 'not run yet')
    """
    sample = Sample.of(list(found.values()))
    if not sample.n:
        return NOT_YET
    return _spread(sample) + (f" (n = {sample.n})" if sample.n < ENOUGH else "")


def _spread(sample: Sample) -> str:
    half_width = sample.half_width
    return f"{sample.mean:.2f}" if half_width is None else f"{sample.mean:.2f} ± {half_width:.2f}"


def rest(experiment: str, *, profile: str = "laptop", records: Records | None = None) -> str:
    """A sentence in Markdown: how many runs of a profile are recorded, and the command for the rest; "" when all are.

    >>> rest("digits")
    ''
    """
    counts = status(named(experiment), profile, records=records)
    if not counts["missing"]:
        return ""
    command = f"`python -m snip_lib run {experiment}{'' if profile == 'laptop' else f' --profile {profile}'}`"
    if not counts["recorded"]:
        return f"*{NOT_YET.capitalize()}: {command} runs it.*"
    return f"*{counts['recorded']} of {counts['planned']} runs are recorded; {command} runs the rest.*"


def conventions(
    experiment: str, *, profile: str = "laptop", networks: Collection[str] | None = None, records: Records | None = None
) -> str:
    """A sentence: how far below the last test error the best of the last five is, which the authors' code prints.

    networks: of the rows that are meant, None for all. Runs that diverged are left out.

    >>> conventions("figure3").startswith("The best of the last five test errors is below the last by 0.0")
    True
    """
    rows, below = by_row(experiment, profile=profile, records=records), {}
    for row in named(experiment).rows(profile):
        if networks is None or row.run.network in networks:
            for one in rows[str(row.key)]:
                if not one["diverged"]:
                    below[one["name"]] = 100 * (one["test_error"] - one["best_test_error"])
    if not below:
        return f"The best of the last five test errors, beside the last: {NOT_YET}."
    middle, most, n = sum(below.values()) / len(below), max(below.values()), len(below)
    said = "The best of the last five test errors is below the last by"
    return f"{said} {middle:.2f} points on average and {most:.2f} at most (n = {n} runs)."


def compact(frame):
    """`table`'s frame as a page shows it: the paper's number, ours with its interval, n, both changes, the verdicts.

    >>> from snip_lib.tables import table
    >>> compact(table("figure3", profile="laptop"))["pruned"].unique().tolist()
    ['90 %']
    """
    pandas = require("pandas", "a table of records")
    known = ("network", "sparsity", "pruning batch", "scored with", "mask", "change from", "prunings", "labels")
    rows = []
    for line in frame.to_dict("records"):
        shown = {name: line[name] for name in known if name in line}
        if "sparsity" in shown:
            shown["pruned"] = f"{100 * shown.pop('sparsity'):g} %"
        rows.append(shown | _numbers(line))
    text = pandas.DataFrame(rows)
    return text[[name for name in text.columns if any(text[name])]]


def _numbers(line: Mapping) -> dict[str, str]:
    half_width, n = line["half_width"], int(line["n"])
    lost = f"diverged {line['diverged']} of {n}" if n and line["diverged"] == n else ""
    said = [line[f"{on}_verdict"] for on in ("error", "change")] if n else []
    return {
        "paper": _plain(line["paper"]),
        "ours": lost or (_spread_of(line["mean"], half_width) if n else NOT_YET),
        "n": str(n) if n else "",
        "paper's change": signed(line["paper_change"]) if _there(line["paper_change"]) else "",
        "our change": _changed(line),
        "verdict": " / ".join(dict.fromkeys(verdict for verdict in said if _there(verdict))),
    }


def _changed(line: Mapping) -> str:
    if not _there(line["change"]):
        return ""
    half_width = line["change_half_width"]
    return signed(line["change"]) + (f" ± {half_width:.2f}" if _there(half_width) else "")


def _spread_of(value: float, half_width: float | None) -> str:
    return f"{value:.2f}" + (f" ± {half_width:.2f}" if _there(half_width) else "")


def _plain(value: float | None) -> str:
    return f"{value:.2f}" if _there(value) else ""


def _there(value: object) -> bool:
    return value is not None and value == value
