"""The command line: what it prints, its exit codes, and one clear line for whatever makes no sense."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from records_made import RUN, record

from snip_lib import commands, studies, tables
from snip_lib.pruning.masks import Masks
from snip_lib.records import Records, checksum
from snip_lib.runner import engine

ROOT = Path(__file__).resolve().parent.parent


def run(capsys, *words):
    """Run a command in this process: exit code, standard output, standard error."""
    try:
        code = commands.main([str(word) for word in words])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def unsound(made):
    """A record that lacks what tables need, under a checksum that fits."""
    made = json.loads(json.dumps(made))
    del made["metrics"]["classes"]
    return json.dumps({**made, "checksum": checksum(made)})


@pytest.fixture
def folder(tmp_path):
    """A folder with records/ (one sound record), others (one line that is not), file, net.py (networks of a user's)."""
    made = record(tmp_path / "records")
    Records(tmp_path / "records").append("digits", [made])
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "digits.jsonl").write_text(json.dumps({**made, "profile": "paper"}) + "\n")
    (tmp_path / "file").write_text("not a folder")
    stray = {"stray/digits(1)": json.dumps(made), "brackets/digits": "[" * 100_000, "unsound/digits": unsound(made)}
    for name, text in stray.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.jsonl").write_text(text + "\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "def mlp():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))\n"
        "def narrow():\n    return nn.Sequential(nn.Flatten(), nn.Linear(7, 10))\n"
        "def nothing():\n    return 3\n"
    )
    return tmp_path


BAD = {
    "no command": ("", "the following arguments are required: COMMAND"),
    "an unknown command": ("runn", "invalid choice: 'runn'"),
    "an unknown option": ("list --fast", "unrecognized arguments: --fast"),
    "an unknown experiment": ("run figure11 --profile smoke", "did you mean 'figure1'"),
    "an unknown profile": ("run figure1 --profile labtop", "did you mean 'laptop'"),
    "a profile the experiment lacks": ("run digits --profile paper", "digits has no profile 'paper'"),
    "minutes that are no number": (
        "run digits --minutes ten",
        "argument --minutes: a positive number is wanted, got 'ten'",
    ),
    "negative minutes": ("run digits --minutes -3", "argument --minutes: a positive number"),
    "minutes without end": ("run digits --minutes nan", "argument --minutes: a positive number"),
    "no seeds": ("run digits --seeds 0", "argument --seeds: a whole number from 1 to 1,000"),
    "more seeds than anybody runs": ("run digits --seeds 2000000 --dry-run", "argument --seeds: a whole number from 1"),
    "seeds that are no number": ("run digits --seeds 3.5", "argument --seeds: a whole number from 1"),
    "seeds of five thousand digits": (f"run digits --seeds {'9' * 5000}", "argument --seeds: a whole number from 1"),
    "more workers than any machine's": ("run digits --workers 100000", "argument --workers: a whole number from 1 to"),
    "more shares than runs": ("run digits --profile smoke --shard 17/99", "there are 16 runs, fewer than shares"),
    "all and more": ("run all digits", "run all takes no other names"),
    "all as a table": ("table all", "table shows one experiment"),
    "an unknown name among others": ("run digits figure11", "did you mean 'figure1'"),
    "a profile that one of several lacks": ("run figure1 digits --profile paper", "digits has no profile 'paper'"),
    "a profile of no experiment, in status": ("status --profile nope", "argument --profile: no profile 'nope'"),
    "a mistyped profile in status": ("status digits --profile labtop", "did you mean 'laptop'"),
    "a folder without a name": ("status --records=", "argument --records: the name of a folder is wanted"),
    "no workers": ("run digits --workers 0", "argument --workers: a whole number from 1 to"),
    "none together": ("run digits --together 0", "argument --together: a whole number from 1 to"),
    "a checkpoint every 0 s": ("run digits --checkpoint 0", "argument --checkpoint: a positive number"),
    "a shard beyond the last": (
        "run digits --shard 3/2",
        "argument --shard: I/N with I from 1 to N is wanted, got '3/2'",
    ),
    "a shard that is none": ("run digits --shard half", "argument --shard: I/N, such as 1/4"),
    "a condition without =": ("run digits --only snip", "--only takes KEY=VALUE"),
    "a condition on nothing": ("run digits --only criterium=snip", "did you mean 'criterion'"),
    "a condition nobody meets": ("run digits --only sparsity=0.97", "sparsity is one of 0.0, 0.5"),
    "a device of another world": ("run digits --device tpu9", "is no device"),
    "a GPU that is not there": ("run digits --device cuda:99", "torch sees"),
    "an engine that is not installed": ("run digits --profile smoke --engine ray", "pip install ray"),
    "an unknown engine": ("run digits --engine magic", "invalid choice: 'magic'"),
    "a file for a folder": ("run digits --profile smoke --records {}/file", "is no folder"),
    "records that are not there": ("status digits --records {}/nowhere", "is no folder"),
    "status of nothing": ("status table9", "unknown experiment 'table9'"),
    "status of an altered line": ("status digits --records {}/damaged", "the line was altered"),
    "a table of an altered line": ("table digits --profile smoke --records {}/damaged", "the line was altered"),
    "a table of nothing": ("table table9", "unknown experiment 'table9'"),
    "a table of no profile": ("table digits --profile paper", "digits has no profile 'paper'"),
    "merging what is not there": ("merge {}/nowhere --records {}/out", "no records there"),
    "merging an empty folder": ("merge {}/empty --records {}/out", "no records there"),
    "merging a file of something else": ("merge {}/net.py --records {}/out", "no records there"),
    "merging an altered line": ("merge {}/damaged --records {}/out", "the line was altered"),
    "merging a second download": ("merge {}/stray/digits(1).jsonl --records {}/out", "is no name of an experiment"),
    "merging brackets": ("merge {}/brackets --records {}/out", "not a record of a run, but brackets"),
    "status of brackets": ("status digits --records {}/brackets", "not a record of a run, but brackets"),
    "status of a record without classes": ("status digits --records {}/unsound", "its metrics lack 'classes'"),
    "a table of a record without classes": ("table digits --records {}/unsound", "its metrics lack 'classes'"),
    "merging a record without classes": ("merge {}/unsound --records {}/out", "its metrics lack 'classes'"),
    "unknown data": ("data mnits", "did you mean 'mnist'"),
    "an unknown network": ("prune lenet-300 --sparsity 0.9 --out {}/m.safetensors", "did you mean 'lenet-300-100'"),
    "too much sparsity": ("prune lenet-300-100 --sparsity 1.5 --out {}/m.safetensors", "sparsity must be in [0, 1)"),
    "no sparsity": ("prune lenet-300-100 --out {}/m.safetensors", "required: --sparsity"),
    "an unknown criterion": (
        "prune lenet-300-100 --sparsity 0.9 --criterion x --out {}/m.safetensors",
        "unknown criterion 'x'",
    ),
    "a batch that is too large": (
        "prune lenet-300-100 --sparsity 0.9 --batch 9999 --out {}/m.safetensors",
        "a pruning batch of 9999",
    ),
    "a file in no folder": ("prune lenet-300-100 --sparsity 0.9 --out {}/no/m.safetensors", "there is no folder"),
    "a file of another kind": ("prune lenet-300-100 --sparsity 0.9 --out {}/m.pt", "ends in .safetensors"),
    "a module that is not there": ("prune nowhere:net --sparsity 0.9 --out {}/m.safetensors", "No module named"),
    "a function that is not there": ("prune net:cnn --sparsity 0.9 --out {}/m.safetensors", "no attribute 'cnn'"),
    "a function of something else": ("prune net:nothing --sparsity 0.9 --out {}/m.safetensors", "no nn.Module"),
    "a network for other data": (
        "prune net:narrow --sparsity 0.9 --out {}/m.safetensors",
        "could not be pruned on 1 x 28 x 28",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_gets_one_clear_line(what, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "ray", None)  # as where it is not installed
    words, message = BAD[what]
    code, out, err = run(capsys, *(word.replace("{}", str(folder)) for word in words.split()))
    assert code in (1, 2)
    assert message in err + out
    told = [line for line in (err + out).splitlines() if message in line]
    assert len(told) == 1
    assert "Traceback" not in err + out
    assert len(err.splitlines()) <= 1


def test_the_data_folder_is_named_when_the_download_fails(folder, capsys, monkeypatch):
    monkeypatch.setenv("SNIP_DATA", str(folder / "file"))
    code, _, err = run(capsys, "data", "mnist")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "SNIP_DATA" in err


def test_runs_without_their_data_say_so(folder, capsys, monkeypatch):
    monkeypatch.setenv("SNIP_DATA", str(folder / "file"))
    code, _, err = run(capsys, "run", "figure1", "--records", folder / "out", "--workers", 1)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "mnist could not be loaded" in err
    assert "SNIP_DATA" in err


def test_from_a_shell_no_traceback_either():
    done = subprocess.run(
        [sys.executable, "-m", "snip_lib", "run", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("python -m snip_lib run: argument NAME: unknown experiment 'nothing'")
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    """As `table … | head` is: the pipe is closed before all is written."""
    command = [sys.executable, "-m", "snip_lib", "table", "figure1", "--records", tmp_path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_help_names_every_command(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in ("list", "run", "status", "table", "merge", "data", "prune"):
        assert f"\n    {command}" in out
        assert run(capsys, command, "--help")[0] == 0


def test_list_names_every_experiment(capsys):
    code, out, _ = run(capsys, "list")
    assert code == 0
    assert all(name in out for name in studies.EXPERIMENTS)
    assert "paper 400" in out


def test_run_status_table_and_again(tmp_path, capsys):
    smoke = ("digits", "--profile", "smoke", "--records", tmp_path)
    few = ("--only", "criterion=snip", "sparsity=0.9", "--workers", 1)
    code, out, _ = run(capsys, "run", *smoke, *few)
    assert code == 0
    assert "lenet-300-100 on digits, snip 90 %, seed 0: test error" in out
    code, out, _ = run(capsys, "run", *smoke, *few)
    assert code == 0
    assert "1 runs, 1 recorded" in out
    code, out, _ = run(capsys, "status", "digits", "--records", tmp_path)
    assert code == 0
    assert "1/16" in out
    code, out, _ = run(capsys, "table", *smoke)
    assert code == 0
    command = f"python -m snip_lib run digits --profile smoke --records {tmp_path}"
    assert f"15 of 16 runs are not recorded yet: {command}\n" in out


def test_what_is_trained_together_is_begun_and_recorded_together(tmp_path, capsys):
    """With a stop in between: a unit's checkpoint counts for every run in it."""
    plan = engine.Plan("digits", "smoke", studies.named("digits").plan("smoke")[:6], Records(tmp_path), together=4)
    asked = iter(range(20))
    engine.work(plan, lambda *event: None, stop=lambda: next(asked, None) is None)
    assert tables.status(studies.named("digits"), "smoke", records=Records(tmp_path))["begun"] == 4
    words = ("run", "digits", "--profile", "smoke", "--only", "criterion=snip", "--records", tmp_path)
    code, out, _ = run(capsys, *words, "--workers", 1, "--together", 4)
    assert code == 0
    assert out.count("test error") == 6
    origins = [one["from"]["together"] for one in Records(tmp_path).read("digits")[0]]
    assert origins == [4, 4, 4, 4, 2, 2]


def test_the_books_own_records_say_how_long_runs_take_in_a_new_folder(tmp_path, capsys):
    code, out, _ = run(capsys, "status", "figure1", "--profile", "laptop", "--records", tmp_path)
    assert code == 0
    assert "0/100" in out
    assert not out.rstrip().endswith("?")


def test_a_dry_run_says_what_and_how_long_and_writes_nothing(tmp_path, capsys):
    run_of_40 = studies.named("digits").plan("smoke")[3]
    Records(tmp_path).append("digits", [record(tmp_path, run_of_40, iterations=10, seconds=100.0)])
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = run(capsys, "run", "digits", "--profile", "smoke", "--records", tmp_path, "--dry-run", "--seeds", 2)
    assert code == 0
    assert "31 of 32 runs are missing" in out
    assert "lenet-300-100 on digits, dense, seed 1: " in out
    assert sorted(tmp_path.rglob("*")) == before


def test_shards_split_the_work(tmp_path, capsys):
    for share in (1, 2, 3):
        words = ("run", "digits", "--profile", "smoke", "--only", "criterion=random", "--workers", 1)
        assert run(capsys, *words, "--records", tmp_path, "--shard", f"{share}/3")[0] == 0
    found, complaints = Records(tmp_path).read("digits")
    assert (len(found), complaints) == (5, [])


def test_smoke_runs_are_not_kept_unless_a_folder_is_named(capsys, monkeypatch, tmp_path):
    (tmp_path / "data").mkdir()
    for part in ("samples", "paper"):
        (tmp_path / "data" / part).symlink_to(ROOT / "data" / part)
    monkeypatch.setenv("SNIP_BOOK_DATA", str(tmp_path / "data"))
    words = ("run", "digits", "--profile", "smoke", "--only", "sparsity=0", "--workers", 1)
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "all 1 runs are done, and not kept" in out
    assert "recorded in" not in out
    assert not (tmp_path / "data" / "results").exists()


def test_time_up_is_an_exit_code_of_its_own(tmp_path):
    """As a process of its own, because the minutes count from its start."""
    start = time.time()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "snip_lib",
            "run",
            "figure4",
            "--profile",
            "smoke",
            "--minutes",
            "0.01",
            "--records",
            tmp_path,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "5 of 5 runs are left (the time is up): the same command goes on" in done.stdout
    assert time.time() - start < 60


def test_what_is_piped_holds_whole_lines_and_no_bar(tmp_path):
    words = [sys.executable, "-m", "snip_lib", "run", "digits", "--profile", "smoke", "--only", "criterion=random"]
    environment = {name: value for name, value in os.environ.items() if name != "SNIP_STATIC"}
    done = subprocess.run([*words, "--records", tmp_path], cwd=ROOT, capture_output=True, env=environment, check=True)
    assert done.stderr == b""
    assert b"\r" not in done.stdout
    assert done.stdout.count(b"test error") == 5


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_on_a_terminal_there_is_a_bar(tmp_path):
    words = [sys.executable, "-m", "snip_lib", "run", "digits", "--profile", "smoke", "--only", "criterion=random"]
    environment = {name: value for name, value in os.environ.items() if name != "SNIP_STATIC"}
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))  # a new one is 0 columns wide, and a bar needs some
    process = subprocess.Popen(
        [*words, "--records", tmp_path], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal's other end was closed: all is read
        while piece := os.read(ours, 4096):  # as it comes, because a terminal holds no more
            shown += piece
    os.close(ours)
    assert process.wait() == 0
    assert b"200/200" in shown


def test_an_interrupt_leaves_a_checkpoint(tmp_path):
    words = [sys.executable, "-m", "snip_lib", "run", "digits", "--profile", "smoke", "--records", tmp_path]
    process = subprocess.Popen(
        [*words, "--workers", "2"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until = time.time() + 120
    while not (tmp_path / "digits.jsonl").exists() and time.time() < until:
        time.sleep(0.05)
    process.terminate()
    out = process.communicate(timeout=120)[0]
    assert process.returncode in (0, 130)  # 0 where all was done before the signal came
    assert "Traceback" not in out
    found, complaints = Records(tmp_path).read("digits")
    assert found
    assert complaints == []


def test_merge_adds_and_says_how_many(folder, capsys):
    out_folder = folder / "out"
    Records(folder / "records").append("digits", [record(folder, dataclasses.replace(RUN, seed=1))])
    code, out, _ = run(capsys, "merge", folder / "records", "--records", out_folder)
    assert code == 0
    assert "2 new, 0 known" in out
    code, out, _ = run(capsys, "merge", folder / "records", folder / "records", "--records", out_folder)
    assert code == 0
    assert out.count("0 new, 2 known") == 2
    differs = record(folder, test_error=0.5)
    Records(folder / "other").append("digits", [differs])
    code, out, _ = run(capsys, "merge", folder / "other", "--records", out_folder)
    assert code == 0
    assert "1 differing from ours, kept beside them" in out
    assert "differs from ours: test_error 0.5, here" in out
    again = record(folder, seconds=77.0)
    Records(folder / "again").append("digits", [again])
    code, out, _ = run(capsys, "merge", folder / "again", "--records", out_folder)
    assert code == 0
    assert "0 new, 0 known, 1 made again, equal to the bit" in out
    code, out, _ = run(capsys, "status", "digits", "--records", out_folder)
    assert "digits: 1 of these were made again elsewhere, equal to the bit" in out


@pytest.mark.parametrize("words", ["status digits", "run digits --profile smoke --dry-run", "merge {}/records"])
def test_a_stray_file_among_the_records_is_one_warning(words, folder, capsys):
    (folder / "records" / "digits.old.jsonl").write_text("of last year\n")
    into = folder / ("out" if "merge" in words else "records")
    code, _, err = run(capsys, *words.replace("{}", str(folder)).split(), "--records", into)
    assert code == 0
    assert err.count("digits.old.jsonl is not read") == len(err.splitlines()) == 1


def test_data_lists_what_is_here(capsys):
    code, out, _ = run(capsys, "data")
    assert code == 0
    assert "digits         ships with the book" in out
    code, out, _ = run(capsys, "data", "digits")
    assert out == "digits: 4000 training, 1000 validation, 1000 test\n"


@pytest.mark.parametrize("network", ["lenet-300-100", "net:mlp"])
def test_prune_writes_masks_and_says_what_is_kept(network, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    words = ("prune", network, "--sparsity", 0.9, "--out", folder / "m.safetensors")
    code, out, _ = run(capsys, *words)
    assert code == 0
    masks = Masks.load(folder / "m.safetensors")
    assert masks.kept == round(masks.total * 0.1)
    assert out.count("kept") == len(masks) + 1
    assert f"{masks.kept:,} of {masks.total:,} connections are kept" in out


SMOKE = [sys.executable, "-m", "snip_lib", "run", "digits", "--profile", "smoke", "--only", "criterion=snip"]


def test_a_disk_that_is_full_is_one_clear_line_and_loses_nothing(tmp_path):
    """Full for checkpoints, by a limit on the size of files: a line of a record still fits, a network does not."""
    full = [
        sys.executable,
        "-c",
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000,) * 2);"
        "from snip_lib.commands import main; sys.exit(main(sys.argv[1:]))",
    ]
    words = [*SMOKE[3:], "--records", tmp_path, "--workers", "1", "--checkpoint", "0.01"]
    done = subprocess.run([*full, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count("cannot be written") == 1
    assert "free some space" in done.stderr
    assert not list(tmp_path.rglob("*.draft"))
    again = subprocess.run([*SMOKE[:3], *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0
    assert "all 6 runs are recorded" in again.stdout


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the worker in Linux's /proc")
def test_a_worker_that_is_killed_is_told_and_its_run_goes_on(tmp_path):
    words = [*SMOKE, "--records", tmp_path, "--workers", "2"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.time() + 120
    while not (workers := _workers(process.pid)) and time.time() < until:
        time.sleep(0.01)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "a worker was killed (signal 9)" in err
    assert "Traceback" not in err
    assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert len(Records(tmp_path).read("digits")[0]) == 6


def _workers(pid):
    """The two worker processes of a runner, once both are there."""
    children = (Path(f"/proc/{pid}/task/{pid}/children").read_text()).split()
    spawned = [int(c) for c in children if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return spawned if len(spawned) == 2 else []


def test_the_columns_of_status_stand_apart(capsys, tmp_path):
    code, out, _ = run(capsys, "status", "--records", tmp_path)
    assert code == 0
    found = {tuple(line.split()[:2]) for line in out.splitlines()[1:]}
    assert found == {(name, profile) for name, one in studies.EXPERIMENTS.items() for profile in one.seeds}
