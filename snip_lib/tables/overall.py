"""One verdict over many networks: the mean change from dense to pruned, paired with the paper's, network by network."""

from collections.abc import Collection
from dataclasses import dataclass

from snip_lib.records import Records
from snip_lib.studies import named
from snip_lib.studies.run import Row
from snip_lib.tables.gap import NOT_YET, signed
from snip_lib.tables.summary import by_row
from snip_lib.tables.verdicts import Sample, tolerance, verdict


@dataclass(frozen=True)
class Overall:
    """Network -> (the paper's change, ours), in points, of the networks recorded; and what is allowed as no difference.

    A network counts once, however many seeds it has. `left_out`: those with a run that diverged.
    """

    changes: dict[str, tuple[float, float]]
    allowed: float
    left_out: tuple[str, ...] = ()

    @property
    def gap(self) -> Sample:
        """Ours less the paper's, over the networks."""
        return Sample.of([ours - paper for paper, ours in self.changes.values()])

    @property
    def verdict(self) -> str:
        """The rule of `verdicts.verdict` on that gap, with networks for runs; "not run yet" without any.

        >>> Overall({"a": (0.3, 0.4), "b": (0.4, 0.6), "c": (-0.3, -0.2)}, allowed=0.3).verdict
        'agrees'
        """
        gap = self.gap
        if not gap.n:
            return NOT_YET
        said = verdict(gap.mean, gap.half_width, n=gap.n, allowed=self.allowed)
        return "too few networks" if said == "too few runs" else said

    @property
    def words(self) -> str:
        """Both means, their gap with its interval, and the verdict, as a clause.

        >>> Overall({"a": (0.3, 0.4), "b": (0.4, 0.6), "c": (-0.3, -0.2)}, allowed=0.3).words
        'over 3 networks ours changes by +0.27 points, the paper by +0.13, a gap of +0.13 ± 0.14: agrees'
        """
        gap = self.gap
        if not gap.n:
            return NOT_YET
        papers, ours = (signed(sum(side) / gap.n) for side in zip(*self.changes.values(), strict=True))
        spread = "" if gap.half_width is None else f" ± {gap.half_width:.2f}"
        networks = "one network" if gap.n == 1 else f"{gap.n} networks"
        compared = f"ours changes by {ours} points, the paper by {papers}, a gap of {signed(gap.mean)}{spread}"
        return f"over {networks} {compared}: {self.verdict}"


def overall(
    experiment: str, networks: Collection[str], *, profile: str = "laptop", records: Records | None = None
) -> Overall:
    """The changes of those of `networks` that are recorded dense and pruned, with a seed that both have.

    Paired twice: a network's change is taken seed by seed, and the paper's change of the same network beside it. A
    network of which a run diverged is left out, because chance is no error to change from. ValueError for a network
    that the experiment does not have, and for networks on data with different tolerances.

    >>> overall("table2", ["lstm-s"], profile="fast").verdict
    'not run yet'
    """
    rows = {row.key["network"]: row for row in named(experiment).rows(profile) if row.dense and row.paper is not None}
    if unknown := sorted(set(networks) - set(rows)):
        raise ValueError(f"{experiment} has no pruned row of {', '.join(unknown)}; it has {', '.join(rows)}")
    allowed = {tolerance(rows[name].run.data) for name in networks}
    if len(allowed) != 1:
        raise ValueError(f"networks={list(networks)}: name some whose data allow the same difference")
    papers = {str(row.key): row.paper for row in named(experiment).rows(profile)}
    found, changes, left_out = by_row(experiment, profile=profile, records=records), {}, []
    for name in networks:
        dense, pruned = found[str(rows[name].dense)], found[str(rows[name].key)]
        if any(one["diverged"] for one in dense + pruned):
            left_out.append(name)
        elif (ours := _change(dense, pruned)) is not None:
            changes[name] = (_paper_change(rows[name], papers), ours)
    return Overall(changes, allowed.pop(), tuple(left_out))


def _paper_change(row: Row, papers: dict[str, float]) -> float:
    return row.paper - papers[str(row.dense)]


def _change(dense: list[dict], pruned: list[dict]) -> float | None:
    """The mean change in points over the seeds that both have; None where there is none."""
    before = {one["seed"]: one["test_error"] for one in dense}
    return Sample.of([100 * (one["test_error"] - before[one["seed"]]) for one in pruned if one["seed"] in before]).mean
