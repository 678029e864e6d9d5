"""The house keeps its own rules: short functions and files, documented commands, bounds that agree, a small clone."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version as installed
from pathlib import Path
from statistics import median

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from tools import browser, first_cell, notebooks

ROOT = first_cell.ROOT
SOURCES = sorted(path for folder in ("snip_lib", "tools") for path in (ROOT / folder).rglob("*.py"))
PROSE = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def functions(path: Path) -> dict[str, int]:
    """Name and number of lines of each function: its docstring, blank lines and comments do not count."""
    text = path.read_text()
    lines = text.splitlines()
    found = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            body = [line.strip() for line in lines[first.lineno - 1 : node.end_lineno]]
            found[node.name] = 1 + sum(bool(line) and not line.startswith("#") for line in body)
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path):
    assert len(path.read_text().splitlines()) < 300
    assert {name: lines for name, lines in functions(path).items() if lines > 30} == {}


def test_functions_are_ten_lines_in_the_median():
    assert median(lines for path in SOURCES for lines in functions(path).values()) <= 10


def test_importing_the_library_is_quiet_and_needs_three_packages():
    others = {"matplotlib", "pandas", "ipywidgets", "tqdm", "safetensors", "ray"}
    script = f"""import sys, torch, torchvision
before = set(sys.modules)
import snip_lib
print(sorted({others} & set(sys.modules) - before))"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_help_lists_every_command():
    shown = subprocess.run(["make", "help"], capture_output=True, text=True, cwd=ROOT).stdout
    assert set(re.findall(r"^  make ([a-z-]+)", shown, re.MULTILINE)) == targets()


@pytest.mark.parametrize("path", PROSE, ids=lambda path: path.name)
def test_documents_name_commands_and_files_that_exist(path):
    text = path.read_text()
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)) <= targets()
    for module in re.findall(r"-m (tools\.\w+)", text):
        assert (ROOT / module.replace(".", "/")).with_suffix(".py").exists()
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / link).exists(), link
    for name in re.findall(r"`((?:book|snip_lib|data|tests|tools|assets)/[\w/.-]*)`", text):
        assert name == "data/results/" or (ROOT / name).exists(), name


def test_the_readmes_lines_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(blocks[0].splitlines()) == 8
    names = {}
    exec(blocks[0], names)
    names["held"].release()
    assert names["masks"].kept == 13331  # κ = ⌊266,610 · 0.05 + ½⌋


def test_continuous_integration_runs_make_test_and_nothing_else():
    commands = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ['cd "$(dirname "$0")/.." && exec make test']
    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())["jobs"]
    always = [step for step in jobs["book"]["steps"] if "if" not in step]
    assert [step["run"] for step in always if "run" in step] == ["make test", "make book"]


def test_a_release_of_stale_pages_is_refused_before_anything_is_published():
    """Nothing is published without the job that refuses them, which is not allowed to go on after it failed."""
    jobs = yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())["jobs"]
    refusing = [step for step in jobs["book"]["steps"] if step.get("run") == "make stale"]
    assert [step["if"] for step in refusing] == ["github.event_name == 'release'"]
    assert jobs["book"]["steps"].index(refusing[0]) < len(jobs["book"]["steps"]) - 3
    assert not any("continue-on-error" in part for part in (jobs["book"], *jobs["book"]["steps"]))
    for name in set(jobs) - {"book"}:
        assert jobs[name]["needs"] == "book"
        assert "always()" not in jobs[name]["if"]
    assert "\n\t@$(PY) -m tools.notebooks stale\n" in (ROOT / "Makefile").read_text().partition("\nstale:")[2]


def requirements() -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines())
    return [Requirement(line) for line in lines if line]


def test_constraints_satisfy_the_requirements():
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    pins = {name.lower().replace("_", "-"): version for name, version in pins.items()}
    left_to_the_machine = {"torch", "torchvision"}
    for requirement in requirements():
        if requirement.name in left_to_the_machine:
            assert requirement.name not in pins
        else:
            assert Version(pins[requirement.name]) in requirement.specifier
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]


def test_requirements_agree_with_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {r.name: r.specifier for r in requirements()}
    assert all(wanted[r.name] == r.specifier for r in map(Requirement, project["dependencies"]))
    assert Version(installed("jupyter-book")) < Version("2"), "version 2 writes no pages and exits 0"


def test_versions_agree():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == version
    assert f'__version__ = "{version}"' in (ROOT / "snip_lib/__init__.py").read_text()


def test_the_address_is_the_same_everywhere():
    address = first_cell.published_address()
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation.get("repository-code", "") == address
    assert (address or "https://github.com/OWNER/REPO") in (ROOT / "README.md").read_text()


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_the_clone_is_small():
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT).stdout.split("\0")
    sizes = {name: (ROOT / name).stat().st_size for name in listed if (ROOT / name).is_file()}
    assert sum(sizes.values()) < 40e6
    assert sum(size for name, size in sizes.items() if name.startswith("data/")) < 20e6


def test_setup_refuses_an_old_python_in_one_line(tmp_path):
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/setup.sh").write_text((ROOT / "tools/setup.sh").read_text())
    done = subprocess.run(["sh", "tools/setup.sh"], capture_output=True, text=True, cwd=tmp_path, env=path(PYTHON=old))
    assert done.returncode == 1
    assert done.stderr.startswith("setup: the book needs Python 3.11 or newer")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Error: Command '-m ensurepip' returned non-zero exit status 1.", "install its venv module"),
        ("No module named venv", "install its venv module"),
        ("Error: [Errno 13] Permission denied: '.venv'", "Permission denied"),
    ],
)
def test_setup_says_why_there_is_no_environment(tmp_path, says, told):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "{says}" >&2\nexit 1\n')
    python.chmod(0o755)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools/setup.sh").write_text((ROOT / "tools/setup.sh").read_text())
    done = subprocess.run(
        ["sh", "tools/setup.sh"], capture_output=True, text=True, cwd=tmp_path, env=path(PYTHON=python)
    )
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def small_disk(tmp_path):
    """A disk of three megabytes."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_setup_says_that_the_disk_is_full(small_disk):
    for name in ("tools/setup.sh", "requirements.txt", "constraints.txt", "pyproject.toml"):
        (small_disk / name).parent.mkdir(exist_ok=True)
        (small_disk / name).write_text((ROOT / name).read_text())
    done = subprocess.run(
        ["sh", "tools/setup.sh"], capture_output=True, text=True, cwd=small_disk, env=path(PYTHON=sys.executable)
    )
    assert done.returncode == 1
    assert done.stderr.startswith("setup: the disk is full")
    assert done.stderr.count("\n") == 1


def path(**variables) -> dict[str, str]:
    return notebooks.environment() | {name: str(value) for name, value in variables.items()}


@pytest.mark.slow
def test_setup_says_in_one_line_that_there_is_no_network(tmp_path):
    for name in ("tools/setup.sh", "requirements.txt", "constraints.txt", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    nowhere = path(
        PIP_INDEX_URL="http://127.0.0.1:1",
        PIP_RETRIES=1,
        PIP_NO_CACHE_DIR=1,
        PIP_CONFIG_FILE="/dev/null",
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PYTHON=sys.executable,
    )
    done = subprocess.run(["sh", "tools/setup.sh"], capture_output=True, text=True, cwd=tmp_path, env=nowhere)
    assert done.returncode == 1
    assert done.stderr.startswith("setup: no package index could be reached")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("works", [True, False])
def test_a_browser_is_one_that_starts(tmp_path, monkeypatch, works):
    stub = tmp_path / "chromium"
    stub.write_text(f"#!/bin/sh\nexit {int(not works)}\n")
    stub.chmod(0o755)
    monkeypatch.setenv("SNIP_BROWSER", str(stub))
    assert (browser.find() == str(stub)) == works


def test_the_reason_why_no_browser_was_used_is_printed_last(monkeypatch, capsys):
    monkeypatch.setattr(browser, "find", lambda: None)
    assert browser.main(["why"]) == 0
    assert browser.REASON in capsys.readouterr().out
    last = (ROOT / "tools/test.sh").read_text().rstrip().splitlines()[-1]
    assert last == "$python -m tools.browser why"
