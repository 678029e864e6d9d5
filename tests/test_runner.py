"""Runs: what is scored and trained, going on after a stop, two runners at once, kills, deadlines."""

import dataclasses
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from records_made import RECIPE, RUN

from snip_lib import data, models, runner, training
from snip_lib.pruning import snip
from snip_lib.records import Records, writing
from snip_lib.runner import engine, job
from snip_lib.runner.checkpoints import Checkpoint, CheckpointWarning, claim, pack, unpack
from snip_lib.runner.engine import Plan
from snip_lib.runner.units import Unit, units
from snip_lib.seeds import generator
from snip_lib.training.execution import has_bfloat16

ROOT = Path(__file__).resolve().parent.parent
TIMES = {"seconds", "scoring_seconds"}
LONGER = dataclasses.replace(RUN, recipe=RECIPE.shortened(30))


def measured(metrics):
    """Metrics without the times, which no two runs share."""
    return {key: value for key, value in metrics.items() if key not in TIMES}


def recorded(folder, experiment):
    """Run name -> what its record says was measured."""
    return {r["name"]: measured(r["metrics"]) for r in Records(folder).read(experiment)[0]}


def after(calls):
    """A `stop` that says yes from its n-th question on."""
    asked = iter(range(calls))
    return lambda: next(asked, None) is None


def test_a_run_is_algorithm_1_with_two_draws():
    """The mask comes from one draw, the weights that are trained from another, as in the authors' code."""
    dataset = data.load("digits")
    masks, model = job.prune(RUN, dataset)
    scored = models.build("lenet-300-100", generator=generator(0, "score weights"))
    trained = models.build("lenet-300-100", generator=generator(0, "train weights"))
    assert masks == snip(scored, *data.pruning_batch(dataset, 100, seed=0), sparsity=0.9)
    assert torch.equal(model.fc1.weight, trained.fc1.weight)
    assert not torch.equal(model.fc1.weight, scored.fc1.weight)
    result = training.train(trained, dataset, RUN.recipe, seed=0, masks=masks)
    assert runner.execute(RUN)["test_error"] == result.test_error


def test_without_a_redraw_the_scored_weights_are_trained():
    dataset = data.load("digits")
    masks, model = job.prune(dataclasses.replace(RUN, redraw=False), dataset)
    assert masks == snip(model, *data.pruning_batch(dataset, 100, seed=0), sparsity=0.9)


def test_only_the_scored_weights_change_with_score_init():
    dataset = data.load("digits")
    masks, model = job.prune(RUN, dataset)
    others, same = job.prune(dataclasses.replace(RUN, score_init="rn", score_std=0.1), dataset)
    assert torch.equal(model.fc1.weight, same.fc1.weight)
    assert masks != others


def test_random_labels_are_trained_on_but_not_scored_on():
    dataset, random_labels = data.load("digits"), dataclasses.replace(RUN, labels="random")
    one, other = job.Job(Unit((RUN,)), "cpu"), job.Job(Unit((random_labels,)), "cpu")
    assert one.masks == other.masks
    drawn = other.trainer.data
    assert 0.05 < (drawn.train_y == dataset.train_y).float().mean() < 0.15
    assert torch.equal(drawn.test_y, dataset.test_y)


def test_what_is_kept_is_told_layer_by_layer():
    metrics = runner.execute(RUN)
    assert metrics["layers"]["fc1.bias"] == [0, 300]
    assert sum(kept for kept, _ in metrics["layers"].values()) == metrics["kept"] == 26_661
    dense = runner.execute(dataclasses.replace(RUN, sparsity=0))
    assert dense["kept"] == dense["total"] == 266_610


def test_a_layer_left_empty_is_recorded_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics = runner.execute(dataclasses.replace(RUN, criterion="magnitude", sparsity=0.99))
    assert metrics["empty_layers"] == ["fc1.weight"]


def test_a_run_that_diverges_says_so():
    wild = dataclasses.replace(RECIPE, learning_rate=1e18, iterations=20)
    metrics = runner.execute(dataclasses.replace(RUN, recipe=wild))
    assert metrics["test_error"] is None
    assert metrics["diverged"]["learning_rate"] == 1e18


def test_threads_are_the_runs_while_it_runs():
    seen = []
    runner.execute(RUN, stop=lambda: seen.append(torch.get_num_threads()))
    assert set(seen) == {1}


@pytest.mark.parametrize("stops", [(1,), (7, 9), (29, 1, 2)])
def test_a_stopped_run_ends_as_an_unbroken_one(tmp_path, stops):
    checkpoint = Checkpoint(tmp_path, LONGER, "cpu")
    for calls in stops:
        assert runner.execute(LONGER, checkpoint=checkpoint, stop=after(calls)) is None
        assert checkpoint.path.is_file()
    assert measured(runner.execute(LONGER, checkpoint=checkpoint)) == measured(runner.execute(LONGER))


def test_saving_often_changes_nothing(tmp_path):
    often = runner.execute(RUN, checkpoint=Checkpoint(tmp_path, RUN, "cpu"), every=1e-9)
    assert measured(often) == measured(runner.execute(RUN))


def stopped(folder):
    checkpoint = Checkpoint(folder, LONGER, "cpu")
    runner.execute(LONGER, checkpoint=checkpoint, stop=after(20))
    return checkpoint


@pytest.mark.parametrize(("key", "value"), [("sources", "0" * 16), ("torch", "1.0"), ("method", 0), ("device", "cuda")])
def test_a_checkpoint_of_something_else_is_refused_and_named(tmp_path, key, value):
    checkpoint = stopped(tmp_path)
    checkpoint.save(checkpoint.load())
    other = Checkpoint(tmp_path, LONGER, "cpu")
    other.origin[key] = value
    with pytest.warns(CheckpointWarning, match=f"it is of {key} .*starts again"):
        assert other.load() is None


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-9] + b"\1" + b[-8:], lambda b: b"x"])
def test_a_damaged_checkpoint_is_refused_and_the_run_starts_again(tmp_path, damage):
    checkpoint = stopped(tmp_path)
    checkpoint.path.write_bytes(damage(checkpoint.path.read_bytes()))
    with pytest.warns(CheckpointWarning, match="not whole, or altered"):
        metrics = runner.execute(LONGER, checkpoint=checkpoint)
    assert measured(metrics) == measured(runner.execute(LONGER))


def test_a_nest_survives_packing():
    nest = {"a": [1, 2.5, None, "x", True], 3: (torch.arange(4), {"b": torch.tensor([True, False])})}
    back = unpack(pack(nest))
    assert back["a"] == nest["a"]
    assert torch.equal(back[3][0], nest[3][0])
    assert torch.equal(back[3][1]["b"], nest[3][1]["b"])
    shared = torch.ones(3)
    assert len(unpack(pack([shared, shared]))) == 2


def test_of_a_view_only_what_is_seen_is_packed():
    large = torch.zeros(1_000_000)
    assert len(pack([large[:10], large[5:9].view(2, 2).t()])) < 10_000


@settings(max_examples=150)
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(place, bit):
    packed = bytearray(pack({"weights": torch.arange(300.0), "iteration": 7}))
    packed[place % len(packed)] ^= 1 << bit
    with pytest.raises(ValueError, match="not whole, or altered"):
        unpack(bytes(packed))


def test_nothing_is_unpickled_but_plain_values():
    """Also with a right checksum: whoever hands over a checkpoint runs no code here."""
    buffer = io.BytesIO()
    torch.save({"state": Path("/")}, buffer)
    content = buffer.getvalue()
    with pytest.raises(ValueError, match="not whole, or altered"):
        unpack(hashlib.sha256(content).digest() + content)


def test_a_run_that_is_recorded_leaves_nothing_behind_also_not_of_killed_ones(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    for name, age in (("old", 2 * writing.DRAFT_SECONDS), ("young", 0)):
        (folder / f"{name}.checkpoint.1.draft").write_text("half")
        os.utime(folder / f"{name}.checkpoint.1.draft", (time.time() - age,) * 2)
    assert runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path)) == "recorded"
    assert sorted(path.name for path in folder.iterdir() if path.suffix != ".lock") == ["young.checkpoint.1.draft"]


def test_a_checkpoint_of_an_older_form_is_named_and_goes_with_its_run(tmp_path):
    older = tmp_path / "checkpoints" / f"{RUN.name}.safetensors"
    older.parent.mkdir()
    older.write_bytes(b"of an earlier library")
    with pytest.warns(CheckpointWarning, match=r"safetensors is not used: it is of an older form.*starts again"):
        assert runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path)) == "recorded"
    assert not older.exists()


def test_a_profile_that_is_none_is_refused_before_the_run(tmp_path):
    with pytest.raises(ValueError, match="its profile is 'labtop', not one of smoke"):
        runner.record(RUN, "figure1", profile="labtop", records=Records(tmp_path))
    assert not (tmp_path / "checkpoints").exists()


def test_a_run_in_words_says_what_is_not_as_always():
    assert runner.describe(RUN) == "lenet-300-100 on digits, snip 90 %, seed 0"
    other = dataclasses.replace(RUN, pruning_batch=10, labels="random")
    assert "snip 90 %, pruning batch 10, labels random, seed 0" in runner.describe(other)


def test_a_claim_is_for_one(tmp_path):
    with claim(tmp_path, [RUN]) as mine, claim(tmp_path, [LONGER, RUN]) as too:
        assert mine
        assert not too
        assert runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path)) == "claimed"
    assert runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path)) == "recorded"
    assert runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path)) == "there"
    assert not list((tmp_path / "checkpoints").glob("*.checkpoint"))


def test_too_little_memory_is_said_plainly(monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(job, "prune", full)  # no GPU to fill here
    with pytest.raises(runner.RunError, match=r"does not fit into the memory of cpu.*--workers 1"):
        runner.execute(RUN)


def test_one_that_fails_does_not_stop_the_others(tmp_path):
    greedy = dataclasses.replace(RUN, pruning_batch=5000)
    told = []
    plan = Plan("figure1", "smoke", [greedy, RUN], Records(tmp_path))
    engine.work(plan, lambda *event: told.append(event))
    assert [event[:2] for event in told if event[0] != "at"] == [("failed", greedy), ("ended", RUN)]
    assert "a pruning batch of 5000" in told[0][2]
    assert plan.recorded() == [False, True]


def test_nothing_starts_that_will_not_fit(tmp_path):
    plan = Plan("figure1", "smoke", [RUN], Records(tmp_path), deadline=time.time() + 20, paces={RUN.name: 60.0})
    engine.work(plan, lambda *event: None)
    assert plan.recorded() == [False]
    assert not (tmp_path / "checkpoints").exists()


def test_the_deadline_is_kept_and_the_run_goes_on(tmp_path):
    endless = dataclasses.replace(RUN, recipe=RECIPE.shortened(10**7))
    runner.execute(RUN)  # its data are loaded, so that the time below goes into steps
    start = time.time()
    engine.work(Plan("figure1", "smoke", [endless], Records(tmp_path), deadline=start + 8), lambda *event: None)
    assert time.time() - start < 60  # the run would take days
    state = Checkpoint(tmp_path, endless, "cpu").load()
    assert state["trainer"]["iteration"] > 0


FAMILY = [dataclasses.replace(LONGER, seed=seed, sparsity=sparsity) for seed in (0, 1) for sparsity in (0, 0.9)]


def test_what_can_be_batched_is_trained_together_in_the_order_of_the_plan():
    alone = [
        dataclasses.replace(RUN, labels="random"),
        dataclasses.replace(RUN, network="gru-s"),
        dataclasses.replace(RUN, network="vgg-like", data="cifar10-sample"),
    ]
    caffe = dataclasses.replace(LONGER, network="lenet-5-caffe")
    made = units([alone[0], FAMILY[0], caffe, *FAMILY[1:], *alone[1:]], together=3)
    assert [unit.runs for unit in made] == [
        (alone[0],),
        tuple(FAMILY[:3]),
        (caffe,),
        (FAMILY[3],),
        (alone[1],),
        (alone[2],),
    ]
    assert [unit.runs for unit in units(FAMILY)] == [(run,) for run in FAMILY]


def test_together_every_run_measures_what_it_does_alone():
    for run, metrics in zip(FAMILY, runner.execute_unit(Unit(tuple(FAMILY))), strict=True):
        alone = runner.execute(run)
        assert metrics["layers"] == alone["layers"]
        assert abs(metrics["test_error"] - alone["test_error"]) < 0.02  # the same up to rounding: a digit or two
        assert metrics["losses"][-1] == pytest.approx(alone["losses"][-1], rel=1e-3)
        assert set(metrics) == set(alone)


@pytest.mark.parametrize("calls", [3, 25])
def test_a_unit_that_is_stopped_ends_as_an_unbroken_one(tmp_path, calls):
    unit = Unit(tuple(FAMILY))
    options = {"profile": "smoke", "records": Records(tmp_path / "a")}
    assert runner.record_unit(unit, "figure1", stop=after(calls), **options) == "stopped"
    assert Records(tmp_path / "a").read("figure1") == ([], [])
    assert (tmp_path / "a/checkpoints" / f"{unit.name}.checkpoint").is_file()
    assert runner.record_unit(unit, "figure1", **options) == "recorded"
    assert runner.record_unit(unit, "figure1", profile="smoke", records=Records(tmp_path / "b")) == "recorded"
    assert recorded(tmp_path / "a", "figure1") == recorded(tmp_path / "b", "figure1")
    assert set(recorded(tmp_path / "a", "figure1")) == {run.name for run in FAMILY}
    assert runner.record_unit(unit, "figure1", **options) == "there"


def test_a_run_trained_together_says_so_and_promises_no_bits(tmp_path):
    runner.record_unit(Unit(tuple(FAMILY[:2])), "figure1", profile="smoke", records=Records(tmp_path))
    runner.record(FAMILY[2], "figure1", profile="smoke", records=Records(tmp_path))
    origins = [(r["from"]["together"], r["from"]["repeats"]) for r in Records(tmp_path).read("figure1")[0]]
    assert origins == [(2, "within the spread of seeds")] * 2 + [(1, "to the bit")]


@pytest.mark.parametrize("number", [1, 2])
def test_a_record_says_what_its_trainer_computed_in(tmp_path, number):
    """One alone with the channels innermost, several at once not: they have an axis more."""
    wish = {"network": "lenet-5-caffe", "dtype": "bfloat16", "layout": "channels-last"}
    runs = tuple(dataclasses.replace(run, **wish) for run in FAMILY[1 : 1 + number])
    runner.record_unit(Unit(runs), "figure1", profile="smoke", records=Records(tmp_path))
    precision = "bfloat16" if has_bfloat16("cpu") else "float32"
    computed = {record["from"]["computed"] for record in Records(tmp_path).read("figure1")[0]}
    assert computed == {f"{precision}, {'channels-last' if number == 1 else 'plain'}"}


def test_a_unit_waits_while_another_process_has_one_of_its_runs(tmp_path):
    with claim(tmp_path, FAMILY[3:]):
        outcome = runner.record_unit(Unit(tuple(FAMILY)), "figure1", profile="smoke", records=Records(tmp_path))
    assert outcome == "claimed"
    with claim(tmp_path, FAMILY) as mine:  # what it had claimed before is free again
        assert mine


SIDES = """
import sys
from snip_lib import studies
from snip_lib.records import Records
from snip_lib.runner import engine
if __name__ == "__main__":
    runs = studies.named("digits").plan("smoke")[:6]
    plan, told = engine.Plan("digits", "smoke", runs, Records(sys.argv[1]), workers=2), []
    engine.run_here(plan, lambda *event: told.append(event))
    sys.exit(plan.recorded().count(False) + sum(kind == "failed" for kind, *_ in told))
"""


def test_two_workers_share_the_work(tmp_path):
    script = tmp_path / "sides.py"
    script.write_text(SIDES)
    subprocess.run([sys.executable, script, tmp_path / "records"], check=True, cwd=ROOT, env=_environment())
    found, complaints = Records(tmp_path / "records").read("digits")
    assert (len({r["name"] for r in found}), len(found), complaints) == (6, 6, [])


def _environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _start(folder, together=1):
    command = [sys.executable, "-m", "snip_lib", "run", "digits", "--profile", "smoke", "--records", folder]
    few = ["--only", "criterion=snip", "--seeds", "2"]
    return subprocess.Popen(
        [*command, *few, "--checkpoint", "0.1", "--workers", "1", "--together", str(together)],
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _kill_at_random(folder, *, kills, seed, together):
    """Two runners on one folder; one of them is killed at a random moment and started again, `kills` times."""
    draw = random.Random(seed)
    runners = [_start(folder, together), _start(folder, together)]
    for _ in range(kills):
        before = len(list(folder.glob("checkpoints/*")))
        until = time.time() + 60  # the next kill comes when there is work to hit
        while time.time() < until and len(list(folder.glob("checkpoints/*"))) <= before == 0:
            time.sleep(0.05)
        time.sleep(draw.uniform(0, 3))
        victim = draw.randrange(2)
        runners[victim].send_signal(signal.SIGKILL)
        runners[victim].wait()
        runners[victim] = _start(folder, together)
    for process in runners:
        process.wait(timeout=600)
    last = _start(folder, together)
    assert last.wait(timeout=600) == 0


def undisturbed(folder, together):
    """The records of a pass that nobody disturbs."""
    assert _start(folder, together).wait(timeout=600) == 0
    return recorded(folder, "digits")


@pytest.mark.parametrize(("kills", "together"), [(4, 1), (2, 4), pytest.param(20, 1, marks=pytest.mark.slow)])
def test_killed_runners_record_every_run_once_and_the_same(tmp_path, kills, together):
    expected = undisturbed(tmp_path / "undisturbed", together)
    _kill_at_random(tmp_path, kills=kills, seed=kills, together=together)
    found, complaints = Records(tmp_path).read("digits")
    assert complaints == []
    assert len(found) == len(expected) == 12
    assert recorded(tmp_path, "digits") == expected
    assert not list(tmp_path.glob("checkpoints/*.checkpoint"))


def test_a_unit_is_executed_on_the_device_that_it_is_recorded_under(tmp_path):
    """On "meta", which holds no numbers, nothing can be measured: a record made elsewhere would say it was."""
    with pytest.raises((runner.RunError, RuntimeError)):
        runner.record(RUN, "figure1", profile="smoke", records=Records(tmp_path), device="meta")
    assert Records(tmp_path).read("figure1") == ([], [])


def test_seconds_are_recorded_to_the_millisecond():
    """Further digits are no measurement, and would make every record longer."""
    metrics = runner.execute(RUN)
    for key in ("seconds", "scoring_seconds"):
        assert metrics[key] > 0
        assert metrics[key] == round(metrics[key], 3)


def test_a_job_goes_on_where_its_state_was_taken():
    """Begun again it would come to the same numbers, and nobody would see that the time was lost."""
    before = job.Job(runner.Unit((RUN,)), "cpu")
    for _ in range(3):
        before.trainer.step()
    after = job.Job(runner.Unit((RUN,)), "cpu", before.state())
    assert after.iteration == before.iteration == 3
    pairs = zip(before.models[0].parameters(), after.models[0].parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
