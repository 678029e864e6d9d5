"""The examples in docstrings run, and every public function and class of the face has one."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import snip_lib as sl

MODULES = [m.name for m in pkgutil.walk_packages(sl.__path__, "snip_lib.") if not m.name.endswith("__main__")]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ROOMS = {"criteria": "scoring.criteria"}  # what stands for another module in the face
FACES = ("", "criteria", "data", "init", "models", "records", "seeds", "studies", "tables")
EXPLAINED_BY_WHAT_RAISES_IT = (BaseException,)  # errors and warnings have no example of their own


def face():
    """Name -> function or class that `sl`, or one of its rooms for users, shows."""
    found = {}
    for room in FACES:
        module = importlib.import_module(f"snip_lib.{ROOMS.get(room, room)}") if room else sl
        for name in getattr(module, "__all__", None) or vars(module):
            thing = getattr(module, name)
            ours = (
                getattr(thing, "__module__", "").startswith("snip_lib")
                and not name.startswith("_")
                and name != "nearest"
            )
            if ours and (inspect.isfunction(thing) or inspect.isclass(thing)):
                found[f"{room}.{name}".strip(".")] = thing
    return {name: thing for name, thing in found.items() if not _is_error(thing)}


def _is_error(thing):
    return inspect.isclass(thing) and issubclass(thing, EXPLAINED_BY_WHAT_RAISES_IT)


def examples(thing):
    return [each for test in doctest.DocTestFinder(recurse=True).find(thing) for each in test.examples]


@pytest.mark.parametrize("module", MODULES)
def test_examples_give_what_they_say(module):
    found = doctest.testmod(importlib.import_module(module), optionflags=OPTIONS)
    assert found.failed == 0


def test_every_name_of_the_face_has_an_example():
    assert len(face()) > 40
    assert [name for name, thing in face().items() if not examples(thing)] == []
