"""The command line's start and end: without torch where none is needed, and quiet when it is interrupted."""

import ast
import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snip_lib.records import Records

ROOT = Path(__file__).resolve().parent.parent
LAZY = ["snip_lib", "snip_lib.data", "snip_lib.training"]

ASKED = """
import contextlib, json, runpy, sys
sys.argv = ["snip_lib", *sys.argv[1:]]
try:
    runpy.run_module("snip_lib", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print(json.dumps([end.code, sorted({"torch", "torchvision", "pandas", "matplotlib"} & set(sys.modules))]))
"""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("--help", 0, "Exit codes: 0 done"),
        ("run --help", 0, "--minutes"),
        ("prune --help", 0, "--batch-norm"),
        ("list", 0, "Table 3: the initialization that is scored"),
        ("data", 0, "ships with the book"),
        ("nothing", 2, ""),
        ("run digits --minutes ten", 2, ""),
        ("run figure11", 2, ""),
        ("run digits --profile paper", 2, ""),
        ("run digits --only criterium=snip", 2, ""),
        ("table digits --profile labtop", 2, ""),
        ("prune lenet --sparsity 0.9 --out m.safetensors", 2, ""),
        ("prune lenet-300-100 --criterion snop --sparsity 0.9 --out m.safetensors", 2, ""),
    ],
)
def test_torch_is_not_imported_for(words, code, said):
    done = subprocess.run([sys.executable, "-c", ASKED, *words.split()], capture_output=True, text=True, cwd=ROOT)
    assert json.loads(done.stdout.splitlines()[-1]) == [code, []]
    assert said in done.stdout
    assert len(done.stderr.splitlines()) == (code != 0)


def test_importing_the_library_imports_nothing_and_lists_everything():
    code = "import sys, snip_lib as sl; print('torch' in sys.modules, set(sl.__all__) - set(dir(sl)), sl.snip.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "False set() snip\n"


@pytest.mark.parametrize("face", LAZY)
def test_what_an_editor_reads_is_what_is_imported(face):
    """The imports that a type checker sees are of the objects that the names stand for, and none is missing."""
    package = importlib.import_module(face)
    tree = ast.parse(Path(package.__file__).read_text())
    guarded = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {alias.name: one.module for node in guarded for one in node.body for alias in one.names}
    eager = {a.name: n.module for n in tree.body if isinstance(n, ast.ImportFrom) for a in n.names}
    assert set(package.__all__) == ({*seen, *eager} - {"TYPE_CHECKING", "lazily"})
    for name, module in seen.items():
        assert name in dir(package)
        assert getattr(package, name) is getattr(importlib.import_module(module), name), name


@pytest.mark.parametrize("face", LAZY)
def test_a_face_has_no_other_names(face):
    with pytest.raises(AttributeError, match=f"module '{face}' has no attribute 'snap'"):
        _ = importlib.import_module(face).snap


# Ctrl-C, as a terminal sends it: to the command and to its workers alike

LONG = ["run", "digits", "--profile", "laptop", "--only", "criterion=snip", "--checkpoint", "0.1"]


@contextlib.contextmanager
def sweep(folder, workers):
    command = [sys.executable, "-m", "snip_lib", *LONG, "--records", str(folder), "--workers", str(workers)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(what):
    until = time.time() + 120
    while not what() and time.time() < until:
        time.sleep(0.01)
    assert what()


def importing(process):
    """Whether the process is in the middle of importing torch."""
    return lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()


def working(folder):
    return lambda: bool(list((folder / "checkpoints").glob("*.checkpoint")))


def ended(process):
    """What a process prints that was asked to stop: nothing on standard error, and its code says so."""
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (130, "")
    return out


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into Linux's /proc")
def test_an_interrupt_while_torch_is_imported_is_quiet(tmp_path):
    with sweep(tmp_path, 1) as process:
        wait_for(importing(process))
        os.killpg(process.pid, signal.SIGINT)
        assert ended(process) == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupt_while_workers_start_is_quiet(tmp_path, workers):
    with sweep(tmp_path, workers) as process:
        assert "18 runs, 0 recorded" in process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        out = ended(process)
    assert not out or "18 of 18 runs are left (stopped after a checkpoint): the same command goes on" in out


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("times", [1, 2])
def test_an_interrupt_at_work_keeps_the_checkpoint_and_a_second_one_is_quiet_too(tmp_path, workers, times):
    with sweep(tmp_path, workers) as process:
        wait_for(working(tmp_path))
        for _ in range(times):
            os.killpg(process.pid, signal.SIGINT)
            time.sleep(0.2)
        out = ended(process)
    assert working(tmp_path)()
    assert times == 2 or "runs are left (stopped after a checkpoint)" in out
    assert Records(tmp_path).read("digits")[1] == []
    wait_for(lambda: not alive(process.pid))


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
