"""Records: written whole or not at all, checked when read, never lost, never doubled."""

import dataclasses
import json
import multiprocessing
import resource
import signal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_made import RUN, record

from snip_lib import results
from snip_lib.results import arrays, merging, recording, summary


def lines(folder, experiment="figure1"):
    return (folder / f"{experiment}.jsonl").read_bytes().splitlines()


def seeds(n, folder, **changes):
    return [record(folder, dataclasses.replace(RUN, seed=seed), **changes) for seed in range(n)]


def test_a_record_reads_back_as_it_was(tmp_path):
    made = record(tmp_path)
    assert recording.append(made, "figure1", records=tmp_path)
    assert results.read("figure1", records=tmp_path) == ([made], [])


def test_a_record_says_where_it_comes_from_but_not_whose_machine(tmp_path):
    import getpass
    import platform

    made = record(tmp_path)
    assert set(made["from"]) == {"commit", "uncommitted", "sources", "device", "torch", "date", "repeats", "together"}
    assert made["run"]["threads"] == 1
    assert made["run"]["recipe"]["momentum"] == 0.9
    told = json.dumps({key: value for key, value in made.items() if key != "checksum"})
    assert platform.node() not in told
    assert f"/{getpass.getuser()}" not in told
    assert str(tmp_path) not in told


def test_a_run_is_recorded_once(tmp_path):
    made = record(tmp_path)
    again = results.make(RUN, {**made["metrics"], "seconds": 99.0}, profile="smoke", origin=made["from"])
    assert recording.append(made, "figure1", records=tmp_path)
    assert not recording.append(again, "figure1", records=tmp_path)
    assert len(lines(tmp_path)) == 1


def test_a_torn_line_is_reported_and_a_new_one_begins_after_it(tmp_path):
    first, second = seeds(2, tmp_path)
    recording.append(first, "figure1", records=tmp_path)
    whole = (tmp_path / "figure1.jsonl").read_bytes()
    (tmp_path / "figure1.jsonl").write_bytes(whole + json.dumps(second).encode()[:200])
    recording.append(second, "figure1", records=tmp_path)
    found, complaints = results.read("figure1", records=tmp_path)
    assert found == [first, second]
    assert len(complaints) == 1
    assert "line 2 is skipped: not a whole line of JSON" in complaints[0]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), byte=st.integers(32, 126))
def test_an_altered_line_is_never_used(tmp_path, place, byte):
    line = bytearray(json.dumps(record(tmp_path)).encode())
    place %= len(line)
    unchanged = line[place] == byte
    line[place] = byte
    try:
        read = results.check(bytes(line))
    except ValueError:
        assert not unchanged
    else:  # JSON that says the same in other bytes, such as 1e3 for 1E3
        assert results.checksum(read) == results.checksum(json.loads(json.dumps(record(tmp_path)))) or unchanged


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["metrics"].update(test_error=0.001), "the line was altered"),
        (lambda r: r.update(format=2), "a newer one may read it"),
        (lambda r: r.pop("metrics"), "not a record of a run"),
        (lambda r: r["run"].update(criterion="later"), "the line was altered"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(tmp_path, change, message):
    made = record(tmp_path)
    change(made)
    with pytest.raises(ValueError, match=message):
        results.check(json.dumps(made))


def test_a_run_that_is_not_known_here_is_reported(tmp_path):
    made = record(tmp_path)
    made["run"]["criterion"] = "of-tomorrow"
    made["checksum"] = results.checksum(made)
    with pytest.raises(ValueError, match="its run is not known here"):
        results.check(json.dumps(made))


def test_a_name_that_is_not_its_runs_is_reported(tmp_path):
    made = record(tmp_path)
    made["run"]["seed"] = 7
    made["checksum"] = results.checksum(made)
    with pytest.raises(ValueError, match="is not that of its run"):
        results.check(json.dumps(made))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[1, 2]", "nonsense", '"text"', "null"])
def test_lines_that_are_no_records(text):
    with pytest.raises(ValueError, match=r"not a (whole line of JSON|record of a run)"):
        results.check(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_number_that_is_not_finite(tmp_path, value):
    with pytest.raises(ValueError):
        record(tmp_path, test_error=value)
    with pytest.raises(ValueError, match="not finite"):
        record(tmp_path, losses=[[i, value] for i in range(100)])


def test_two_that_differ_are_both_kept_and_reported(tmp_path):
    for error in (0.1, 0.2, 0.1):
        recording.append(record(tmp_path, test_error=error), "figure1", records=tmp_path, twins=True)
    found, complaints = results.read("figure1", records=tmp_path)
    assert [r["metrics"]["test_error"] for r in found] == [0.1, 0.2]
    assert "two records of run" in complaints[0]


def test_long_curves_lie_beside_and_are_checked(tmp_path):
    curve = [[i, 1 / (i + 1)] for i in range(100)]
    made = record(tmp_path, losses=curve)
    assert "losses" not in made["metrics"]
    assert np.array_equal(results.series(made, "losses", records=tmp_path), np.array(curve))
    assert len(results.series(made, "valid_errors", records=tmp_path)) == 2
    path = arrays.path_of(made["name"], tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(results.RecordError, match="is not what its record was made with"):
        results.series(made, "losses", records=tmp_path)
    path.unlink()
    with pytest.raises(results.RecordError, match="cannot be read"):
        results.series(made, "losses", records=tmp_path)


def test_the_frame_has_one_row_a_run_and_counts_a_diverged_one_as_chance(tmp_path):
    good = record(tmp_path)
    run = dataclasses.replace(RUN, seed=1)
    fate = {"diverged": {"iteration": 3, "learning_rate": 0.1}, "test_error": None, "best_test_error": None}
    for made in (good, record(tmp_path, run, **fate, valid_error=None)):
        recording.append(made, "figure1", records=tmp_path)
    frame = results.load("figure1", records=tmp_path)
    assert list(frame.seed) == [0, 1]
    assert list(frame.diverged) == [False, True]
    assert frame.test_error[1] == pytest.approx(0.9)
    assert frame.kept[0] == 26_661
    assert frame.total[0] == 266_610
    line = summary.summarise(frame, "sparsity").iloc[0]
    assert (line.n, line.diverged, line.device) == (2, 1, "cpu")
    assert line["mean"] == pytest.approx((good["metrics"]["test_error"] + 0.9) / 2)


def test_older_methods_and_other_profiles_are_not_mixed_in(tmp_path):
    old = {**record(tmp_path), "method": results.METHOD - 1}
    old["checksum"] = results.checksum(old)
    others = [record(tmp_path, profile="laptop"), record(tmp_path, profile="smoke")]
    for made in (old, *others):
        recording.append(made, "figure1", records=tmp_path)
    frame = results.load("figure1", records=tmp_path)
    assert list(frame.stale) == [True, False, False]
    assert sorted(summary.summarise(frame, "network").profile) == ["laptop", "smoke"]


def test_damage_warns(tmp_path):
    (tmp_path / "figure1.jsonl").write_text("torn\n")
    with pytest.warns(results.DamagedRecord, match="line 1 is skipped"):
        assert len(results.load("figure1", records=tmp_path)) == 0


def test_nothing_active_of_a_record_reaches_a_page(tmp_path):
    made = record(tmp_path)
    made["from"]["device"] = "<script>alert(1)</script> [x](javascript:y) `z` NVIDIA H100 80GB"
    flat = results.flat(made)
    assert not set(flat["device"]) & set("<>[]`:&\"'")
    assert flat["device"].endswith("NVIDIA H100 80GB")


def test_merging_adds_what_is_new_once(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    curve = {"losses": [[i, 0.5] for i in range(100)]}
    theirs = seeds(3, there, **curve)
    recording.append(theirs[0], "figure1", records=here)
    arrays.write(theirs[0]["name"], arrays.read(theirs[0], there), here)
    for made in theirs:
        recording.append(made, "figure1", records=there)
    first = merging.merge(there / "figure1.jsonl", here)
    assert (first.new, first.known, first.complaints) == (2, 1, [])
    again = merging.merge(there / "figure1.jsonl", here)
    assert (again.new, again.known, again.complaints) == (0, 3, [])
    found, complaints = results.read("figure1", records=here)
    assert (found, complaints) == (theirs, [])
    assert all(len(results.series(made, "losses", records=here)) == 100 for made in found)


def test_merging_damaged_records_adds_the_sound_ones(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    theirs = seeds(4, there, losses=[[i, 0.5] for i in range(100)])
    for made in theirs:
        recording.append(made, "figure1", records=there)
    path, broken = there / "figure1.jsonl", lines(there)
    broken[1] = broken[1].replace(b'"seed": 1', b'"seed": 9')
    path.write_bytes(b"\n".join(broken)[:-50])  # one altered, the last torn
    arrays.path_of(theirs[2]["name"], there).unlink()
    done = merging.merge(path, here)
    assert (done.new, len(done.complaints)) == (1, 3)
    assert results.read("figure1", records=here) == ([theirs[0]], [])


def test_a_shared_run_is_copied_not_repeated(tmp_path):
    made = record(tmp_path)
    recording.append(made, "figure1", records=tmp_path)
    assert recording.adopt("table1", {made["name"]}, profile="smoke", records=tmp_path) == 1
    assert recording.adopt("table1", {made["name"]}, profile="smoke", records=tmp_path) == 0
    assert lines(tmp_path, "table1") == lines(tmp_path, "figure1")


def _append_all(folder, records):
    for made in records:
        recording.append(made, "figure1", records=folder)


def test_writers_at_once_lose_and_double_nothing(tmp_path):
    made = seeds(24, tmp_path)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_all, args=(tmp_path, made[i::2] + made[:12])) for i in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found, complaints = results.read("figure1", records=tmp_path)
    assert complaints == []
    assert sorted(r["run"]["seed"] for r in found) == list(range(24))


def _append_on_a_full_disk(folder, made, pipe):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = (folder / "figure1.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, size + 300))
    try:
        recording.append(made, "figure1", records=folder)
    except results.RecordError as error:
        pipe.send(str(error))


def test_a_full_disk_takes_nothing_away(tmp_path):
    first, second = seeds(2, tmp_path)
    recording.append(first, "figure1", records=tmp_path)
    before = lines(tmp_path)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=_append_on_a_full_disk, args=(tmp_path, second, theirs)
    )
    process.start()
    assert ours.poll(30)
    assert "free some space" in ours.recv()
    process.join()
    assert lines(tmp_path) == before
    assert recording.append(second, "figure1", records=tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(results.RecordError, match=r"file.* cannot be written .*--records"):
        recording.append(record(tmp_path), "figure1", records=tmp_path / "file")


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b"])
def test_no_experiment_is_called_so(name, tmp_path):
    with pytest.raises(ValueError, match="is no name of an experiment"):
        results.read(name, records=tmp_path)
