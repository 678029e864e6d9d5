"""One verdict over many networks: paired by network and seed, against the numbers done by hand."""

import dataclasses

import pytest
from records_made import lost, record

from snip_lib import studies, tables
from snip_lib.records import Records

THREE = ("alexnet-s", "vgg-d", "wrn-16-8")
PAPER = {"alexnet-s": 0.87, "vgg-d": 0.33, "wrn-16-8": 0.42}  # Table 2, sparse less dense


def fill(folder, network, errors, sparsity, *, seeds=(0, 1, 2)):
    for seed, error in zip(seeds, errors, strict=True):
        run = dataclasses.replace(studies.run_of("laptop", network, sparsity), seed=seed)
        changes = lost() if error is None else {"test_error": error / 100}
        Records(folder).append("table2", [record(folder, run, profile="laptop", **changes)])


def of(folder, networks=THREE):
    return tables.overall("table2", networks, records=Records(folder))


def test_without_records_it_is_not_run_yet(tmp_path):
    found = of(tmp_path)
    assert (found.changes, found.verdict, found.words) == ({}, tables.NOT_YET, tables.NOT_YET)


def test_a_dense_network_alone_has_no_change(tmp_path):
    fill(tmp_path, "vgg-d", [9.0], 0, seeds=[0])
    assert of(tmp_path).verdict == tables.NOT_YET


@pytest.mark.parametrize("networks", [1, 2])
def test_fewer_than_three_networks_decide_nothing_however_many_seeds(tmp_path, networks):
    for name, sparsity in zip(THREE[:networks], (0.9, 0.95), strict=False):
        fill(tmp_path, name, [9.0, 9.1, 9.2], 0)
        fill(tmp_path, name, [9.5, 9.6, 9.7], sparsity)
    found = of(tmp_path)
    assert found.gap.n == networks
    assert found.verdict == "too few networks"
    assert found.words.endswith(": too few networks")


def test_one_seed_of_three_networks_is_judged_by_the_spread_between_them(tmp_path):
    ours = {"alexnet-s": (0.9, 1.0), "vgg-d": (0.95, 0.5), "wrn-16-8": (0.95, 0.5)}
    for name, (sparsity, change) in ours.items():
        fill(tmp_path, name, [10.0], 0, seeds=[0])
        fill(tmp_path, name, [10.0 + change], sparsity, seeds=[0])
    found = of(tmp_path)
    assert {name: pair[0] for name, pair in found.changes.items()} == pytest.approx(PAPER)
    assert found.gap.mean == pytest.approx((0.13 + 0.17 + 0.08) / 3)
    assert found.verdict == "agrees"


def test_changes_are_paired_by_seed_and_a_seed_of_one_alone_counts_for_nothing(tmp_path):
    fill(tmp_path, "vgg-d", [9.0, 12.0], 0, seeds=[0, 1])
    fill(tmp_path, "vgg-d", [12.4, 50.0], 0.95, seeds=[1, 2])
    (paper, ours) = of(tmp_path).changes["vgg-d"]
    assert (paper, ours) == (pytest.approx(0.33), pytest.approx(0.4))


@pytest.mark.parametrize("lost_is_dense", [True, False])
def test_a_network_of_which_a_run_diverged_is_left_out_and_named(tmp_path, lost_is_dense):
    dense, pruned = ([9.0, None], [9.5, 9.5]) if lost_is_dense else ([9.0, 9.0], [9.5, None])
    fill(tmp_path, "vgg-d", dense, 0, seeds=[0, 1])
    fill(tmp_path, "vgg-d", pruned, 0.95, seeds=[0, 1])
    found = of(tmp_path)
    assert (found.changes, found.left_out) == ({}, ("vgg-d",))


def test_networks_that_cannot_be_taken_together_are_refused(tmp_path):
    with pytest.raises(ValueError, match="allow the same difference"):
        of(tmp_path, ["vgg-d", "lstm-s"])
    with pytest.raises(ValueError, match="no pruned row of resnet-20"):
        of(tmp_path, ["resnet-20"])


@pytest.mark.parametrize(("number", "said"), [(1, "over one network ours"), (2, "over 2 networks ours")])
def test_one_network_is_one_network_in_words(number, said):
    changes = {f"net-{i}": (0.3, 0.4) for i in range(number)}
    assert tables.Overall(changes, allowed=0.3).words.startswith(said)
