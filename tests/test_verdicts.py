"""The rule of the verdicts, and the statistics it stands on, against published tables."""

import dataclasses

import numpy as np
import pytest
from records_made import record

from snip_lib import studies
from snip_lib.results import recording, summary, verdicts
from snip_lib.results.verdicts import Sample


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
            recording.append(made, "table2", records=tmp_path)
    frame = summary.table("table2", profile="paper", records=tmp_path).set_index(["network", "sparsity"])
    line = frame.loc[("vgg-d", 0.95)]
    assert (line.paper, line.n, line["mean"]) == (7.09, 3, pytest.approx(8.1))
    assert (line.paper_change, line.change) == (pytest.approx(0.33), pytest.approx(1.35))
    assert (line.error_verdict, line.change_verdict) == ("worse", "worse")
    assert frame.loc[("vgg-d", 0.0)].error_verdict == "agrees"
    assert frame.loc[("vgg-c", 0.95)].error_verdict == "too few runs"
    assert "7.09" in summary.shown(frame.reset_index()).to_string()


def test_nothing_is_better_than_a_dense_network_that_diverged(tmp_path):
    """Counted as chance, it would make its pruned network better by the whole way down."""
    for seed in range(3):
        for sparsity in (0.0, 0.98):
            run = dataclasses.replace(studies.run_of("laptop", "lenet-5-caffe", sparsity), seed=seed)
            lost = seed == 1 and not sparsity
            wild = {"diverged": {"iteration": 8, "learning_rate": 0.1}, "test_error": None} if lost else {}
            made = record(tmp_path, run, profile="laptop", **{"test_error": 0.015, **wild})
            recording.append(made, "table1", records=tmp_path)
    frame = summary.table("table1", profile="laptop", records=tmp_path).set_index(["network", "sparsity"])
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
            recording.append(made, "table1", records=tmp_path)
    frame = summary.table("table1", profile="laptop", records=tmp_path)
    assert set(frame.error_verdict) == {None}
    line = frame[(frame.network == "lenet-300-100") & (frame.sparsity == 0.95)].iloc[0]
    assert line.change_verdict == "agrees"
