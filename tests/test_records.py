"""Records: written whole or not at all, checked when read, never lost, never doubled."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import pickle
import resource
import signal
import time
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records_made import RUN, lost, record

from snip_lib import records, studies, tables
from snip_lib.records import Records, arrays, content, folder, merging, writing
from snip_lib.runner.estimates import History
from snip_lib.studies.run import METHOD


def lines(where, experiment="figure1"):
    return (where / f"{experiment}.jsonl").read_bytes().splitlines()


def seeds(n, where, **changes):
    return [record(where, dataclasses.replace(RUN, seed=seed), **changes) for seed in range(n)]


def test_a_record_reads_back_as_it_was(tmp_path):
    made = record(tmp_path)
    assert Records(tmp_path).append("figure1", [made])
    assert Records(tmp_path).read("figure1") == ([made], [])


def test_a_record_says_where_it_comes_from_but_not_whose_machine(tmp_path):
    import getpass
    import platform

    made = record(tmp_path)
    said = {"commit", "uncommitted", "sources", "device", "torch", "date", "repeats", "together", "computed"}
    assert set(made["from"]) == said
    assert made["from"]["computed"] == "float32, plain"
    assert made["run"]["threads"] == 1
    assert made["run"]["recipe"]["momentum"] == 0.9
    told = json.dumps({key: value for key, value in made.items() if key != "checksum"})
    assert platform.node() not in told
    assert f"/{getpass.getuser()}" not in told
    assert str(tmp_path) not in told


def test_a_run_is_recorded_once(tmp_path):
    made = record(tmp_path)
    again = record(tmp_path, seconds=99.0)
    assert Records(tmp_path).append("figure1", [made])
    assert not Records(tmp_path).append("figure1", [again])
    assert len(lines(tmp_path)) == 1


def test_a_torn_line_is_reported_and_a_new_one_begins_after_it(tmp_path):
    first, second = seeds(2, tmp_path)
    Records(tmp_path).append("figure1", [first])
    whole = (tmp_path / "figure1.jsonl").read_bytes()
    (tmp_path / "figure1.jsonl").write_bytes(whole + json.dumps(second).encode()[:200])
    Records(tmp_path).append("figure1", [second])
    found, complaints = Records(tmp_path).read("figure1")
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
        read = records.check(bytes(line))
    except ValueError:
        assert not unchanged
    else:  # JSON that says the same in other bytes, such as 1e3 for 1E3
        assert records.checksum(read) == records.checksum(json.loads(json.dumps(record(tmp_path)))) or unchanged


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
        records.check(json.dumps(made))


def test_a_run_that_is_not_known_here_is_reported(tmp_path):
    made = record(tmp_path)
    made["run"]["criterion"] = "of-tomorrow"
    made["checksum"] = records.checksum(made)
    with pytest.raises(ValueError, match="its run is not known here"):
        records.check(json.dumps(made))


def test_a_name_that_is_not_its_runs_is_reported(tmp_path):
    made = record(tmp_path)
    made["run"]["seed"] = 7
    made["checksum"] = records.checksum(made)
    with pytest.raises(ValueError, match="is not that of its run"):
        records.check(json.dumps(made))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "[1, 2]", "nonsense", '"text"', "null"])
def test_lines_that_are_no_records(text):
    with pytest.raises(ValueError, match=r"not a (whole line of JSON|record of a run)"):
        records.check(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_number_that_is_not_finite(tmp_path, value):
    with pytest.raises(ValueError):
        record(tmp_path, test_error=value)
    with pytest.raises(ValueError, match="not finite"):
        record(tmp_path, losses=[[i, value] for i in range(100)])


def test_two_that_differ_are_both_kept_and_reported(tmp_path):
    for error in (0.1, 0.2, 0.1):
        Records(tmp_path).append("figure1", [record(tmp_path, test_error=error)], twins=True)
    found, complaints = Records(tmp_path).read("figure1")
    assert [r["metrics"]["test_error"] for r in found] == [0.1, 0.2]
    assert "two records of run" in complaints[0]


def test_long_curves_lie_beside_and_are_checked(tmp_path):
    curve = [[i, 1 / (i + 1)] for i in range(100)]
    made = record(tmp_path, losses=curve)
    assert "losses" not in made["metrics"]
    assert np.array_equal(Records(tmp_path).series(made, "losses"), np.array(curve))
    assert len(Records(tmp_path).series(made, "valid_errors")) == 2
    path = arrays.path_of(made["arrays"], tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(records.RecordError, match="is not what its record was made with"):
        Records(tmp_path).series(made, "losses")
    path.unlink()
    with pytest.raises(records.RecordError, match="cannot be read"):
        Records(tmp_path).series(made, "losses")


def test_the_frame_has_one_row_a_run_and_counts_a_diverged_one_as_chance(tmp_path):
    good = record(tmp_path)
    run = dataclasses.replace(RUN, seed=1)
    for made in (good, record(tmp_path, run, **lost())):
        Records(tmp_path).append("figure1", [made])
    frame = Records(tmp_path).load("figure1")
    assert list(frame.seed) == [0, 1]
    assert list(frame.diverged) == [False, True]
    assert frame.test_error[1] == pytest.approx(0.9)
    assert frame.kept[0] == 26_661
    assert frame.total[0] == 266_610
    line = tables.summarise(frame, "sparsity").iloc[0]
    assert (line.n, line.diverged, line.device) == (2, 1, "cpu")
    assert line["mean"] == pytest.approx((good["metrics"]["test_error"] + 0.9) / 2)


def test_a_frame_has_the_same_columns_whatever_is_recorded(tmp_path):
    none = Records(tmp_path).load("figure1")
    made = record(tmp_path)
    old = {**made, "run": {key: value for key, value in made["run"].items() if key not in ("layout", "repair")}}
    old["checksum"] = records.checksum(old)  # as it was written before these fields were there
    Records(tmp_path).append("figure1", [old])
    frame = Records(tmp_path).load("figure1")
    assert list(none.columns) == list(frame.columns)
    assert not len(none)
    assert (frame.layout.item(), frame.repair.item()) == ("plain", "none")


def test_older_methods_and_other_profiles_are_not_mixed_in(tmp_path):
    old = {**record(tmp_path), "method": METHOD - 1}
    old["checksum"] = records.checksum(old)
    others = [record(tmp_path, profile="laptop"), record(tmp_path, profile="smoke")]
    for made in (old, *others):
        Records(tmp_path).append("figure1", [made])
    frame = Records(tmp_path).load("figure1")
    assert list(frame.stale) == [True, False, False]
    assert sorted(tables.summarise(frame, "network").profile) == ["laptop", "smoke"]


def test_damage_warns(tmp_path):
    (tmp_path / "figure1.jsonl").write_text("torn\n")
    with pytest.warns(records.DamagedRecord, match="line 1 is skipped"):
        assert len(Records(tmp_path).load("figure1")) == 0


def test_nothing_active_of_a_record_reaches_a_page(tmp_path):
    made = record(tmp_path)
    made["from"]["device"] = "<script>alert(1)</script> [x](javascript:y) `z` NVIDIA H100 80GB"
    flat = records.flat(made)
    assert not set(flat["device"]) & set("<>[]`:&\"'")
    assert flat["device"].endswith("NVIDIA H100 80GB")


def test_merging_adds_what_is_new_once(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    curve = {"losses": [[i, 0.5] for i in range(100)]}
    theirs = seeds(3, there, **curve)
    Records(here).append("figure1", [theirs[0]])
    arrays.write(arrays.read(theirs[0], there), here)
    for made in theirs:
        Records(there).append("figure1", [made])
    first = Records(here).merge(there / "figure1.jsonl")
    assert (first.new, first.known, first.complaints) == (2, 1, [])
    again = Records(here).merge(there / "figure1.jsonl")
    assert (again.new, again.known, again.complaints) == (0, 3, [])
    found, complaints = Records(here).read("figure1")
    assert (found, complaints) == (theirs, [])
    assert all(len(Records(here).series(made, "losses")) == 100 for made in found)


def test_merging_damaged_records_adds_the_sound_ones(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    theirs = [
        record(there, dataclasses.replace(RUN, seed=i), losses=[[j, i / 4] for j in range(100)]) for i in range(4)
    ]
    for made in theirs:
        Records(there).append("figure1", [made])
    path, broken = there / "figure1.jsonl", lines(there)
    broken[1] = broken[1].replace(b'"seed": 1', b'"seed": 9')
    path.write_bytes(b"\n".join(broken)[:-50])  # one altered, the last torn
    arrays.path_of(theirs[2]["arrays"], there).unlink()
    done = Records(here).merge(path)
    assert (done.new, len(done.complaints)) == (1, 3)
    assert Records(here).read("figure1") == ([theirs[0]], [])


def test_a_shared_run_is_copied_not_repeated(tmp_path):
    made = record(tmp_path)
    Records(tmp_path).append("figure1", [made])
    assert Records(tmp_path).adopt("table1", {made["name"]}, profile="smoke") == 1
    assert Records(tmp_path).adopt("table1", {made["name"]}, profile="smoke") == 0
    assert lines(tmp_path, "table1") == lines(tmp_path, "figure1")


def _append_all(where, several):
    for made in several:
        Records(where).append("figure1", [made])


def test_writers_at_once_lose_and_double_nothing(tmp_path):
    made = seeds(24, tmp_path)
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append_all, args=(tmp_path, made[i::2] + made[:12])) for i in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found, complaints = Records(tmp_path).read("figure1")
    assert complaints == []
    assert sorted(r["run"]["seed"] for r in found) == list(range(24))


def _append_on_a_full_disk(where, made, pipe):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    size = (where / "figure1.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, size + 300))
    try:
        Records(where).append("figure1", [made])
    except records.RecordError as error:
        pipe.send(str(error))


def test_a_full_disk_takes_nothing_away(tmp_path):
    first, second = seeds(2, tmp_path)
    Records(tmp_path).append("figure1", [first])
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
    assert Records(tmp_path).append("figure1", [second])


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(records.RecordError, match=r"file.* cannot be written .*--records"):
        Records(tmp_path / "file").append("figure1", [record(tmp_path)])


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b", "digits (1)", ".digits", "digits\n"])
def test_no_experiment_is_called_so(name, tmp_path):
    with pytest.raises(ValueError, match="is no name of an experiment"):
        Records(tmp_path).read(name)


def summed(made):
    """The record with a checksum that fits whatever it now holds."""
    return {**made, "checksum": records.checksum(made)}


def without(key):
    return lambda part: part.pop(key)


def having(**values):
    return lambda part: part.update(values)


UNSOUND = {
    "no classes": ("metrics", without("classes"), "its metrics lack 'classes'"),
    "no iterations": ("metrics", without("iterations"), "its metrics lack 'iterations'"),
    "no word on divergence": ("metrics", without("diverged"), "its metrics lack 'diverged'"),
    "no device": ("from", without("device"), "its origin lack 'device'"),
    "a device without a name": ("from", having(device=7), "its device is 7, not a text"),
    "nothing measured": ("metrics", having(test_error=None), "its test_error is None, not a share in"),
    "less than no error": ("metrics", having(test_error=-5), "its test_error is -5, not a share in"),
    "a huge error": ("metrics", having(test_error=1e308), "not a share in [0, 1]"),
    "a huge whole number": ("metrics", having(best_test_error=10**400), "not a share in [0, 1]"),
    "an error in percent": ("metrics", having(valid_error=1.6), "its valid_error is 1.6"),
    "an error as text": ("metrics", having(test_error="0.1"), "its test_error is '0.1'"),
    "an error that is true": ("metrics", having(test_error=True), "its test_error is True"),
    "one class": ("metrics", having(classes=1), "its classes is 1, not a whole number of at least 2"),
    "no classes at all": ("metrics", having(classes=0), "its classes is 0"),
    "a divergence without a place": ("metrics", having(diverged=True), "its diverged is True"),
    "negative seconds": ("metrics", having(seconds=-1), "its seconds is -1"),
    "iterations as text": ("metrics", having(iterations="6"), "its iterations is '6'"),
    "losses that are no pairs": ("metrics", having(losses=[1, 2]), "its losses is [1, 2], not pairs"),
    "losses that are words": ("metrics", having(losses=[["a", "b"]]), "not pairs of an iteration"),
    "more kept than there is": ("metrics", having(layers={"w": [3, 2]}), "its layers is"),
    "a sum that is none": ("metrics", having(kept=5), "its sums say 5 of"),
    "a total that is none": ("metrics", having(total=10**6), "of 1000000"),
    "a number of iterations that is true": ("metrics", having(iterations=True), "its iterations is True"),
    "a seed that is false": ("run", having(seed=False), "its run is not known here (seed is False)"),
    "layers that are a list": ("metrics", having(layers=[1]), "its layers is [1]"),
    "a profile nobody knows": (None, having(profile="quick"), "its profile is 'quick', not one of smoke"),
    "a profile that is a list": (None, having(profile=["smoke"]), "its profile is ['smoke'], not one of"),
    "a method as text": (None, having(method="1"), "its method is '1'"),
    "metrics that are a list": (None, having(metrics=[1]), "its metrics are [1]"),
    "no metrics": (None, having(metrics=None), "its metrics are None"),
    "no origin": (None, having(**{"from": None}), "its origin are None"),
    "arrays by a path": (None, having(arrays={"metrics": ["losses"], "sha256": "../../x"}), "its arrays is"),
    "a run that is a list": (None, having(run=[1]), "its run is not known here"),
    "a run without a recipe": ("run", having(recipe=None), "its run is not known here (recipe is None)"),
    "a recipe of text": ("run", having(recipe="paper"), "its run is not known here"),
    "half a batch": ("run", lambda run: run["recipe"].update(batch_size=0.5), "its run is not known here"),
    "a seed as text": ("run", having(seed="0"), "its run is not known here (seed is '0')"),
    "a network as a number": ("run", having(network=3), "its run is not known here"),
}


@pytest.mark.parametrize("what", UNSOUND)
def test_a_right_checksum_does_not_make_a_record_sound(what, tmp_path):
    part, change, message = UNSOUND[what]
    made = record(tmp_path)
    change(made if part is None else made[part])
    with pytest.raises(ValueError) as caught:
        records.check(json.dumps(summed(made)))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    (tmp_path / "digits.jsonl").write_text(json.dumps(summed(made)) + "\n" + json.dumps(record(tmp_path)) + "\n")
    found, complaints = Records(tmp_path).read("digits")
    assert (len(found), len(complaints)) == (1, 1)
    done = Records(tmp_path / "here").merge(tmp_path / "digits.jsonl")
    assert (done.new, len(done.complaints)) == (1, 1)


def places(value, path=()):
    """The way to every value within a nest of JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.floats(),
    st.just(10**400),
    st.text(max_size=3),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from(["a", "iteration"]), st.integers(0, 2), max_size=2),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), odd=ODD, drop=st.booleans())
def test_whatever_is_taken_for_a_record_can_be_shown(tmp_path, place, odd, drop):
    """One value of a record is another or missing, its sums fit: it is refused, or every table takes it."""
    made = json.loads(json.dumps(record(tmp_path)))
    ways = [way for way in places(made) if way and way[-1] != "checksum"]
    *before, last = ways[place % len(ways)]
    part = made
    for key in before:
        part = part[key]
    if drop and isinstance(part, dict):
        del part[last]
    else:
        part[last] = odd
    try:
        made["name"] = studies.Run(**made["run"]).name
        line = json.dumps(summed(made))
        records.check(line)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return
    (tmp_path / "digits.jsonl").write_text(line + "\n")
    here = Records(tmp_path)
    assert len(tables.summarise(here.load("digits"), "network")) <= 1
    assert len(tables.table("digits", profile="smoke", records=here)) == 16
    assert tables.status(studies.named("digits"), "smoke", records=here)["planned"] == 16
    seconds = History.of(here).seconds(RUN, "cpu")  # None of a record that says another device
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_brackets_without_end_are_a_damaged_line(text, tmp_path):
    (tmp_path / "digits.jsonl").write_text(text + "\n")
    found, (complaint,) = Records(tmp_path).read("digits")
    assert found == []
    assert "line 1 is skipped: not a" in complaint
    assert len(complaint) < 300


def test_no_record_is_made_that_would_not_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"its test_error is 16, not a share in \[0, 1\]"):
        record(tmp_path, test_error=16)


def test_every_stored_record_is_sound_and_keeps_its_name():
    here = Records()
    for experiment in here.experiments():
        found, complaints = here.read(experiment)
        assert complaints == []
        assert all(studies.Run(**one["run"]).name == one["name"] for one in found)
        assert len(found) == len(lines(here.folder, experiment))
        assert len(here.load(experiment)) == len(found)


def test_different_curves_of_one_run_are_two_files_and_equal_ones_are_one(tmp_path):
    curves = [[[i, value] for i in range(100)] for value in (0.5, 0.25)]
    fast, paper, again = (
        record(tmp_path, profile=profile, losses=curve)
        for profile, curve in (("fast", curves[0]), ("paper", curves[1]), ("smoke", curves[0]))
    )
    assert len(list((tmp_path / "arrays").iterdir())) == 2
    for made, curve in ((fast, curves[0]), (paper, curves[1]), (again, curves[0])):
        assert np.array_equal(Records(tmp_path).series(made, "losses"), curve)


def test_merging_keeps_the_curves_of_both_records_that_differ(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    both = [record(where, losses=[[i, v] for i in range(100)]) for where, v in ((here, 0.5), (there, 0.25))]
    for where, made in zip((here, there), both, strict=True):
        Records(where).append("figure1", [made])
    done = Records(here).merge(there / "figure1.jsonl")
    assert (done.new, done.differing, done.complaints) == (0, 1, [])
    (note,) = done.notes
    assert note.endswith("differs from ours: losses by up to 0.25")
    found = Records(here).read("figure1")[0]
    assert [Records(here).series(one, "losses")[0, 1] for one in found] == [0.5, 0.25]


@pytest.mark.parametrize("left", [b"", b"half of it", None])
def test_merging_mends_a_file_of_arrays_that_a_kill_left_without_a_record(left, tmp_path):
    """Also one of an older form, named by the run."""
    here, there = tmp_path / "here", tmp_path / "there"
    made = record(there, losses=[[i, 0.5] for i in range(100)])
    Records(there).append("figure1", [made])
    (here / "arrays").mkdir(parents=True)
    path = arrays.path_of(made["arrays"], here)
    (path if left is not None else path.with_name(f"{made['name']}.safetensors")).write_bytes(left or b"other curves")
    assert Records(here).merge(there / "figure1.jsonl").new == 1
    assert len(Records(here).series(made, "losses")) == 100


def test_arrays_named_by_their_run_are_read_and_merged(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    made = record(there, losses=[[i, 0.5] for i in range(100)])
    Records(there).append("figure1", [made])
    path = arrays.path_of(made["arrays"], there)
    path.rename(path.with_name(f"{made['name']}.safetensors"))
    assert len(Records(there).series(made, "losses")) == 100
    assert Records(here).merge(there / "figure1.jsonl").new == 1
    assert len(Records(here).series(made, "losses")) == 100


def test_arrays_that_are_none_are_damage(tmp_path):
    made = record(tmp_path, losses=[[i, 0.5] for i in range(100)])
    made["arrays"]["sha256"] = hashlib.sha256(b"no arrays").hexdigest()
    arrays.path_of(made["arrays"], tmp_path).write_bytes(b"no arrays")
    with pytest.raises(records.RecordError, match="holds no arrays"):
        Records(tmp_path).series(made, "losses")
    Records(tmp_path).append("figure1", [summed(made)])
    assert len(Records(tmp_path / "here").merge(tmp_path / "figure1.jsonl").complaints) == 1


def test_what_was_made_again_and_came_out_the_same_is_noted_and_no_second_record(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    curve = [[i, 0.5] for i in range(100)]
    ours = seeds(2, here, losses=curve)
    theirs = seeds(3, there, losses=curve, seconds=77.0, scoring_seconds=0.5)
    theirs = [summed({**one, "from": {**one["from"], "device": "another", "date": "2030-01-01"}}) for one in theirs]
    Records(here).append("figure1", ours)
    Records(there).append("figure1", theirs)
    done = Records(here).merge(there / "figure1.jsonl")
    assert (done.new, done.known, done.again, done.differing, done.complaints) == (1, 0, 2, 0, [])
    assert Records(here).read("figure1") == ([*ours, theirs[2]], [])
    assert Records(here).again.read("figure1") == (theirs[:2], [])
    assert Records(here).experiments() == ["figure1"]
    done = Records(here).merge(there / "figure1.jsonl")
    assert (done.new, done.known, done.again) == (0, 3, 0)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"test_error": 0.5}, "test_error 0.5, here 0.25 (+0.25)"),
        ({"kept": 26_662, "total": 266_611}, "kept 26662, here 26661 (+1)"),
        ({"losses": [[6, 0.75]]}, "losses by up to 0.25"),
        ({"losses": []}, "losses 0 values, here 1 values"),
        ({"losses": [[i, 0.5] for i in range(100)]}, "losses 100 values, here 1 values"),
        ({"diverged": {"iteration": 3, "learning_rate": 0.1}}, "diverged {"),
        ({"empty_layers": ["fc1.weight"]}, "empty_layers 1 values, here 0 values"),
    ],
)
def test_a_record_that_differs_says_where_and_by_how_much(changes, told, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    fixed = {"test_error": 0.25, "losses": [[6, 0.5]]}
    if "kept" in changes:
        layers = record(here)["metrics"]["layers"]
        changes = {**changes, "layers": {**layers, "more": [1, 1]}}
    Records(here).append("figure1", [record(here, **fixed)])
    Records(there).append("figure1", [record(there, **{**fixed, **changes})])
    done = Records(here).merge(there / "figure1.jsonl")
    assert (done.new, done.again, done.differing) == (0, 0, 1)
    assert told in done.notes[0]
    assert len(done.notes) == 1
    again = Records(here).merge(there / "figure1.jsonl")
    assert (again.known, again.notes) == (1, [])


def test_a_run_of_another_profile_is_new_and_no_other_measurement(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    Records(here).append("figure1", [record(here)])
    Records(there).append("figure1", [record(there, profile="laptop", test_error=0.5)])
    done = Records(here).merge(there / "figure1.jsonl")
    assert (done.new, done.differing) == (1, 0)


STRAY = ("digits.old.jsonl", "digits (1).jsonl", "._digits.jsonl", ".jsonl", "a folder.jsonl/", "folder.jsonl/")


@pytest.mark.parametrize("name", STRAY)
def test_a_stray_file_blocks_nothing_and_is_told_once(name, tmp_path):
    made = record(tmp_path)
    Records(tmp_path).append("digits", [made])
    stray = tmp_path / name.rstrip("/")
    if name.endswith("/"):
        stray.mkdir()
    else:
        stray.write_text(json.dumps(made) + "\n")
    here = Records(tmp_path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert here.experiments() == ["digits"]
        assert here.adopt("table1", {made["name"]}, profile="smoke") == 1
        assert here.experiments() == ["digits", "table1"]
    assert len(told) == 1
    assert stray.name in str(told[0].message)
    with pytest.warns(records.DamagedRecord, match="is not read"):
        assert [path.name for path in records.files_of(tmp_path)] == ["digits.jsonl", "table1.jsonl"]


def test_a_stray_checkpoint_is_not_counted(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    for name in (
        "old.checkpoint",
        "a-b-c.checkpoint",
        "-.checkpoint",
        "0123456789abcdef-x-0123456789abcdef.checkpoint",
    ):
        (tmp_path / "checkpoints" / name).write_text("")
    assert tables.status(studies.named("digits"), "smoke", records=Records(tmp_path))["begun"] == 0


def old_and_new(where):
    """A stale record with another error, and today's."""
    stale = summed({**record(where, test_error=0.9), "method": METHOD - 1})
    return [stale, record(where, test_error=0.1)]


def test_stale_and_second_records_are_not_averaged_in(tmp_path):
    run = studies.named("digits").rows("smoke")[3].run
    today = [record(tmp_path, run, test_error=error) for error in (0.1, 0.5)]
    stale = summed({**record(tmp_path, run, test_error=0.9), "method": METHOD - 1})
    Records(tmp_path).append("digits", [stale, *today], twins=True)
    with pytest.warns(records.DamagedRecord, match="two records of run"):
        loaded = Records(tmp_path).load("digits")
    line = tables.summarise(loaded, "sparsity").iloc[0]
    assert (line.n, line["mean"]) == (1, pytest.approx(0.1))
    frame = tables.table("digits", profile="smoke", records=Records(tmp_path))
    assert (frame.n[3], frame["mean"][3]) == (1, pytest.approx(10))
    counts = tables.status(studies.named("digits"), "smoke", records=Records(tmp_path))
    assert (counts["recorded"], counts["missing"], counts["stale"]) == (1, 15, 0)


def test_a_table_does_not_take_a_run_of_another_profile(tmp_path):
    """The same run, recorded under two profiles: each table and each count has its own."""
    run = studies.named("digits").rows("smoke")[3].run
    for profile, error in (("laptop", 0.5), ("smoke", 0.1)):
        Records(tmp_path).append("digits", [summed({**record(tmp_path, run, test_error=error), "profile": profile})])
    frame = tables.table("digits", profile="smoke", records=Records(tmp_path))
    assert (frame.n[3], frame["mean"][3]) == (1, pytest.approx(10))
    assert set(tables.table("digits", profile="laptop", records=Records(tmp_path)).n) == {0}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "digits.jsonl")
    with pytest.raises(records.RecordError, match="cannot be read"):
        Records(tmp_path).read("digits")


def test_a_stale_record_counts_as_stale_and_its_run_as_missing(tmp_path):
    run = studies.named("digits").rows("smoke")[3].run
    stale = summed({**record(tmp_path, run, **lost()), "method": METHOD - 1})
    Records(tmp_path).append("digits", [stale])
    assert Records(tmp_path).names("digits", "smoke") == set()
    counts = tables.status(studies.named("digits"), "smoke", records=Records(tmp_path))
    assert {key: counts[key] for key in ("recorded", "missing", "stale", "diverged")} == {
        "recorded": 0,
        "missing": 16,
        "stale": 1,
        "diverged": 0,
    }
    today = record(tmp_path, run)
    assert Records(tmp_path).append("digits", [today]) == 1
    assert Records(tmp_path).names("digits", "smoke") == {run.name}
    assert Records(tmp_path).names("digits", "laptop") == set()


def test_stale_records_are_not_adopted(tmp_path):
    stale, today = old_and_new(tmp_path)
    Records(tmp_path).append("figure1", [stale])
    assert Records(tmp_path).adopt("table1", {stale["name"]}, profile="smoke") == 0
    Records(tmp_path).append("figure1", [today])
    assert Records(tmp_path).adopt("table1", {stale["name"]}, profile="smoke") == 1
    assert Records(tmp_path).read("table1")[0] == [today]


def test_of_two_records_of_a_run_one_is_adopted(tmp_path):
    both = [record(tmp_path, test_error=error) for error in (0.1, 0.2)]
    Records(tmp_path).append("figure1", both, twins=True)
    assert Records(tmp_path).adopt("table1", {both[0]["name"]}, profile="smoke") == 1
    assert Records(tmp_path).read("table1") == ([both[0]], [])


def test_no_text_of_a_record_reaches_a_table_as_it_is(tmp_path):
    made = record(tmp_path)
    active = "<b>[x](y)</b>"
    texts = {key for key, value in records.flat(made).items() if isinstance(value, str)}
    for fields in (made["run"], made["run"]["recipe"]):
        fields.update(dict.fromkeys(texts & set(fields), active))
    made.update(profile=active, name=active, **{"from": {**made["from"], "device": active}})
    shown = records.flat(made)
    assert {shown[key] for key in texts} == {"?b??x?(y)?/b?"}


def test_a_line_is_checked_once(tmp_path, monkeypatch):
    checked = []
    monkeypatch.setattr(folder, "check", lambda line: checked.append(line) or records.check(line))
    here, made = Records(tmp_path), seeds(3, tmp_path)
    for one in made:
        here.append("figure1", [one])
        assert here.names("figure1", "smoke") >= {one["name"]}
        assert here.read("figure1")[0][-1] == one
    assert len(checked) == 3
    (tmp_path / "figure1.jsonl").write_text((tmp_path / "figure1.jsonl").read_text().replace('"seed": 1', '"seed": 7'))
    assert len(here.read("figure1")[0]) == 2


def test_what_a_killed_writer_left_is_cleaned_when_it_is_old(tmp_path):
    old, young, other = (tmp_path / name for name in ("a.safetensors.1.draft", "b.safetensors.2.draft", "draft.txt"))
    for path in (old, young, other):
        path.write_text("half")
    for path in (old, other):
        os.utime(path, (time.time() - 2 * writing.DRAFT_SECONDS,) * 2)
    writing.write_whole(tmp_path / "c.safetensors", b"whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.safetensors.2.draft", "c.safetensors", "draft.txt"]


def test_records_travel_to_another_process_as_their_folder(tmp_path):
    here = Records(tmp_path)
    here.append("figure1", [record(tmp_path)])
    there = pickle.loads(pickle.dumps(here))
    assert there.folder == tmp_path
    assert there.read("figure1") == here.read("figure1")


def test_reading_sound_records_warns_of_nothing(tmp_path):
    Records(tmp_path).append("figure1", [record(tmp_path)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Records(tmp_path).load("figure1")) == 1
        assert Records(tmp_path).experiments() == ["figure1"]


@pytest.mark.parametrize(
    ("path", "field"), [(("run",), "seed"), (("run",), "redraw"), (("run", "recipe"), "weight_decay")]
)
def test_a_record_says_every_choice_of_its_run(path, field, tmp_path):
    made = json.loads(json.dumps(record(tmp_path)))
    part = made
    for key in path:
        part = part[key]
    del part[field]
    with pytest.raises(ValueError, match="run is not known here|is not that of its run"):
        records.check(json.dumps(summed(made)))


def test_curves_of_one_hash_are_equal_and_are_not_read_to_be_compared(tmp_path):
    """They lie in another folder, maybe, and reading them would find nothing: two records that agree would differ."""
    here, there = Records(tmp_path / "here"), Records(tmp_path / "there")
    curve = [[i, 0.5] for i in range(100)]
    ours, theirs = (record(one.folder, losses=curve) for one in (here, there))
    arrays.path_of(ours["arrays"], here.folder).unlink()
    assert merging.differences(theirs, ours, there, here) == []
    other = record(there.folder, losses=[[i, 0.5 + (i == 7)] for i in range(100)])
    assert merging.differences(theirs, other, there, there) == ["losses by up to 1"]


@pytest.mark.parametrize("length", [1, 59, 60, 61, 1000])
def test_a_value_in_a_message_takes_at_most_60_characters_and_is_whole_where_it_fits(length):
    value = "x" * (length - 2)  # and its quotes
    shown = content.short(value) if length > 1 else content.short(7)
    assert len(shown) <= 60
    assert (shown in (repr(value), "7")) == (length <= 60)


@pytest.mark.parametrize("length", [1, 100])
def test_a_series_of_whole_numbers_is_one_of_floats_wherever_it_lies(length, tmp_path):
    made = record(tmp_path, losses=[[i, 2] for i in range(length)])
    assert bool(made["arrays"]) == (length == 100)
    series = Records(tmp_path).series(made, "losses")
    assert (series.dtype, series.shape) == (np.float64, (length, 2))
