"""Break the library on purpose, one place at a time, and see that its tests notice: `python -m tools.mutants [WORD …]`.

The named mutants are changes that somebody feared or made; the drawn ones are taken with a seed from all changes of
`tools/mutate.py`. Each is made in a copy of the tree, and the tests of its room must fail there. Words choose those
whose description holds one of them; `--drawn [--seed N] [--number N]` takes drawn ones. A drawn mutant that no test
can notice, because nothing changes, is listed with the reason in `tools/survivors.txt`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tools import mutate
from tools.mutants_named import NAMED

ROOT = Path(__file__).resolve().parent.parent
SURVIVORS = ROOT / "tools/survivors.txt"
ROOMS = ("pruning", "records", "runner", "scoring", "studies", "tables", "training")
SEED, NUMBER = 1, 12  # of the drawn mutants that `make test-all` tries: so many a room
# A room's tests, or those of one file: the quickest first, as the first that fails ends the trial.
TESTS = {
    "data": "data",
    "init": "init golden",
    "pruning/isometry": "isometry",
    "pruning": "masks mask_edges top quotas schedules mask_files holding paths golden",
    "pruning/files": "mask_files",
    "pruning/holding": "masks holding updates",
    "pruning/keep": "top masks quotas",
    "pruning/paths": "paths",
    "pruning/quotas": "quotas",
    "pruning/schedules": "schedules",
    "pruning/top": "top masks",
    "records": "records verdicts cli",
    "runner": "runner_seeds masking runner effects cli records",
    "runner/rehearsal": "rehearsal",
    "runner/ways": "rehearsal",
    "runner/checkpoints": "runner masking",
    "given": "given masks",
    "kinds": "kinds init",
    "scoring/signal": "signal",
    "scoring": "sensitivity backward given criteria_batches modes switches neighbours criteria criteria_masks golden",
    "schemes": "init studies",
    "seeds": "data runner_seeds golden",
    "studies": "studies paper_facts effects",
    "tables": "held overall verdicts records cli",
    "training": "training updates batched effects cpu",
    "training/recipes": "training studies paper_facts effects",
}


@dataclass(frozen=True)
class Mutant:
    """A change of the library: in `file` the only occurrence of `old` becomes `new`, or a drawn `change` is made."""

    what: str
    file: str
    old: str = ""
    new: str = ""
    change: mutate.Change | None = None

    def applied(self, text: str) -> str:
        """The file's text, broken. ValueError when the line to break is not there once."""
        if self.change is not None:
            return self.change.applied(text)
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} holds {self.old!r} {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)

    @property
    def tests(self) -> list[str]:
        """The files of tests that concern it."""
        stem = self.file.removesuffix(".py")
        found = TESTS.get(stem) or TESTS.get(stem.partition("/")[0]) or stem.rpartition("/")[2]
        return [f"tests/test_{name}.py" for name in found.split()]


MUTANTS = tuple(Mutant(*each) for each in NAMED)


def drawn(seed: int = SEED, number: int = NUMBER, *, known: bool = True) -> list[Mutant]:
    """The drawn mutants: `number` of each room, without those that are `known` to change nothing."""
    left_out, found = set(survivors()) if known else set(), []
    for room in ROOMS:
        paths = {str(p.relative_to(ROOT / "snip_lib")): p for p in (ROOT / "snip_lib" / room).glob("*.py")}
        found += [Mutant(c.name, c.file, change=c) for c in mutate.drawn(paths, number, seed=seed)]
    return [mutant for mutant in found if mutant.what not in left_out]


def survivors() -> dict[str, str]:
    """Name -> reason of the drawn mutants that no test can notice, as `survivors.txt` lists them."""
    lines = SURVIVORS.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(" # ", 1) for line in lines if line.strip() and not line.startswith("#"))
    return {name.strip(): reason.strip() for name, reason in pairs}


def failures(mutant: Mutant, *, enough: int | None = 1) -> list[str]:
    """The tests that fail on a copy of the tree in which the library is broken in this way, `enough` of them at most.

    Raises ValueError when the line to break is not there once, RuntimeError when the tests do not run at all.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("snip_lib", "tests", "tools"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / "data").symlink_to(ROOT / "data")
        file = copy / "snip_lib" / mutant.file
        file.write_text(mutant.applied(file.read_text(encoding="utf-8")), encoding="utf-8")
        done = _tested(copy, mutant.tests, enough)
    found = re.findall(r"^(?:FAILED|ERROR) (?:tests/)?(.+?)(?: - .*)?$", done, re.M)
    if not found and not re.search(r"^\d+ passed", done, re.M):
        raise RuntimeError(f"the tests did not run on the mutant {mutant.what!r}:\n{done}")
    return found


def _tested(copy: Path, tests: list[str], enough: int | None) -> str:
    """What pytest says; a mutant that never ends is noticed too."""
    quiet = ["-q", "-rfE", "--tb=no", "-p", "no:cacheprovider", "-m", "not slow and not browser"]
    some = [f"--maxfail={enough}"] if enough else []
    variables = {"SNIP_BOOK_DATA": str(ROOT / "data"), "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *quiet, *some, *tests],
            cwd=copy,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=3600,
        )
    except subprocess.TimeoutExpired:
        return "FAILED tests/none: it never ended"
    return done.stdout + done.stderr


def main(words: list[str] | None = None) -> int:
    """Try the mutants, print the tests that noticed each; 1 when one went unnoticed."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="try those whose description holds one of them")
    parser.add_argument("--drawn", action="store_true", help="drawn ones, in place of the named")
    parser.add_argument("--seed", type=int, default=SEED, help="of what is drawn")
    parser.add_argument("--number", type=int, default=NUMBER, help="how many are drawn of each room")
    options = parser.parse_args(words)
    chosen = drawn(options.seed, options.number) if options.drawn else MUTANTS
    chosen = [one for one in chosen if not options.words or any(word in one.what for word in options.words)]
    unnoticed = []
    for mutant in chosen:
        start, found = time.monotonic(), failures(mutant)
        unnoticed += [mutant.what] * (not found)
        seconds = time.monotonic() - start
        print(
            f"{'noticed' if found else 'SURVIVED'} {mutant.what}  [{seconds:.0f} s] {' '.join(found[:1])}", flush=True
        )
    print(f"{len(chosen) - len(unnoticed)} of {len(chosen)} noticed")
    return int(bool(unnoticed))


if __name__ == "__main__":
    sys.exit(main())
