"""`prune` with code of the user's: a mask, or one clear line and exit code 2, whatever the code does."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from snip_lib import commands
from snip_lib.pruning import Masks

ROOT = Path(__file__).resolve().parent.parent
NET = """
import os
import sys
import torch
from torch import nn

def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10))

instance = mlp()
number = 3

class Net(nn.Module):
    def __init__(self, out=lambda y: y):
        super().__init__()
        self.fc, self.out = nn.Linear(784, 10), out
    def forward(self, x):
        return self.out(self.fc(x.flatten(1)))

class Odd(BaseException):
    pass

def text():
    return nn.Sequential(nn.Embedding(50, 8), nn.Flatten(), nn.Linear(80, 5))
def rows():
    return nn.Linear(7, 3)
def tokens():
    return torch.randint(50, (20, 10)), torch.randint(5, (20,))
def numbers():
    return [torch.rand(30, 7), torch.randint(3, (30,))]
async def waits():
    return mlp()
def argument(n):
    return mlp()
"""
MODULES = {
    "net": NET,
    "syntax": "def f(:\n",
    "imports": "import nothing_of_that_name\n",
    "ends": "import sys\nsys.exit(0)\n",
    "raises": "raise RuntimeError('at its import')\n",
}
NETWORKS = {  # what the command is given, what the user's function is, what must be said
    "sys.exit(0)": ("net:f", "def f(): sys.exit(0)", "it ended the program (sys.exit(0)) (net.py, line"),
    "sys.exit()": ("net:f", "def f(): sys.exit()", "it ended the program (sys.exit(None))"),
    "os._exit": ("net:f", "def f(): os._exit(0)", "it ended the program (os._exit(0,)) (net.py, line"),
    "another program": ("net:f", "def f(): os.execlp('true', 'true')", "it ended the program (os.execv"),
    "os._exit in a pass": ("net:f", "def f(): return Net(lambda y: os._exit(3))", "program (os._exit(3,))"),
    "inference mode": (
        "net:f",
        "@torch.inference_mode()\ndef f(): return mlp()",
        "'1.weight' was made in inference mode",
    ),
    "no shape yet": ("net:f", "def f(): return nn.LazyLinear(3)", "'weight' has no shape yet"),
    "exit in a helper": ("net:f", "def f(): exit('bye')", "it ended the program (sys.exit('bye'))"),
    "an error of two lines": (
        "net:f",
        "def f(): raise RuntimeError('one\\ntwo')",
        "RuntimeError: one two (net.py, line",
    ),
    "an error without a word": ("net:f", "def f(): assert False", "AssertionError (net.py, line"),
    "an error of its own kind": ("net:f", "def f(): raise Odd('odd')", "Odd: odd"),
    "an error without end": ("net:f", "def f(): return f()", "RecursionError: maximum recursion depth"),
    "a missing argument": ("net:argument", "", "missing 1 required positional argument: 'n'"),
    "a tuple": ("net:f", "def f(): return mlp(), 3", "returned tuple, which is no nn.Module"),
    "a dict": ("net:f", "def f(): return {'model': mlp()}", "returned dict, which is no nn.Module"),
    "nothing": ("net:f", "def f(): pass", "returned nothing (None), which is no nn.Module"),
    "a coroutine": ("net:waits", "", "returned coroutine, which is no nn.Module"),
    "no function": ("net:number", "", "'int' object is not callable"),
    "a name that is not there": ("net:cnn", "", "module 'net' has no attribute 'cnn'"),
    "a path": ("./net:mlp", "", "is not of the form module:function"),
    "a file": ("net.py:mlp", "", "'net' is not a package"),
    "a call": ("net:mlp()", "", "is not of the form module:function"),
    "no module": (":mlp", "", "is not of the form module:function"),
    "no name": ("net:", "", "is not of the form module:function"),
    "a module that is not there": ("nowhere:f", "", "No module named 'nowhere'"),
    "a syntax error": ("syntax:f", "", "SyntaxError: invalid syntax (syntax.py, line 1)"),
    "an import that fails": ("imports:f", "", "No module named 'nothing_of_that_name' (imports.py, line 1)"),
    "an import that ends": ("ends:f", "", "it ended the program (sys.exit(0)) (ends.py, line 2)"),
    "an import that raises": ("raises:f", "", "RuntimeError: at its import (raises.py, line 1)"),
    "a model that ends": ("net:f", "def f(): return Net(lambda y: sys.exit(0))", "it ended the program (sys.exit(0))"),
    "a model that fails": ("net:f", "def f(): return Net(lambda y: {}['x'])", "KeyError: 'x' (net.py, line"),
    "a model of a tuple": ("net:f", "def f(): return Net(lambda y: (y, y))", "it returned tuple: return the logits"),
    "a model of a dict": ("net:f", "def f(): return Net(lambda y: {'y': y})", "it returned dict: return the logits"),
    "a model of nothing": ("net:f", "def f(): return Net(lambda y: None)", "it returned nothing (None): return the"),
    "a model of a number": ("net:f", "def f(): return Net(lambda y: y.sum())", "returned a tensor of shape ()"),
    "a model of three": ("net:f", "def f(): return Net(lambda y: y[:, :3])", "the model has 3 classes"),
    "a model of NaN": ("net:f", "def f(): return Net(lambda y: y * float('nan'))", "'fc.weight'"),
    "a model without weights": ("net:f", "def f(): return nn.Flatten()", "nothing to prune"),
    "a model of tokens": ("net:text", "", "could not be pruned on 1 x 28 x 28 images of digits"),
    "the hint beside it": ("net:text", "", "--data module:function gives it other inputs"),
}
BATCHES = {
    "one tensor": ("def b(): return torch.rand(3, 7)", "returned Tensor: return a mini-batch"),
    "nothing": ("def b(): pass", "returned nothing (None): return a mini-batch"),
    "fewer labels": ("def b(): return torch.rand(3, 7), torch.zeros(2).long()", "3 inputs and 2 labels"),
    "none at all": ("def b(): return torch.rand(0, 7), torch.zeros(0).long()", "0 inputs and 0 labels"),
    "sys.exit(0)": ("def b(): sys.exit(0)", "it ended the program"),
    "others": ("def b(): return torch.rand(3, 5), torch.zeros(3).long()", "could not be pruned on 5 float32 inputs"),
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder one stands in, with the user's modules; what they import is forgotten afterwards."""
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in MODULES:
        sys.modules.pop(name, None)


def prune(capsys, *words):
    try:
        code = commands.main(["prune", "--sparsity", "0.9", "--out", "m.safetensors", *map(str, words)])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(code, out, err, message):
    assert code == 2
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
    assert len(err) < 700
    assert not Path("m.safetensors").exists()


@pytest.mark.parametrize("what", NETWORKS)
def test_whatever_the_users_network_does_is_one_line(what, here, capsys):
    name, function, message = NETWORKS[what]
    (here / "net.py").write_text(NET + function + "\n")
    refused(*prune(capsys, name), message)


@pytest.mark.parametrize("what", BATCHES)
def test_whatever_the_users_batch_is_is_one_line(what, here, capsys):
    function, message = BATCHES[what]
    (here / "net.py").write_text(NET + function + "\n")
    refused(*prune(capsys, "net:rows", "--data", "net:b"), message)


@pytest.mark.parametrize("name", ["net:mlp", "net:Net", "net:instance"])
def test_a_function_a_class_and_a_model_are_pruned(name, here, capsys):
    code, out, _ = prune(capsys, name)
    assert code == 0
    masks = Masks.load("m.safetensors")
    assert masks.kept == round(masks.total * 0.1)
    assert len(out.splitlines()) == len(masks) + 1


def test_the_users_code_may_leave_its_folder_its_output_and_its_workers(here, capsys):
    """The mask lies where the command was given, and a process that it forks ends as it likes."""
    (here / "elsewhere").mkdir()
    text = (
        "def f():\n    os.chdir('elsewhere')\n    sys.stdout = None\n    if os.fork() == 0:\n        os._exit(0)\n"
        "    os.wait()\n    torch.set_grad_enabled(False)\n    return mlp()\n"
    )
    (here / "net.py").write_text(NET + text)
    try:
        code, out, err = prune(capsys, "net:f")
    finally:
        torch.set_grad_enabled(True)
    assert (code, err) == (0, "")
    assert out.count("connections are kept") == 1
    assert Masks.load(here / "m.safetensors").total == 15_910


@pytest.mark.parametrize(
    ("network", "batch", "kept", "total"), [("text", "tokens", 41, 405), ("rows", "numbers", 2, 24)]
)
def test_inputs_that_are_no_images_are_the_users_own(network, batch, kept, total, here, capsys):
    code, out, _ = prune(capsys, f"net:{network}", "--data", f"net:{batch}")
    assert code == 0
    assert f"{kept} of {total} connections are kept" in out


def test_a_network_of_the_book_is_not_scored_on_them(here, capsys):
    refused(*prune(capsys, "lenet-300-100", "--data", "net:numbers"), "a network of the book is scored on one of mnist")


def test_init_draws_the_users_network_with_the_deviation_that_is_asked_for(here, capsys):
    assert prune(capsys, "net:instance", "--init", "rn", "--std", "0.25")[0] == 0
    weight = next(sys.modules["net"].instance.parameters())
    assert float(weight.detach().std()) == pytest.approx(0.25, rel=0.05)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--init", "rn"), "--init rn needs --std"),
        (("--init", "TN"), "--init TN needs --std"),
        (("--std", "1"), "--std goes with --init rn or tn"),
        (("--init", "he", "--std", "1"), "takes no std"),
        (("--init", "rn", "--std", "nan"), "argument --std: a positive number is wanted, got 'nan'"),
        (("--init", "hee"), "did you mean 'he'"),
        (("--sparsity", "nan"), "argument --sparsity: sparsity must be in [0, 1)"),
        (("--sparsity", "1e400"), "argument --sparsity: sparsity must be in [0, 1)"),
        (("--seed", "-1"), "argument --seed: a whole number of at least 0"),
        (("--seed", "9" * 5000), "argument --seed: a whole number of at least 0"),
        (("--batch", "0"), "argument --batch: a whole number of at least 1"),
        (("--batch-norm", "group"), "argument --batch-norm: invalid choice"),
        (("--data", "mnits"), "did you mean 'mnist'"),
        (("--criterion", "snop"), "did you mean 'snip'"),
    ],
)
def test_options_that_make_no_sense_are_one_line(words, message, here, capsys):
    refused(*prune(capsys, "lenet-300-100", *words), message)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sys.exit(0)", "cannot be called: it ended the program (sys.exit(0)) (net.py, line 6)"),
        ("os._exit(0)", "cannot be called: it ended the program (os._exit(0,)) (net.py, line 6)"),
        ("sys.stdout.close(); return net", "cannot be called: it closed what is printed to (sys.stdout, sys.stderr)"),
    ],
)
def test_from_a_shell_a_program_that_ends_is_no_success(here, body, told):
    (here / "net.py").write_text(
        f"import os\nimport sys\nfrom torch import nn\nnet = nn.Linear(784, 10)\ndef f():\n    {body}\n"
    )
    words = [sys.executable, "-m", "snip_lib", "prune", "net:f", "--sparsity", "0.9", "--out", "m.safetensors"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=here, check=False)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"snip_lib: 'net:f' {told}"]
    assert not Path("m.safetensors").exists()


@pytest.mark.parametrize(
    ("left", "made", "told"),
    [
        ("atexit.register(os._exit, 0)", "3", "it ended the program (os._exit(0,))"),
        ("atexit.register(late)", "net", "it ended the program (os._exit(0,))"),
        ("atexit.register(fails)", "3", "RuntimeError: too late"),
        ("weakref.finalize(kept, late)", "3", "it ended the program (os._exit(0,))"),
        ("weakref.finalize(kept, fails)", "net", "RuntimeError: too late"),
        ("atexit.register(print, 'the end')", "net", None),
        ("atexit.register(late); atexit.unregister(late)", "3", None),
        ("threading.Thread(target=late).start(); time.sleep(0.2)", "3", None),
    ],
)
def test_what_the_users_code_leaves_to_the_end_changes_no_exit_code(here, left, made, told):
    """Its own lines are printed, and one that ends the process, or fails, is one line more and no traceback."""
    (here / "net.py").write_text(
        "import atexit, os, sys, threading, time, weakref\nfrom torch import nn\n"
        "net, kept = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), nn.Linear(1, 1)\n"
        "def late(): os._exit(0)\ndef fails(): raise RuntimeError('too\\nlate')\n"
        f"def f():\n    {left}\n    return {made}\n"
    )
    code = 0 if made == "net" else 2
    words = [sys.executable, "-m", "snip_lib", "prune", "net:f", "--sparsity", "0.9", "--out", "m.safetensors"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=here, check=False)
    assert done.returncode == code
    assert Path("m.safetensors").exists() == (code == 0)
    assert "Traceback" not in done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == (code == 2) + (told is not None)
    assert told is None or lines[-1] == f"snip_lib: what was left to do at the end failed: {told}"
    assert done.stdout.endswith("the end\n") == ("print" in left)
