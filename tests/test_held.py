"""Every number of the paper beside ours: what the page "What held up" reads, with records and with none."""

from snip_lib import tables
from snip_lib.records import Records
from snip_lib.studies import paper


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
