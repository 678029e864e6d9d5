"""The library as `pip install git+…` brings it: alone, whole, and clear about the data that stays in the repository."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from tools import first_cell

ROOT = first_cell.ROOT
SCRIPT = """
import torch, snip_lib as sl
model = sl.models.build("lenet-300-100", generator=0)
masks = sl.snip(model, torch.ones(4, 1, 28, 28), torch.arange(4), sparsity=0.9)
print(sl.__file__, masks.kept)
sl.interact.sparsity_figure({0.9: masks})
sl.data.load("digits")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel holds."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("target")
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.txt", "requirements-ray.txt"):
        shutil.copy(ROOT / name, source)
    for name in ("snip_lib", "tools", "tests"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(target), str(source)]
    subprocess.run(command, check=True)
    (wheel,) = target.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(target / "site")
    return target / "site"


@pytest.mark.slow
def test_wheel_holds_the_library_and_nothing_else(installed):
    assert {p.name for p in installed.iterdir() if not p.name.endswith(".dist-info")} == {"snip_lib"}
    here = {p.relative_to(ROOT) for p in (ROOT / "snip_lib").rglob("*") if p.suffix in (".py", ".css", ".js")}
    there = {p.relative_to(installed) for p in (installed / "snip_lib").rglob("*") if p.is_file()}
    assert here == there


@pytest.mark.slow
def test_installed_library_prunes_and_names_the_missing_data(installed, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(installed)}
    environment.pop("SNIP_BOOK_DATA", None)
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.stdout.split() == [str(installed / "snip_lib/__init__.py"), "26661"], done.stderr
    assert "SNIP_BOOK_DATA" in done.stderr.splitlines()[-1]
    environment["SNIP_BOOK_DATA"] = str(ROOT / "data")
    assert subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, env=environment).returncode == 0
