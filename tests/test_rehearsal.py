"""The rehearsal: which ways are tried of which networks, that faults are found, and what the command says."""

import doctest
import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from snip_lib import models
from snip_lib.commands import rehearse as command
from snip_lib.commands.line import main
from snip_lib.runner import rehearsal
from snip_lib.runner import ways as ways_room
from snip_lib.runner.rehearsal import rehearse
from snip_lib.runner.ways import Way, ways
from snip_lib.training import Execution, Trainer
from snip_lib.training.batched import BatchedTrainer, can_batch

SMALL = ["lenet-300-100", "lenet-5-caffe", "lenet-5-relu"]


@pytest.fixture
def uncompiled(monkeypatch):
    """Without the ways that take a compiler and minutes."""
    some = tuple(way for way in ways("cpu") if not way.execution.compile)
    monkeypatch.setattr(rehearsal, "ways", lambda device: some)
    return some


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_network_is_to_be_tried_in_every_way_and_compiled_in_each_family(device):
    cases = rehearsal._cases(device, list(models.NETWORKS))
    assert len(cases) == len(set(cases))
    for way in ways(device):
        tried = {network for network, one in cases if one == way}
        if way.execution.compile:
            assert {
                "lenet-300-100",
                "lenet-5-caffe",
                "alexnet-s",
                "vgg-c",
                "wrn-16-8",
                "lstm-s",
                "gru-s",
                "resnet-20",
                "plain-10",
            } == tried
        elif way.together > 1:
            assert tried == {*SMALL, "plain-10", "plain-30", "plain-100"}
        else:
            assert tried == set(models.NETWORKS)


def test_a_way_on_a_gpu_is_one_that_a_gpu_has():
    found = {way.name: way.execution for way in ways("cuda")}
    assert any(one.graph for one in found.values())
    assert any(one.autocast and one.graph for one in found.values())
    assert not any(way.execution.graph for way in ways("cpu"))


@pytest.mark.parametrize("network", [*SMALL[:2], "lstm-s", "resnet-20"])
def test_what_is_here_is_well(network, uncompiled):
    lines = list(rehearse("cpu", networks=[network]))
    together = can_batch(models.build(network, generator=0))
    assert [line.way for line in lines] == [way.name for way in uncompiled if together or way.together == 1]
    assert {line.outcome for line in lines} <= {"ok", "not here"}, lines
    assert lines[0].difference == 0  # plain float32 on the CPU is what the others are compared with
    assert all(line.milliseconds > 0 for line in lines if line.outcome == "ok")


def test_a_way_that_fails_is_a_line_and_the_next_is_tried(monkeypatch):
    """A CUDA graph cannot be had on a CPU: the step itself says so."""
    monkeypatch.setattr(
        rehearsal, "ways", lambda device: (Way("graph", Execution(graph=True)), Way("plain", Execution()))
    )
    lines = list(rehearse("cpu", networks=SMALL[:1]))
    assert [line.outcome for line in lines] == ["failed", "ok"]
    assert "a CUDA graph needs a CUDA device" in lines[0].note


def never(self):
    """A step that trains nothing."""
    losses = torch.full((1,), 2.3)
    self.iteration += 1
    self._losses.append(losses)
    return losses


def twice(self):
    """A step made twice on each batch."""
    Trainer.step(self)
    self.iteration -= 1
    return Trainer.step(self)


def unmasked(self):
    """A step after which a pruned weight is back."""
    losses = Trainer.step(self)
    with torch.no_grad():
        self.model.fc1.weight.add_(1e-6)
    return losses


@pytest.mark.parametrize(
    ("step", "words"), [(never, "loss differs|of their way"), (twice, "differs|of their way"), (unmasked, "are not 0")]
)
def test_a_step_that_is_not_made_or_made_twice_or_not_masked_is_found(monkeypatch, uncompiled, step, words):
    make = rehearsal._trainer

    def faulty(network, way, *others):
        trainer = make(network, way, *others)
        if way.name == "channels-last":
            trainer.step = step.__get__(trainer)
        return trainer

    monkeypatch.setattr(rehearsal, "_trainer", faulty)
    lines = {line.way: line for line in rehearse("cpu", networks=SMALL[:1])}
    assert lines["channels-last"].outcome == "failed"
    assert any(word in lines["channels-last"].note for word in words.split("|"))
    assert lines["plain"].outcome == lines["together"].outcome == "ok"


def test_networks_trained_together_are_compared_by_the_first(uncompiled):
    way = next(way for way in uncompiled if way.together > 1)
    masks = rehearsal._masks("lenet-300-100", "cpu")
    trainer = rehearsal._trainer("lenet-300-100", way, "cpu", 8, masks)
    assert isinstance(trainer, BatchedTrainer)
    assert torch.equal(rehearsal._weights(trainer)["fc1.weight"], trainer.model.fc1.weight[0])


def test_when_the_time_is_up_the_rest_is_named(monkeypatch):
    some = (Way("plain", Execution()), Way("bfloat16", Execution(), missing="no such thing"))
    monkeypatch.setattr(rehearsal, "ways", lambda device: some)
    lines = list(rehearse("cpu", deadline=0))
    assert len(lines) == 2 * len(models.NETWORKS)
    assert {(line.way, line.outcome) for line in lines} == {("plain", "not tried"), ("bfloat16", "not here")}


def exit_code(arguments):
    """Of a command, also of one that the grammar refuses."""
    try:
        return main(arguments)
    except SystemExit as refused:
        return refused.code


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--only", "lenet-300-100"], 0),
        (["--only", "lenet-300-100", "--minutes", "1e-9"], 3),
        (["--only", "lenet-300"], 2),
        (["--minutes", "nan"], 2),
        (["--device", "tpu"], 2),
    ],
)
def test_the_exit_code_tells(arguments, code, uncompiled, capsys):
    given = arguments if "--device" in arguments else ["--device", "cpu", *arguments]
    assert exit_code(["rehearse", *given]) == code
    assert len(capsys.readouterr().err.splitlines()) == (code == 2)


def test_a_failure_is_exit_code_1_and_in_the_table_that_is_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(rehearsal, "ways", lambda device: (Way("graph", Execution(graph=True)),))
    out = tmp_path / "table.json"
    assert main(["rehearse", "--device", "cpu", "--only", "lenet-300-100", "--out", str(out)]) == 1
    kept = json.loads(out.read_text())
    assert [(line["way"], line["outcome"]) for line in kept["lines"]] == [("graph", "failed")]
    assert "graph            failed    ValueError: a CUDA graph needs" in capsys.readouterr().out


@pytest.mark.slow
def test_a_compiled_step_is_well(monkeypatch):
    monkeypatch.setattr(rehearsal, "ways", lambda device: (Way("compiled", Execution(compile="inductor")),))
    (line,) = rehearse("cpu", networks=SMALL[:1])
    assert line.outcome == "ok", line


def test_the_mask_is_compared(monkeypatch, uncompiled):
    """A device that scores otherwise: made up by scoring other weights than the reference."""
    built = rehearsal._masks
    wanted = built("lenet-300-100", "cpu")
    monkeypatch.setattr(rehearsal, "_reference", lambda network: replace(reference, masks=wanted.shuffled(generator=0)))
    reference = rehearsal.Reference(wanted, torch.ones(6), {}, {})
    line = next(iter(rehearse("cpu", networks=SMALL[:1])))
    assert line.outcome == "failed"
    assert "the mask has a Jaccard index of" in line.note


@pytest.mark.parametrize("module", [rehearsal, ways_room, command])
def test_examples_of_the_docstrings_run(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("network", SMALL[:1])
def test_a_step_takes_as_many_milliseconds_as_a_clock_says(network, uncompiled, monkeypatch):
    """By a clock that is a second further whenever it is looked at: before the timed steps, and after them."""
    seconds = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: next(seconds), monotonic=lambda: next(seconds))
    monkeypatch.setattr(rehearsal, "time", clock)
    steps, _ = rehearsal.TIMED["cpu"]
    taken = {line.way: line.milliseconds for line in rehearse("cpu", networks=[network]) if line.outcome == "ok"}
    for way in uncompiled:
        if way.name in taken:
            assert taken[way.name] == pytest.approx(1000 / steps / way.together)
    assert {"plain", "together"} <= set(taken)


def test_the_sample_lies_on_the_device_and_little_of_it_is_evaluated():
    """On "meta", which has no numbers, as there may be no GPU."""
    sample = rehearsal._sample("resnet-20", "meta")
    assert {part.device.type for part in (sample.train_x, sample.train_y, sample.valid_x, sample.test_y)} == {"meta"}
    assert len(sample.valid_x) == len(sample.test_y) == rehearsal.BATCH
