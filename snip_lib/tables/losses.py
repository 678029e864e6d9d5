"""Figure 4 in the columns of `held`: losses, which are no errors, each with the fate that it stands for."""

from snip_lib.records import Records
from snip_lib.studies import named, paper_table
from snip_lib.tables import verdicts
from snip_lib.tables.gap import NOT_YET
from snip_lib.tables.held import NUMBERS, PROFILES
from snip_lib.tables.memorised import agreement, agreement_on_change, curves, memorised, title
from snip_lib.tables.summary import by_row
from snip_lib.tables.verdicts import Sample
from snip_lib.words import require

Ends = dict[str, dict[int, float]]  # what the figure calls a row -> seed -> the last training loss


def losses(*, records: Records | None = None):
    """A line for each line of Figure 4 and profile, as `held` has them of errors: training losses at the end, in nats.

    The paper's are read off its plot. `error_verdict` is on what became of the network, `change_verdict` on that of the
    whole and of the pruned one together (`memorised.agreement`). A run that diverged has no loss and is left out.

    >>> losses().paper.unique().tolist()
    [0.0, 0.03, 0.07, 0.35, 2.3]
    """
    pandas = require("pandas", "a table of records")
    papers, lines = dict(paper_table("figure4")["rows"]), []
    by_profile = {profile: _lines(profile, papers, records) for profile in PROFILES}
    for name in papers:
        found = [by_profile[profile][name] for profile in PROFILES]
        lines += [line for line in found if line["n"]] or [found[-1] | {"change_verdict": NOT_YET, "profile": ""}]
    return pandas.DataFrame(lines).astype(dict.fromkeys(NUMBERS, float))


def _lines(profile: str, papers: dict[str, float], records: Records | None) -> dict[str, dict]:
    """What the figure calls a row -> its line in one profile."""
    found = curves("figure4", profile=profile, records=records)
    ends = {title(key): {seed: float(run[-1][1]) for seed, run in runs.items()} for key, runs in found}
    flats, lines = by_row("figure4", profile=profile, records=records), {}
    for row in named("figure4").rows(profile):
        name, device = title(row.key), ", ".join(sorted({one["device"] for one in flats[str(row.key)]}))
        ours = Sample.of(list(ends[name].values()))
        verdict = agreement(_shares(ends[name]), memorised(papers[name])) if ours.n else None
        line = {"where": "Figure 4", "what": name, "profile": profile, "ours": ours.mean, "paper": papers[name]}
        line |= {"n": ours.n, "half_width": ours.half_width, "device": device, "error_verdict": verdict}
        lines[name] = line | _change(name, ends, papers)
    return lines


def _change(name: str, ends: Ends, papers: dict[str, float]) -> dict:
    """The columns on the change from the whole network to the pruned one."""
    line = dict.fromkeys(("paper_change", "change", "change_half_width", "change_verdict"))
    whole = name.removesuffix(", pruned")
    if whole == name:
        return line
    line["paper_change"] = papers[name] - papers[whole]
    dense, pruned = (Sample.of(list(ends[one].values())) for one in (whole, name))
    if dense.n and pruned.n:
        line |= {"change": pruned.mean - dense.mean, "change_half_width": verdicts.welch(dense, pruned)}
        theirs = memorised(papers[whole]), memorised(papers[name])
        line["change_verdict"] = agreement_on_change(_shares(ends[whole]), _shares(ends[name]), theirs)
    return line


def _shares(found: dict[int, float]) -> dict[int, float]:
    return {seed: memorised(loss) for seed, loss in found.items()}
