"""Every number of the paper beside ours: what the page "What held up" reads, with records and with none."""

import pandas
import pytest
from records_made import lost, record

from snip_lib import studies, tables
from snip_lib.records import Records
from snip_lib.studies import paper
from snip_lib.tables import memorised


def test_without_records_every_number_stands_once_and_reads_not_run_yet(tmp_path):
    frame = tables.held(records=Records(tmp_path))
    assert not frame.duplicated(["where", "what"]).any()
    assert (frame.n == 0).all()
    assert (frame.change_verdict == tables.NOT_YET).all()


def test_numbers_can_be_subtracted_where_no_record_is(tmp_path):
    frame = tables.held(records=Records(tmp_path))
    gaps = [row.ours - row.paper for _, row in frame.iterrows()]
    assert len(gaps) == len(frame)
    assert all(gap != gap for gap in gaps)
    assert frame.paper.min() > 0


def test_whatever_of_the_paper_waits_for_runs_is_listed_with_its_command(tmp_path):
    said = tables.commands(records=Records(tmp_path))
    assert len(said) == len(paper.EXPERIMENTS)
    for experiment in paper.EXPERIMENTS:
        assert any(f"run {experiment.name}`" in line for line in said)


def test_losses_stand_in_the_same_columns_and_without_records_read_not_run_yet(tmp_path):
    errors, losses = (found(records=Records(tmp_path)) for found in (tables.held, tables.losses))
    assert set(losses.columns) == set(errors.columns)
    assert losses.paper.tolist() == [loss for _, loss in studies.paper_table("figure4")["rows"]]
    assert (losses.n == 0).all()
    assert (losses.change_verdict == tables.NOT_YET).all()
    both = pandas.concat([errors, losses], ignore_index=True)
    assert tables.counted(both).loc["Figure 4", tables.NOT_YET] == len(losses)


ENDS = {  # of the runs that follow the paper, in nats
    "true labels": 0.01,
    "true labels, pruned": 0.05,
    "random labels": 0.1,
    "random labels, L2": 0.4,
    "random labels, pruned": 2.3,
}


@pytest.fixture
def figure4(tmp_path):
    """Writes three seeds of each line of Figure 4 that end at such losses; gives `losses` of them by name."""

    def write(ends):
        records = Records(tmp_path)
        for row in studies.named("figure4").rows("laptop"):
            for seed in range(3):
                losses = [[3, 2.3], [6, ends[memorised.title(row.key)] + 0.001 * seed]]
                made = record(tmp_path, row.seeded(seed), profile="laptop", losses=losses)
                records.append("figure4", [made])
        return tables.losses(records=Records(tmp_path)).set_index("what")

    return write


def test_losses_that_met_the_papers_fates_agree_and_so_do_their_changes(figure4):
    frame = figure4(ENDS)
    assert set(frame.error_verdict) == {"agrees"}
    pruned = frame[frame.index.str.endswith("pruned")]
    assert set(pruned.change_verdict) == {"agrees"}
    assert pruned.change["random labels, pruned"] == pytest.approx(2.2)
    assert pruned.paper_change["random labels, pruned"] == pytest.approx(2.30 - 0.07)
    assert frame.ours["random labels"] == pytest.approx(0.101)
    assert frame.half_width["random labels"] == pytest.approx(4.303 * 0.001 / 3**0.5, rel=1e-3)


def test_a_pruned_network_that_memorises_drawn_labels_differs_twice_and_its_dense_one_not_at_all(figure4):
    frame = figure4(ENDS | {"random labels, pruned": 0.1})
    assert frame.error_verdict["random labels, pruned"] == frame.change_verdict["random labels, pruned"] == "differs"
    assert frame.error_verdict.drop("random labels, pruned").eq("agrees").all()
    assert tables.counted(frame.reset_index()).loc["Figure 4", "differs"] == 2


def test_a_whole_network_that_memorises_nothing_leaves_its_pruned_one_a_verdict_of_its_own(figure4):
    frame = figure4(ENDS | {"random labels": 2.3})
    assert frame.error_verdict["random labels"] == "differs"
    assert frame.error_verdict["random labels, pruned"] == "agrees"
    assert frame.change_verdict["random labels, pruned"] == "differs"


def test_a_line_of_figure_4_whose_runs_diverged_has_no_loss_and_counts_as_not_run(tmp_path):
    records = Records(tmp_path)
    row = studies.named("figure4").rows("laptop")[0]
    records.append("figure4", [record(tmp_path, row.seeded(0), profile="laptop", **lost())])
    assert (tables.losses(records=records).n == 0).all()
