"""How much is memorised: against its definition by probabilities, and with no record, one seed and enough."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from snip_lib.records import Records
from snip_lib.tables.memorised import agreement, curves, fate, fates, memorised


@pytest.mark.parametrize("classes", [2, 7, 10])
def test_a_guess_saves_nothing_certainty_all_and_half_the_bits_half(classes):
    y = torch.arange(classes)
    for share, expected in ((1 / classes, 0), (1.0, 100), (classes**-0.5, 50)):
        rest = (1 - share) / (classes - 1)
        p = torch.full((classes, classes), rest, dtype=torch.float64)
        p.fill_diagonal_(share)
        loss = cross_entropy(p.clamp(min=1e-300).log(), y).item()
        assert memorised(loss, classes) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(-5.0, "at chance"), (0.99, "at chance"), (1.0, "in part"), (90.0, "in part"), (90.1, "memorised")],
)
def test_fates_meet_at_their_limits(share, expected):
    assert fate(share) == expected


@pytest.mark.parametrize(
    ("shares", "paper", "expected"),
    [
        ([], 0.0, "too few runs"),
        ([0.1], 0.0, "too few runs"),
        ([0.1, 0.2], 0.0, "too few runs"),
        ([0.1, 0.2, 0.3], 0.0, "agrees"),
        ([0.1, 0.2, 30.0], 0.0, "undecided"),
        ([20.0, 95.0, 30.0], 0.0, "differs"),
    ],
)
def test_a_verdict_needs_three_runs_of_one_fate(shares, paper, expected):
    assert agreement(dict(enumerate(shares)), paper) == expected


def test_without_records_every_row_is_there_and_has_no_runs(tmp_path):
    for experiment, rows in (("figure4", 5), ("figure4-masks", 8)):
        found = curves(experiment, records=Records(tmp_path))
        assert len(found) == rows
        assert all(runs == {} for _, runs in found)
        assert fates(dict.fromkeys(found[0][1], 0.0)) == "not run yet"


def test_curves_are_those_of_the_records():
    records = Records()
    by_name = {(r["run"]["labels"], r["run"]["sparsity"], r["run"]["seed"], r["run"]["recipe"]["weight_decay"]): r
               for r in records.read("figure4")[0] if r["profile"] == "laptop"}  # fmt: skip
    checked = 0
    for key, runs in curves("figure4"):
        for seed, run in runs.items():
            record = by_name[key["labels"], key["sparsity"], seed, key["weight decay"]]
            assert run.tolist() == records.series(record, "losses").tolist()
            assert math.isclose(run[-1][0], record["metrics"]["iterations"])
            checked += 1
    assert checked == len(by_name)
