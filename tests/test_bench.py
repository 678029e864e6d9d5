"""The bench runs through at small size, and says of every goal whether it was met. Nothing here depends on speed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tools.bench import clock, parts, steps, subjects
from tools.bench.__main__ import line

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "chosen",
    [
        ["criteria", "torch prune", "holding", "augmentation", "steps"],
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
