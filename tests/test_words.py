"""What pages say of records, with records, with changed ones, and with none at all."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from records_made import lost, record

from snip_lib import studies, tables
from snip_lib.records import Records
from snip_lib.tables import NOT_YET, Gap
from snip_lib.tables.words import row_of

KEY = {"criterion": "snip", "sparsity": 0.9}
EVERY = [(name, profile) for name in studies.EXPERIMENTS for profile in studies.named(name).seeds]


def write(folder, experiment, key, values, *, profile="smoke"):
    """Records of a row, a test error a seed."""
    row = row_of(experiment, key, profile)
    records = Records(folder)
    made = [
        record(
            folder, row.seeded(seed), profile=profile, **(value if isinstance(value, dict) else {"test_error": value})
        )
        for seed, value in enumerate(values)
    ]
    records.append(experiment, made)
    return records


def test_errors_are_in_percent_by_seed_and_a_diverged_one_counts_as_chance(tmp_path):
    records = write(tmp_path, "digits", KEY, [0.02, 0.03, lost()])
    found = tables.errors("digits", KEY, profile="smoke", records=records)
    assert found == pytest.approx({0: 2.0, 1: 3.0, 2: 90.0})


def test_a_row_is_named_or_refused():
    with pytest.raises(ValueError, match="rows of digits fit"):
        tables.errors("digits", {"criterion": "snip"})
    with pytest.raises(ValueError, match="0 rows of digits fit"):
        tables.errors("digits", {"criterion": "snip", "sparsity": 0.91})


def test_differences_are_taken_seed_by_seed_so_that_what_seeds_share_is_no_spread():
    first = {0: 1.0, 1: 5.0, 2: 9.0}
    gap = Gap.between(first, {seed: error + 0.5 for seed, error in first.items()})
    assert (gap.n, gap.mean, gap.half_width) == (3, pytest.approx(0.5), pytest.approx(0))
    assert Gap.between(first, {7: 1.0}).words == NOT_YET


@pytest.mark.parametrize(
    ("gap", "words", "cell"),
    [
        (Gap(5, 0.5, 0.1), "0.50 ± 0.10 points worse (n = 5)", "+0.50 ± 0.10"),
        (Gap(5, -0.5, 0.1), "0.50 ± 0.10 points better (n = 5)", "−0.50 ± 0.10"),
        (Gap(5, 0.1, 0.1), "not told apart (+0.10 ± 0.10 points, n = 5)", "+0.10 ± 0.10"),
        (Gap(2, 0.5, 3.1), "+0.50 points, too few runs to judge (n = 2)", "+0.50 ± 3.10 (n = 2)"),
        (Gap(1, -0.5, None), "−0.50 points, too few runs to judge (n = 1)", "−0.50 (n = 1)"),
        (Gap(0, None, None), NOT_YET, NOT_YET),
    ],
)
def test_a_gap_in_words(gap, words, cell):
    assert (gap.words, gap.cell) == (words, cell)


@given(
    st.dictionaries(
        st.text(),
        st.builds(Gap, st.integers(0, 5), st.floats(-3, 3), st.none() | st.floats(0, 3)).filter(
            lambda gap: gap.half_width is not None or gap.n < 3
        ),
    )
)
def test_a_tally_holds_every_name_once_where_its_words_say(gaps):
    found = tables.tally(gaps)
    assert sorted(name for names in found.values() for name in names) == sorted(gaps)
    assert all(kind in gaps[name].words for kind, names in found.items() for name in names)


@pytest.mark.parametrize(("name", "profile"), EVERY)
def test_without_a_record_every_table_says_not_run_yet(tmp_path, name, profile):
    frame = tables.compact(tables.table(name, profile=profile, records=Records(tmp_path)))
    assert set(frame["ours"]) == {NOT_YET}
    sentence = tables.rest(name, profile=profile, records=Records(tmp_path))
    assert sentence.startswith("*Not run yet: `python -m snip_lib run " + name)
    assert (f"--profile {profile}" in sentence) == (profile != "laptop")


def test_without_a_record_nothing_held_up_and_every_number_is_listed(tmp_path):
    frame = tables.held(records=Records(tmp_path))
    listed = sum(
        len(studies.named(name).rows("paper")) for name in ("figure1", "table1", "table2", "table3", "figure3")
    )
    assert len(frame) == listed
    assert set(frame["change_verdict"]) == {NOT_YET}
    assert list(tables.counted(frame).columns) == [NOT_YET]


def test_a_sentence_says_how_many_runs_there_are(tmp_path):
    records = write(tmp_path, "digits", KEY, [0.02])
    assert tables.rest("digits", profile="smoke", records=records).startswith("*1 of 16 runs are recorded; `python")


def test_one_record_changes_its_own_line_and_those_measured_from_it(tmp_path):
    """The dense network of lenet-300-100 is what two other rows of Table 1 are compared with."""
    keys = [{"network": net, "sparsity": s} for net, s in (("lenet-300-100", 0.0), ("lenet-5-caffe", 0.98))]
    for number, error in enumerate((0.02, 0.05)):
        for key in keys:
            values = [error if key is keys[0] else 0.02] * 3
            write(tmp_path / str(number), "table1", key, values, profile="smoke")
        write(tmp_path / str(number), "table1", {"network": "lenet-300-100", "sparsity": 0.95}, [0.03] * 3)
    frames = [tables.table("table1", profile="smoke", records=Records(tmp_path / str(n))).fillna("") for n in (0, 1)]
    changed = (frames[0] != frames[1]).any(axis=1)
    assert list(changed) == [True, True, False, False, False, False]
    assert frames[0]["mean"][1] == frames[1]["mean"][1]


def test_what_held_up_reads_the_records_of_every_profile(tmp_path):
    records = write(tmp_path, "figure3", {"pruning batch": 100}, [0.016, 0.017, 0.018], profile="laptop")
    line = tables.held(records=records).query("where == 'Figure 3' and n > 0").iloc[0]
    assert (line["what"], line["profile"]) == ("lenet-300-100, 90 %, pruning batch 100", "laptop")
    assert line["ours"] == pytest.approx(1.7)
    assert line["error_verdict"] is None  # the laptop's recipe is not the paper's


def test_verdicts_are_counted_by_source(tmp_path):
    frame = tables.held(records=Records(tmp_path))
    frame.loc[frame["where"] == "Figure 3", "change_verdict"] = "agrees"
    assert tables.counted(frame)["agrees"].to_dict() == {
        "Figure 1": 0,
        "Table 1": 0,
        "Table 2": 0,
        "Table 3": 0,
        "Figure 3": 5,
    }


def test_a_lost_row_says_so(tmp_path):
    records = write(tmp_path, "digits", KEY, [lost()] * 3)
    frame = tables.compact(tables.table("digits", profile="smoke", records=records))
    assert "diverged 3 of 3" in set(frame["ours"])


def test_a_run_with_later_fields_is_told_by_its_row(tmp_path):
    key = {"sparsity": 0.9, "mask": "shuffled"}
    records = write(tmp_path, "controls", key, [0.02, 0.03])
    assert len(tables.errors("controls", key, profile="smoke", records=records)) == 2
    assert not tables.errors("controls", key | {"mask": "snip"}, profile="smoke", records=records)
    run = row_of("controls", key, "smoke").run
    assert dataclasses.replace(run, control="none") == row_of("controls", key | {"mask": "snip"}, "smoke").run


@given(mean=st.floats(-3, 3), half_width=st.floats(0, 3), sign=st.sampled_from((-1, 0, 1)))
def test_a_gap_agrees_where_its_whole_interval_does(mean, half_width, sign):
    """By the ends of the interval: all of one sign, or all within what is allowed."""
    low, high = mean - half_width, mean + half_width
    said = Gap(3, mean, half_width).agrees(sign, allowed=0.2)
    apart = abs(mean) > half_width
    within = {1: apart and mean > 0, -1: apart and mean < 0, 0: not apart and max(abs(low), abs(high)) <= 0.2}[sign]
    assert (said == "agrees") == within
    assert (said == "differs") == (apart and not within)


@pytest.mark.parametrize(("gap", "word"), [(Gap(2, 0.5, 0.1), "too few runs"), (Gap(0, None, None), NOT_YET)])
def test_too_few_pairs_agree_with_nobody(gap, word):
    assert gap.agrees(1, allowed=0.2) == word


def test_both_conventions_of_the_error_stand_side_by_side_and_lost_runs_have_none(tmp_path):
    write(tmp_path, "digits", KEY, [{"test_error": 0.03, "best_test_error": 0.01}, lost()])
    other = {"test_error": 0.02, "best_test_error": 0.02}
    records = write(tmp_path, "digits", {"criterion": "random", "sparsity": 0.9}, [other])
    said = tables.conventions("digits", profile="smoke", records=records)
    assert said.endswith("by 1.00 points on average and 2.00 at most (n = 2 runs).")
    nobody = tables.conventions("digits", profile="smoke", networks=("vgg-d",), records=records)
    assert NOT_YET in nobody
