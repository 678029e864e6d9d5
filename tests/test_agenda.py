"""The agenda: nothing left out, nothing twice, in the order in which a reader asks; `run all`, several names."""

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from snip_lib import commands, studies
from snip_lib.records import Records
from snip_lib.runner import engine
from snip_lib.studies import agenda

ROOT = Path(__file__).resolve().parent.parent


def planned(parts):
    return [(part.experiment, part.profile, run) for part in parts for run in part.runs]


def test_every_laptop_run_is_in_it_and_each_once():
    found = planned(agenda.parts())
    assert len(found) == len(set(found))
    wanted = {(n, "laptop", run) for n, one in studies.EXPERIMENTS.items() for run in one.plan("laptop")}
    assert wanted <= set(found)


def place(found, **wanted):
    """(first, last) place of the runs that are like this."""
    places = [
        i
        for i, (experiment, profile, run) in enumerate(found)
        if all(
            {"experiment": experiment, "profile": profile}.get(k, getattr(run, k, None)) == v for k, v in wanted.items()
        )
    ]
    return places[0], places[-1]


ORDER = [  # what issue and page promise a reader, each before the next
    {"experiment": "figure1", "network": "lenet-300-100", "profile": "laptop"},
    {"experiment": "table3", "network": "lenet-300-100", "profile": "laptop"},
    {"experiment": "table1", "network": "lenet-5-caffe", "profile": "laptop", "seed": 2},
    {"experiment": "figure4", "profile": "laptop"},
    {"experiment": "table2", "network": "alexnet-b", "profile": "laptop"},
    {"experiment": "table2", "network": "vgg-d", "profile": "laptop", "seed": 0},
    {"experiment": "table2", "network": "gru-b", "profile": "laptop"},
    {"experiment": "table3", "network": "lstm-s", "profile": "laptop", "seed": 0},
    {"experiment": "table2", "network": "wrn-16-8", "profile": "laptop", "seed": 0},
    {"experiment": "table2", "network": "vgg-d", "profile": "laptop", "seed": 1},
    {"experiment": "table2", "network": "wrn-22-8", "profile": "laptop", "seed": 0},
    {"experiment": "table2", "network": "wrn-16-8", "profile": "laptop", "seed": 1},
    {"experiment": "figure1", "network": "lenet-300-100", "profile": "paper"},
]


@pytest.mark.parametrize("number", range(len(ORDER) - 1))
def test_what_is_asked_first_comes_first(number):
    found = planned(agenda.parts())
    assert place(found, **ORDER[number])[1] < place(found, **ORDER[number + 1])[0]


def test_in_a_step_one_seed_of_every_row_comes_before_a_second():
    for title, parts in agenda.steps():
        seeds = [run.seed for part in parts for run in part.runs]
        assert seeds == sorted(seeds), title


def test_several_experiments_share_a_seed_before_the_next():
    named = [studies.named("digits"), studies.named("figure3")]
    found = planned(agenda.together(named, "laptop", seeds=2))
    assert [run.seed for *_, run in found] == sorted(run.seed for *_, run in found)
    assert {experiment for experiment, _, run in found if run.seed == 0} == {"digits", "figure3"}
    wanted = {("digits", run) for run in named[0].plan("laptop", seeds=2)}
    assert {(experiment, run) for experiment, _, run in found if experiment == "digits"} == wanted


def test_a_profile_stands_for_all_experiments_that_have_it():
    assert {part.experiment for part in agenda.parts("smoke", seeds=1)} == set(studies.EXPERIMENTS)
    assert "digits" not in {part.experiment for part in agenda.parts("paper", seeds=1)}


def main(capsys, *words):
    code = commands.main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


FEW = ("--only", "data=digits", "network=lenet-300-100", "sparsity=0.9", "--workers", 1)


def test_run_all_records_every_experiment_and_a_shared_run_once(tmp_path, capsys):
    words = ("run", "all", "--profile", "smoke", *FEW, "--records", tmp_path)
    code, out, err = main(capsys, *words)
    assert (code, err) == (0, "")
    found = {name: Records(tmp_path).names(name, "smoke") for name in Records(tmp_path).experiments()}
    assert {"figure1", "figure3", "table3", "digits"} <= set(found)
    shared = studies.named("figure1").plan("smoke")
    (shared,) = [run.name for run in shared if run.network == "lenet-300-100" and run.sparsity == 0.9]
    assert shared in found["figure1"] & found["figure3"]
    assert out.count("test error") == len(set.union(*found.values())) < sum(map(len, found.values()))
    code, out, _ = main(capsys, *words)
    assert code == 0
    assert "test error" not in out


def test_several_names_run_in_one_command_side_by_side(tmp_path, capsys):
    few = ("--only", "network=lenet-300-100", "sparsity=0.9", "--workers", 2)
    code, out, err = main(
        capsys, "run", "digits", "figure1", "digits", "--profile", "smoke", *few, "--records", tmp_path
    )
    assert (code, err) == (0, "")
    assert out.startswith("digits, figure1, profile smoke: ")
    assert Records(tmp_path).experiments() == ["digits", "figure1"]


def test_a_stopped_agenda_says_how_long_the_rest_would_take_and_goes_on(tmp_path):
    words = [sys.executable, "-m", "snip_lib", "run", "all", "--profile", "smoke", *map(str, FEW)]
    words += ["--records", str(tmp_path)]
    done = subprocess.run([*words, "--minutes", "0.01"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    assert "runs are left (the time is up): the same command goes on; they would take" in done.stdout
    assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_without_one_data_set_the_experiments_of_others_are_run(tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("SNIP_DATA", str(tmp_path / "file"))
    smoke = [part for part in agenda.parts("smoke", seeds=1) if part.experiment == "digits"]
    mnist = agenda.Part("figure1", "laptop", studies.named("figure1").plan("laptop")[:1])
    records, told = Records(tmp_path / "records"), []
    parts = [mnist, smoke[0].only(lambda run: run.sparsity == 0.5)]
    plans = [engine.Plan(part.experiment, part.profile, part.runs, records) for part in parts]
    assert not engine.run_here(plans, lambda *event: told.append(event))
    failures = [what for kind, _, what in told if kind == "failed"]
    assert len(failures) == 1
    assert "mnist could not be loaded" in failures[0]
    assert plans[1].recorded() == [True] * 3


def test_status_all_counts_what_is_recorded_and_says_what_is_left(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code, out, _ = main(capsys, "status", "all", "--records", tmp_path / "empty")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == len(agenda.AGENDA) + 2
    counts = [line[46:].split()[0] for line in lines[1:-1]]
    assert sum(int(count.split("/")[1]) for count in counts) == len(planned(agenda.parts()))
    assert all(count.startswith("0/") for count in counts)
    code, out, _ = main(capsys, "status", "all")
    assert code == 0
    assert "48/48" in out.splitlines()[1]
    assert out.splitlines()[1].endswith("0 s")


# Ray is not among the requirements: what a task of it does is tried in a process of its own


def test_what_a_ray_task_does_works_in_another_process(tmp_path):
    runs = studies.named("digits").plan("smoke")[:2]
    plan = engine.Plan("digits", "smoke", runs, Records(tmp_path))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        events = pool.submit(engine.told, plan).result()
    assert events == [("ended", run, "recorded") for run in runs]
    assert plan.recorded() == [True, True]


def test_on_ray_itself(tmp_path, capsys):
    pytest.importorskip("ray", reason="ray is not installed: requirements-ray.txt")
    words = ("run", "digits", "--profile", "smoke", "--only", "criterion=random", "--engine", "ray")
    code, out, _ = main(capsys, *words, "--records", tmp_path)
    assert code == 0
    assert "all 5 runs are recorded" in out
