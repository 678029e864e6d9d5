"""Every number of the paper beside ours, from the records alone."""

from snip_lib.records import Records
from snip_lib.studies import named
from snip_lib.tables.gap import NOT_YET
from snip_lib.tables.summary import table
from snip_lib.tables.words import rest
from snip_lib.words import require

SOURCES = {
    "figure1": "Figure 1",
    "table1": "Table 1",
    "table2": "Table 2",
    "table3": "Table 3",
    "figure3": "Figure 3",
}
WAITING = SOURCES | {"figure4": "Figure 4"}  # losses, which are no errors to stand beside others
PROFILES = ("paper", "fast", "laptop")
NUMBERS = ("paper", "ours", "half_width", "paper_change", "change", "change_half_width")  # NaN where there is none
NONE = "no verdict"  # measured by another recipe than the paper's, and without a dense row to change from


def held(*, records: Records | None = None):
    """A line for each number of the paper and profile in which it was measured, one "not run yet" where in none.

    Columns: `where` (table or figure), `what` (its row), `paper`, `n`, `ours`, `half_width` (95 %), `device`,
    `profile`, `paper_change`, `change`, `change_half_width`, and `error_verdict` and `change_verdict` as `table` gives
    them; errors in percent, changes in points. A row without a run has n = 0 and the verdict "not run yet".

    >>> held().query("where == 'Figure 3'").paper.tolist()
    [1.94, 1.72, 1.64, 1.56, 1.4]
    """
    pandas = require("pandas", "a table of records")
    lines = []
    for experiment, where in SOURCES.items():
        frames = {profile: table(experiment, profile=profile, records=records) for profile in PROFILES}
        for place, row in enumerate(named(experiment).rows("paper")):
            found = [_line(frame.iloc[place], where, row.key, profile) for profile, frame in frames.items()]
            lines += [line for line in found if line["n"]] or [found[-1] | {"change_verdict": NOT_YET, "profile": ""}]
    return pandas.DataFrame(lines).astype(dict.fromkeys(NUMBERS, float))


def _line(of, where: str, key: dict, profile: str) -> dict:
    numbers = ("paper", "n", "half_width", "device", "paper_change", "change", "change_half_width")
    verdicts = ("error_verdict", "change_verdict")
    told = {name: of[name] for name in (*numbers, *verdicts)}
    return {"where": where, "what": what(key), "profile": profile, "ours": of["mean"], **told}


def what(key: dict) -> str:
    """A row in words: network, what is pruned, and what else sets it apart.

    >>> what({"network": "vgg-d", "sparsity": 0.95}), what({"network": "gru-s", "scored with": "VS-X"})
    ('vgg-d, 95 %', 'gru-s, scored with VS-X')
    """
    words = [str(key["network"])]
    if "sparsity" in key:
        words.append(f"{100 * key['sparsity']:g} %" if key["sparsity"] else "dense")
    words += [f"{name} {value}" for name, value in key.items() if name not in ("network", "sparsity")]
    return ", ".join(words)


def counted(frame):
    """How often each verdict was given, a line for each table or figure, a column for each kind of verdict.

    A line of `held` or `losses` has up to two verdicts; one that was measured and has none counts as "no verdict".

    >>> counted(held()).index[0]
    'Figure 1'
    """
    pandas = require("pandas", "a table of records")
    nothing = ("too few runs", "diverged", "dense diverged", NONE, NOT_YET)
    kinds = ("agrees", "better", "worse", "differs", "undecided", *nothing)
    rows = {}
    for where in dict.fromkeys(frame["where"]):
        part = frame[frame["where"] == where]
        pairs = zip(part["error_verdict"], part["change_verdict"], strict=True)
        said = [verdict for pair in pairs for verdict in ([v for v in pair if isinstance(v, str)] or [NONE])]
        rows[where] = {kind: said.count(kind) for kind in kinds}
    counts = pandas.DataFrame(rows).T
    return counts[[kind for kind in kinds if counts[kind].any()]]


def commands(*, records: Records | None = None) -> list[str]:
    """For each table or figure of which runs are missing, the sentence that says which command runs them.

    >>> all("python -m snip_lib run" in line for line in commands())
    True
    """
    found = {where: rest(experiment, records=records) for experiment, where in WAITING.items()}
    return [f"{where}: {sentence}" for where, sentence in found.items() if sentence]
