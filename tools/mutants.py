"""Break the library on purpose, one line at a time, and see that its tests notice: `python -m tools.mutants [WORD …]`.

Each mutant is a change of one line that leaves code which still runs and looks right. It is made in a copy of the tree,
and the tests of its room must fail there. Words choose the mutants whose description holds one of them.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mutant:
    """A change of the library: in `file` the only occurrence of `old` becomes `new`."""

    what: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant("the absolute value is dropped", "scoring/sensitivity.py", "g.abs_() for", "g for"),
    Mutant("scored by the gradient alone", "scoring/sensitivity.py", "grad * parameter.detach()", "grad * 1"),
    Mutant("every tie is kept", "pruning/top.py", "if ties < equal:", "if False:"),
    Mutant("old momentum and decay revive weights", "pruning/holding.py", "hook(self._after_step)", "hook(print)"),
    Mutant(
        "gradients of pruned weights pass",
        "pruning/holding.py",
        "_zero_([parameter if parameter.grad is None else parameter.grad], [factor])",
        "pass",
    ),
    Mutant("holding begins with dense weights", "pruning/masks.py", "        held.mask_weights_()\n", ""),
    Mutant("kappa is rounded down", "pruning/keep.py", "exact(sparsity)) + Fraction(1, 2)", "exact(sparsity))"),
    Mutant("sparsity is a binary fraction", "given.py", "else str(sparsity))", "else sparsity)"),
    Mutant("an empty bias warns", "pruning/masks.py", "if mask.ndim >= 2 and not", "if not"),
    Mutant("batches count alike", "scoring/backward.py", "share = count / seen", "share = 0.5"),
    Mutant("a tied tensor counts twice", "scoring/sensitivity.py", "if parameter in seen or not", "if not"),
    Mutant("batch norm keeps its statistics", "scoring/modes.py", 'if kind == "running":', 'if kind != "batch":'),
    Mutant("batch norm gets a variance of 2", "scoring/modes.py", "running_var=zeros + 1", "running_var=zeros + 2"),
    Mutant("dropout between recurrent layers stays", "scoring/modes.py", "module.dropout = 0.0", "pass"),
    Mutant("buffers are written into", "scoring/modes.py", "buffer: buffer.clone()", "buffer: buffer"),
    Mutant("fans are swapped", "init.py", '"in": fan[0]', '"in": fan[1]'),
    Mutant("the cut takes variance away", "init.py", " / TRUNCATED_STD\n", "\n"),
    Mutant("an epoch repeats an example", "seeds.py", "torch.randperm(n, gen", "torch.randint(n, (n,), gen"),
    Mutant("images shift on the diagonal alone", "data/augment.py", ":, down, right]", ":, down, down]"),
)
TESTS = {
    "modes": "sensitivity",
    "keep": "masks",
    "seeds": "data",
    "augment": "data",
}  # a room's tests, where not of its own name


def failures(mutant: Mutant) -> list[str]:
    """The tests that fail on a copy of the tree in which the library is broken in this way.

    Raises ValueError when the line to break is not there once, RuntimeError when the tests do not run at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("snip_lib", "tests", "tools"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        file = copy / "snip_lib" / mutant.file
        text = file.read_text()
        if text.count(mutant.old) != 1:
            raise ValueError(f"{mutant.file} holds {mutant.old!r} {text.count(mutant.old)} times, not once")
        file.write_text(text.replace(mutant.old, mutant.new))
        room = Path(mutant.file).stem
        tests = f"tests/test_{TESTS.get(room, room)}.py"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", tests],
            cwd=copy,
            env=os.environ | {"SNIP_BOOK_DATA": str(ROOT / "data")},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the tests did not run on the mutant {mutant.what!r}:\n{done.stdout}{done.stderr}")
    return re.findall(r"^FAILED tests/(.+?)(?: - .*)?$", done.stdout, re.M)


def main(words: list[str]) -> int:
    """Try the mutants, print the tests that noticed each; 1 when one went unnoticed."""
    unnoticed = 0
    for mutant in MUTANTS:
        if words and not any(word in mutant.what for word in words):
            continue
        found = failures(mutant)
        unnoticed += not found
        print(f"{mutant.what}: {len(found)} tests fail" + "".join(f"\n    {test}" for test in found[:3]), flush=True)
    return int(unnoticed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
