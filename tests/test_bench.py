"""The bench runs through at small size, and says of every goal whether it was met. Nothing here depends on speed."""

import ast
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from snip_lib import data
from snip_lib.training import execution
from tools.bench import __main__ as bench_line
from tools.bench import clock, growth, overlap, parts, steps, subjects
from tools.bench.__main__ import line

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "chosen",
    [
        ["criteria", "torch prune", "holding", "augmentation", "steps", "wished"],
        pytest.param(list(parts.PARTS), marks=pytest.mark.slow),
    ],
    ids=["some parts", "all parts"],
)
def test_it_runs_and_is_saved_with_the_machine_and_without_its_name(tmp_path, chosen):
    out = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tools.bench", "--small", "--repeats", "1", "--out", str(out), "--only", *chosen]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    content = json.loads(out.read_text())
    assert {row["part"] for row in content["rows"]} == set(chosen)
    assert content["machine"]["torch"] == str(torch.__version__)
    assert os.uname().nodename not in out.read_text()
    for row in content["rows"]:
        assert row["ours"] != 0
        assert row["other"] > 0
        assert row["what"] in done.stdout
        assert row["met"] in (None, True, False)


@pytest.mark.parametrize(
    "what", [("floor", "lenet-300-100", 8), ("mask", "lenet-300-100", 8), ("topk", 99), ("top", 99)]
)
def test_every_measurement_of_memory_runs_in_a_process_of_its_own(what):
    measured = clock.fresh("memory", *what)
    assert measured["peak"] >= measured["before"] > 0


def test_parts_measured_anew_replace_their_rows_alone_and_only_on_the_same_machine(tmp_path, monkeypatch, capsys):
    """Saved after each part: what was measured before one that fails is kept."""

    def part(name, value):
        return lambda repeats, small: [clock.Row(name, "what", "beside", value, 1.0, "s", value)]

    def bench(**measure):
        monkeypatch.setattr(bench_line, "PARTS", measure)
        monkeypatch.setattr(sys, "argv", ["bench", "--small", "--out", str(path), "--only", *measure])
        bench_line.main()

    def saved():
        return {row["part"]: row["ours"] for row in json.loads(path.read_text())["rows"]}

    path = tmp_path / "bench.json"
    bench(mask=part("mask", 1.0), steps=part("steps", 2.0))
    with pytest.raises(ZeroDivisionError):
        bench(mask=part("mask", 3.0), topk=lambda repeats, small: 1 / 0)
    assert saved() == {"steps": 2.0, "mask": 3.0}
    content = json.loads(path.read_text())
    assert {name: set(when) for name, when in content["measured"].items()} == {
        name: {"date", "threads", "bfloat16", "load before"} for name in ("mask", "steps")
    }
    path.write_text(json.dumps(content | {"machine": content["machine"] | {"cpu": "another"}}))
    bench(topk=part("topk", 4.0))
    assert saved() == {"topk": 4.0}
    assert capsys.readouterr().out.count("its rows are dropped") == 1


def test_what_a_cpu_run_wishes_for_has_a_goal_only_where_it_can_be_had(monkeypatch):
    """Without bfloat16 the row says float32 and there is nothing to reach."""
    for has in (True, False):
        monkeypatch.setattr(execution, "_processor", lambda has=has: "flags : avx512_bf16" if has else "flags : fpu")
        row = steps._beside_plain("lenet-5-caffe", 4, 1e-9, execution.Execution.on("cpu", "bfloat16"), 1)
        assert ("bfloat16" in row.what, row.met) == (has, True if has else None)


def test_growth_is_measured_on_the_pictures_and_classes_that_it_names():
    model, x, y = subjects.scored("alexnet-s", 2, side=64, classes=200)
    assert (x.shape, model(x).shape) == ((2, 3, 64, 64), (2, 200))
    assert int(y.max()) >= 10
    rows = growth.growth(1, True)
    assert ["10 classes" in row.what for row in rows] == [True, True, *[False] * 4]
    assert ["in parts of 4" in row.what for row in rows] == [*[False] * 4, True, True]
    assert "266,610 parameters" in rows[0].what
    assert [row.unit for row in rows] == ["s", "MB"] * 3


def test_two_batches_of_the_overlap_share_no_picture_and_even_ones_hold_each_class_alike():
    ten, many = map(data.load, overlap.SAMPLES)
    pools = overlap._pools(ten, many, 0)
    for pool in pools:
        (x, y), (others, _) = pool.batch(0, 0, 20), pool.batch(0, 20, 40)
        assert not (x.flatten(1)[:, None] == others.flatten(1)).all(-1).any()
        assert len(y) == 20
        assert int(pool.labels.max()) == pool.classes - 1
    assert torch.bincount(pools[-1].batch(0, 20, 40)[1]).tolist() == [1] * 20
    of_ten = pools[1]
    named = {(int(a), int(b)) for a, b in zip(many.train_y[of_ten.chosen], of_ten.labels, strict=True)}
    assert len(named) == 10


@pytest.mark.parametrize(("goal", "met"), [(("at most", 2), False), (("at least", 2), True), (None, None)])
def test_a_row_says_whether_its_goal_is_met(goal, met):
    row = clock.Row("part", "this", "that", 1.0, 3.0, "s", 3.0, goal)
    assert row.met is met
    assert ("MISSED" in line(row)) == (met is False)


def test_in_turn_starts_each_round_with_another_function_and_drops_the_first_round():
    calls = []
    seconds = clock.in_turn(lambda: calls.append("a"), lambda: (calls.append("b"), time.sleep(0.01)), repeats=3)
    assert [len(each) for each in seconds] == [3, 3]
    assert min(seconds[1]) >= 0.01
    assert ["".join(calls[i : i + 2]) for i in range(0, 8, 2)] == ["ba", "ab", "ba", "ab"]
    assert clock.in_turn(lambda: 7.0, repeats=2) == [[7.0, 7.0]]


@pytest.mark.parametrize("network", ["lenet-300-100", "lenet-5-caffe"])
def test_operations_of_a_step_equal_torchs_count(network):
    model, x, y = subjects.scored(network, steps.BATCH)
    with FlopCounterMode(display=False) as counter:
        torch.nn.functional.cross_entropy(model(x), y).backward()
    assert steps.operations(network) == counter.get_total_flops()


def test_the_page_on_speed_says_when_each_part_that_it_shows_was_measured():
    cells = nbformat.read(ROOT / "book/reference/speed.ipynb", as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    shown = ast.literal_eval(re.search(r"shown = (\(.*?\))", code, re.DOTALL)[1])
    tables = re.findall(r"^table\((.*), beside=", code, re.MULTILINE)
    named = {part for each in tables for part in ast.literal_eval(f"({each},)")}
    assert len(tables) == 3
    assert set(shown) == named | {"holding"} <= set(parts.PARTS)
