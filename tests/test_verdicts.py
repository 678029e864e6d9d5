"""The rule of the verdicts, and the statistics it stands on, against published tables."""

import dataclasses

import numpy as np
import pandas
import pytest
from records_made import lost, record

from snip_lib import studies, tables
from snip_lib.records import Records
from snip_lib.tables import Sample, verdicts


@pytest.mark.parametrize(
    ("freedom", "t"), [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (19, 2.0930), (120, 1.9799)]
)
def test_t_is_that_of_the_tables(freedom, t):
    assert verdicts.t_quantile(freedom) == pytest.approx(t, abs=2e-4)


def test_a_sample_is_what_numpy_says():
    values = [1.5, 1.7, 1.6, 2.0]
    sample = Sample.of(values)
    assert (sample.n, sample.mean, sample.std) == (4, pytest.approx(1.7), pytest.approx(np.std(values, ddof=1)))
    assert sample.half_width == pytest.approx(3.18245 * np.std(values, ddof=1) / 2, rel=1e-4)
    assert Sample.of([1.0]) == Sample(1, 1.0, None)
    assert Sample.of([]) == Sample(0, None, None)


def test_welch_of_a_worked_example():
    """Two samples of 15 and 15: t-interval with 27.1 degrees of freedom, by hand from Welch's formulas."""
    a, b = Sample(15, 20.8, 2.8), Sample(15, 23.0, 3.4)
    assert verdicts.welch(a, b) == pytest.approx(2.0516 * (2.8**2 / 15 + 3.4**2 / 15) ** 0.5, rel=1e-3)
    assert verdicts.welch(a, Sample(1, 1.0, None)) is None
    assert verdicts.welch(Sample(3, 1.0, 0.0), Sample(3, 1.0, 0.0)) == 0


@pytest.mark.parametrize(
    ("gap", "half", "n", "said"),
    [
        (0.1, 0.2, 3, "agrees"),
        (-0.3, 0.3, 5, "agrees"),
        (0.31, 0.005, 5, "worse"),
        (-0.8, 0.4, 5, "better"),
        (0.1, 0.5, 5, "undecided"),
        (0.5, 0.3, 5, "undecided"),
        (0.0, 0.0, 2, "too few runs"),
        (None, 0.1, 9, "too few runs"),
        (0.1, None, 9, "too few runs"),
    ],
)
def test_the_rule(gap, half, n, said):
    assert verdicts.verdict(gap, half, n=n, allowed=0.3) == said


CENTS = range(1, 1401)  # the paper's errors have two digits; 0.30 more is 0.3 off to the last digit of a float or so


@pytest.mark.parametrize("allowed", [20, 30])
@pytest.mark.parametrize("side", [1, -1])
def test_a_gap_of_what_is_allowed_agrees_and_a_hundredth_more_does_not(allowed, side):
    def said(paper, gap):
        ours = Sample(3, (paper + side * gap) / 100, 0.0)
        return verdicts.on_error(ours, Sample(1, paper / 100, None), allowed=allowed / 100)

    assert {said(paper, allowed) for paper in CENTS} == {"agrees"}
    assert {said(paper, allowed + 1) for paper in CENTS} == {"worse" if side > 0 else "better"}


def test_a_change_of_what_is_allowed_agrees():
    for cents in CENTS:
        dense = Sample(3, cents / 100, 0.0)
        sparse = Sample(3, (cents + 63) / 100, 0.0)
        assert verdicts.on_change(dense, sparse, paper=0.33, allowed=0.3) == "agrees"


def test_a_half_width_of_what_is_allowed_agrees():
    assert verdicts.verdict(0.0, 0.1 + 0.2, n=3, allowed=0.3) == "agrees"
    assert verdicts.verdict(0.1 + 0.2 + 0.3, 0.3, n=3, allowed=0.3) == "undecided"


@pytest.mark.parametrize("runs", [0, 1])
def test_a_spread_of_nobody_knows_how_many_runs_widens_nothing(runs):
    ours, paper = Sample(3, 1.95, 0.01), Sample(runs, 1.9, 0.6)
    assert paper.half_width is None
    assert verdicts.welch(ours, paper) is None
    assert verdicts.on_error(ours, paper, allowed=0.2) == "agrees"
    assert verdicts.on_error(Sample(3, 9.0, 0.01), paper, allowed=0.2) == "worse"


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1.0, 1e100])
def test_welch_is_as_wide_as_the_spreads(scale):
    a, b = Sample(15, 0.0, 2.8 * scale), Sample(15, 0.0, 3.4 * scale)
    wide = 2.0516 * (2.8**2 / 15 + 3.4**2 / 15) ** 0.5
    if scale > 1e-150:  # below, its square is 0
        assert verdicts.welch(a, b) == pytest.approx(wide * scale, rel=1e-3)
    else:
        assert verdicts.welch(a, b) == 0


def test_the_papers_spread_widens_the_interval():
    ours = Sample(3, 1.95, 0.01)
    assert verdicts.on_error(ours, Sample(1, 1.9, None), allowed=0.2) == "agrees"
    assert verdicts.on_error(ours, Sample(20, 1.9, 0.6), allowed=0.2) == "undecided"
    assert verdicts.on_error(Sample(2, 9.0, 0.1), Sample(1, 1.9, None), allowed=0.2) == "too few runs"


def test_the_change_is_judged_as_a_difference():
    dense, sparse = Sample(3, 6.7, 0.05), Sample(3, 7.1, 0.05)
    assert verdicts.on_change(dense, sparse, paper=0.33, allowed=0.3) == "agrees"
    assert verdicts.on_change(dense, Sample(3, 8.1, 0.05), paper=0.33, allowed=0.3) == "worse"
    assert verdicts.on_change(Sample(2, 6.7, 0.05), sparse, paper=0.33, allowed=0.3) == "too few runs"


def test_the_table_puts_the_papers_number_beside_ours(tmp_path):
    rows = {str(row.key): row for row in studies.named("table2").rows("paper")}
    dense = rows["{'network': 'vgg-d', 'sparsity': 0.0}"]
    sparse = rows["{'network': 'vgg-d', 'sparsity': 0.95}"]
    for row, errors in ((dense, (0.067, 0.068, 0.0675)), (sparse, (0.081, 0.0812, 0.0808))):
        for seed, error in enumerate(errors):
            made = record(tmp_path, row.seeded(seed), profile="paper", test_error=error)
            Records(tmp_path).append("table2", [made])
    frame = tables.table("table2", profile="paper", records=Records(tmp_path)).set_index(["network", "sparsity"])
    line = frame.loc[("vgg-d", 0.95)]
    assert (line.paper, line.n, line["mean"]) == (7.09, 3, pytest.approx(8.1))
    assert (line.paper_change, line.change) == (pytest.approx(0.33), pytest.approx(1.35))
    assert (line.error_verdict, line.change_verdict) == ("worse", "worse")
    assert frame.loc[("vgg-d", 0.0)].error_verdict == "agrees"
    assert frame.loc[("vgg-c", 0.95)].error_verdict == "too few runs"
    assert "7.09" in tables.shown(frame.reset_index()).to_string()


def test_nothing_is_better_than_a_dense_network_that_diverged(tmp_path):
    """Counted as chance, it would make its pruned network better by the whole way down."""
    for seed in range(3):
        for sparsity in (0.0, 0.98):
            run = dataclasses.replace(studies.run_of("laptop", "lenet-5-caffe", sparsity), seed=seed)
            wild = lost() if seed == 1 and not sparsity else {}
            made = record(tmp_path, run, profile="laptop", **{"test_error": 0.015, **wild})
            Records(tmp_path).append("table1", [made])
    frame = tables.table("table1", profile="laptop", records=Records(tmp_path)).set_index(["network", "sparsity"])
    dense, sparse = frame.loc[("lenet-5-caffe", 0.0)], frame.loc[("lenet-5-caffe", 0.98)]
    assert (dense.diverged, dense["mean"]) == (1, pytest.approx((1.5 + 90 + 1.5) / 3))
    assert (sparse.change_verdict, sparse["mean"]) == ("dense diverged", pytest.approx(1.5))
    assert sparse.paper_change == pytest.approx(-0.1)
    assert sparse.change is None


def test_a_recipe_that_is_not_the_papers_is_judged_on_the_change_alone(tmp_path):
    for seed in range(3):
        for sparsity in (0.0, 0.95):
            run = dataclasses.replace(studies.run_of("laptop", "lenet-300-100", sparsity), seed=seed)
            made = record(tmp_path, run, profile="laptop", test_error=0.015)
            Records(tmp_path).append("table1", [made])
    frame = tables.table("table1", profile="laptop", records=Records(tmp_path))
    assert set(frame.error_verdict) == {None}
    line = frame[(frame.network == "lenet-300-100") & (frame.sparsity == 0.95)].iloc[0]
    assert line.change_verdict == "agrees"


def filled(folder, fates, *, sparsity, profile="laptop"):
    """Records of LeNet-300-100 in Table 1, a seed each: a test error, or None for a run that diverged."""
    for seed, error in enumerate(fates):
        run = dataclasses.replace(studies.run_of(profile, "lenet-300-100", sparsity), seed=seed)
        changes = lost() if error is None else {"test_error": error}
        Records(folder).append("table1", [record(folder, run, profile=profile, **changes)])


@pytest.mark.parametrize("runs", [1, 3])
def test_chance_is_not_shown_as_a_measurement(tmp_path, runs):
    filled(tmp_path, [0.015] * runs, sparsity=0.0)
    filled(tmp_path, [None] * runs, sparsity=0.95)
    frame = tables.table("table1", profile="laptop", records=Records(tmp_path)).set_index(["network", "sparsity"])
    line = frame.loc[("lenet-300-100", 0.95)]
    assert (line.diverged, line.change_verdict) == (runs, "diverged")
    assert pandas.isna([line["std"], line.half_width, line.change]).all()
    shown = tables.shown(frame.reset_index()).set_index(["network", "sparsity"]).loc[("lenet-300-100", "0.95")]
    assert shown["mean"] == f"diverged {runs} of {runs}"
    assert [shown.get(key, "") for key in ("std", "half_width", "change", "change_half_width")] == [""] * 4
    assert "90.00" not in tables.shown(frame.reset_index()).to_string()


def test_the_papers_recipe_that_diverged_is_neither_better_nor_worse(tmp_path):
    filled(tmp_path, [None] * 3, sparsity=0.95, profile="paper")
    frame = tables.table("table1", profile="paper", records=Records(tmp_path)).set_index(["network", "sparsity"])
    assert frame.loc[("lenet-300-100", 0.95)].error_verdict == "diverged"


def test_one_that_diverged_among_others_counts_as_chance(tmp_path):
    filled(tmp_path, [0.015, None, 0.025], sparsity=0.0)
    frame = tables.table("table1", profile="laptop", records=Records(tmp_path)).set_index(["network", "sparsity"])
    line = frame.loc[("lenet-300-100", 0.0)]
    assert (line["mean"], line["std"]) == (pytest.approx(94 / 3), pytest.approx(np.std([1.5, 90, 2.5], ddof=1)))
    summed = tables.summarise(Records(tmp_path).load("table1"), "network").iloc[0]
    assert (summed.diverged, summed["mean"]) == (1, pytest.approx(0.94 / 3))


def test_a_difference_of_differences_is_judged_by_all_four_spreads():
    """Against Satterthwaite's formula written out, and a simulation: 95 % of the intervals hold the true difference."""
    four = [Sample(3, 5.0, 1.0), Sample(3, 8.0, 0.5), Sample(20, 2.9, 0.2), Sample(20, 1.5, 0.1)]
    u = [1 / 3, 0.25 / 3, 0.04 / 20, 0.01 / 20]
    freedom = sum(u) ** 2 / (u[0] ** 2 / 2 + u[1] ** 2 / 2 + u[2] ** 2 / 19 + u[3] ** 2 / 19)
    assert verdicts.welch(*four) == pytest.approx(verdicts.t_quantile(freedom) * sum(u) ** 0.5)
    draw, inside = np.random.default_rng(0), 0
    for _ in range(400):
        drawn = [Sample.of(list(draw.normal(0, std, n))) for n, std in ((5, 1), (5, 2), (20, 0.5), (20, 0.5))]
        gap = drawn[0].mean - drawn[1].mean - (drawn[2].mean - drawn[3].mean)
        inside += abs(gap) <= verdicts.welch(*drawn)
    assert 0.92 < inside / 400 < 0.98


def test_a_difference_needs_runs_and_agrees_or_not():
    paper = Sample(20, 2.9, 0.2), Sample(20, 1.5, 0.1)
    ours = Sample.of([5.2, 5.3, 5.25]), Sample.of([3.8, 3.85, 3.9])
    assert tables.on_difference(ours, paper, allowed=0.2) == "agrees"
    assert tables.on_difference(ours[::-1], paper, allowed=0.2) == "better"
    assert tables.on_difference((ours[0], Sample.of([8.0, 3.0, 6.0])), paper, allowed=0.2) == "undecided"
    assert tables.on_difference((ours[0], Sample.of([3.8, 3.9])), paper, allowed=0.2) == "too few runs"
    bare = Sample(1, 2.9, None), Sample(1, 1.5, None)
    assert tables.on_difference(ours, bare, allowed=0.2) == "agrees"
