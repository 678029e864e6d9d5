"""The library as a whole: what importing it costs, what is public, which room may use which."""

import ast
import graphlib
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import snip_lib as sl

ROOT = Path(sl.__file__).parent

# The floors of the house from the bottom up, as data flows: a room uses its own floor and those below.
FLOORS = (
    {"words", "schemes", "seeds", "kinds", "given", "progress"},
    {"data"},
    {"init", "models"},
    {"scoring"},
    {"pruning"},
    {"training"},
    {"studies"},
    {"records"},
    {"tables"},
    {"runner"},
    {"commands", "__main__"},
    {"figures"},
    {"interact"},
    {"checks"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}


def rooms():
    """Every module of the library by its dotted name, without the package itself."""
    return [m.name for m in pkgutil.walk_packages([str(ROOT)], "snip_lib.")]


def source(module):
    path = ROOT.parent / Path(*module.split("."))
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())


def imported(module):
    """Rooms of the library that a module imports, at its top or inside a function."""
    found = set()
    nodes = [node for node in ast.walk(source(module)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    for node in nodes:
        assert not getattr(node, "level", 0), f"{module}: relative import"
        names = [f"{node.module}.{a.name}" for a in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
        assert "snip_lib" not in names, f"{module}: imports the whole house"
        found |= {name.split(".")[1] for name in names if name.startswith("snip_lib.")}
    return found & set(FLOOR)


def test_no_file_imports_what_imports_it():
    """Not inside a function either, nor for types alone."""
    files = {f"{name}.__init__" if (ROOT.parent / Path(*name.split("."))).is_dir() else name for name in rooms()}
    graph = {}
    for name in files:
        nodes = [node for node in ast.walk(source(name.removesuffix(".__init__"))) if isinstance(node, ast.ImportFrom)]
        wanted = {f"{node.module}.{alias.name}" for node in nodes for alias in node.names} | {n.module for n in nodes}
        graph[name] = {each for each in wanted if each in files} - {name}
    assert list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("module", rooms())
def test_nothing_imports_from_a_later_room(module):
    room = module.split(".")[1]
    assert room in FLOOR, f"say on which floor {room} is"
    above = {other for other in imported(module) if FLOOR[other] > FLOOR[room]}
    assert not above, f"{room} imports {', '.join(above)} from above"


def test_the_library_imports_torch_torchvision_and_numpy_alone():
    """What snip_lib loads after these three is its own and Python's; later rooms are loaded when they are used."""
    code = """
        import sys, torch, torchvision, numpy
        before = set(sys.modules)
        import snip_lib
        _ = snip_lib.snip, snip_lib.train, snip_lib.models.build, snip_lib.data.load
        print(*{name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
        print(*{name.split(".")[1] for name in sys.modules if name.startswith("snip_lib.")})
    """
    others, own = run(code).splitlines()
    assert others.split() == ["snip_lib"]
    assert {"data", "pruning", "training"} <= set(own.split())
    assert not {"figures", "interact", "checks", "records", "tables", "runner", "commands"} & set(own.split())


def test_the_library_prunes_and_trains_where_nothing_else_is_installed():
    requirements = (ROOT.parent / "requirements.txt").read_text()
    names = set(re.findall(r"^[a-z0-9-]+", requirements, re.M)) - {"torch", "torchvision", "numpy"}
    assert {"matplotlib", "pandas", "safetensors", "tqdm"} <= names
    code = f"""
        import sys, torch, torchvision, numpy
        sys.modules.update(dict.fromkeys({sorted(name.replace("-", "_") for name in names)}))  # importing these fails
        import snip_lib as sl
        found = sl.data.load("digits")
        model = sl.models.build("lenet-300-100", generator=0)
        masks = sl.snip(model, *sl.data.pruning_batch(found, 100, seed=0), sparsity=0.9)
        recipe = sl.Recipe(iterations=3, batch_size=10, learning_rate=0.1)
        print(masks.kept, sl.train(model, found, recipe, seed=0, masks=masks).iterations)
    """
    assert run(code) == "26661 3"


def run(code):
    """What a fresh interpreter prints for `code`; it fails where the code does, or warns."""
    command = [sys.executable, "-W", "error::UserWarning", "-c", inspect.cleandoc(code)]
    done = subprocess.run(command, cwd=ROOT.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", sl.__all__)
def test_public_names_are_there(name):
    assert getattr(sl, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'snip_lib' has no attribute 'snap'"):
        _ = sl.snap


def public(module):
    """(name, object) of the functions, classes and methods that a module defines for others."""
    found = importlib.import_module(module)
    for name, thing in vars(found).items():
        if name.startswith("_") or getattr(thing, "__module__", None) != module:
            continue
        if inspect.isfunction(thing) or inspect.isclass(thing):
            yield name, thing
        for key, method in vars(thing).items() if inspect.isclass(thing) else ():
            if not key.startswith("_") and (inspect.isfunction(method) or isinstance(method, property)):
                yield f"{name}.{key}", getattr(thing, key)


def described_by_a_protocol(method):
    """Whether a `Protocol` of the library says what methods of that name do."""
    classes = [c for m in rooms() for c in ast.walk(source(m)) if isinstance(c, ast.ClassDef)]
    protocols = [c for c in classes if "Protocol" in map(ast.unparse, c.bases)]
    methods = [f for c in protocols for f in c.body if isinstance(f, ast.FunctionDef)]
    return any(f.name == method and ast.get_docstring(f) for f in methods)


@pytest.mark.parametrize("module", rooms())
def test_whatever_is_public_says_what_it_does(module):
    assert ast.get_docstring(source(module)), "the module has no docstring"
    silent = [name for name, thing in public(module) if not inspect.getdoc(thing)]
    assert [name for name in silent if not described_by_a_protocol(name.partition(".")[2])] == []


DATA = {"model", "x", "y", "data", "name", "recipe", "scores", "masks", "scheme", "output", "gradient"}


@pytest.mark.parametrize(
    "module",
    [
        "scoring.sensitivity",
        "scoring.criteria",
        "scoring.snip",
        "scoring.magnitude",
        "scoring.random",
        "scoring.grasp",
        "scoring.synflow",
        "scoring.obd",
        "scoring.signed",
        "scoring.gradient",
        "pruning.keep",
        "pruning.schedules",
        "pruning.snip",
        "init",
        "data.dataset",
        "models",
        "training",
    ],
)
def test_arguments_after_the_data_are_keyword_only(module):
    """Of the functions: what is passed by place is data, or one thing, or a size or index of it."""
    for name, thing in public(f"snip_lib.{module}"):
        if inspect.isfunction(thing) and "." not in name:
            places = [p for p in inspect.signature(thing).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
            options = [p.name for p in places if p.default is not p.empty and p.name not in DATA]
            assert len(places) == 1 or options in ([], ["prunable"], ["std"]), (name, options)
