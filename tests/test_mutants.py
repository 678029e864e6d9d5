"""The tests notice when the library is broken on purpose, one place at a time."""

import ast

import pytest

from tools import mutants, mutate

SOURCE = '''"""A file, 1 + 1."""

from math import inf

__all__ = ["f"]
LIMIT: int = 3  # of 5


def f(a, b=2, *, key=None):
    """Compare a < b."""
    if (a < b) and not key:
        print(a, b)
    elif a == b or isinstance(a, int):
        raise ValueError(f"{a + b} is {a < 1}")
    return g(a, key=key, other=b) + (a - 1) * 0.5
'''
CHANGED = {
    "f: < -> <= (1)",
    "f: and -> or (1)",
    "f: not -> nothing (1)",
    "f: a, b -> b, a (1)",
    "f: print(a, b) -> pass (1)",
    "f: == -> != (1)",
    "f: or -> and (1)",
    "f: key=key, -> nothing (1)",
    "f: other=b -> nothing (1)",
    "f: + -> - (1)",
    "f: - -> + (1)",
    "f: * -> / (1)",
    "f: 1 -> 2 (1)",
    "f: 0.5 -> 1.0 (1)",
    "f: 2 -> 3 (1)",
    "module: 3 -> 4 (1)",
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.py"
    path.write_text(SOURCE, encoding="utf-8")
    return path


def test_what_is_changed_is_code_and_no_words(source):
    assert {change.name.removeprefix("s ") for change in mutate.changes(source, "s")} == CHANGED


def test_every_change_is_another_program(source):
    before = ast.dump(ast.parse(SOURCE))
    after = {ast.dump(ast.parse(change.applied(SOURCE))) for change in mutate.changes(source, "s")}
    assert len(after) == len(CHANGED)
    assert before not in after


def test_a_seed_draws_the_same_and_another_seed_others(source):
    drawn = [mutate.drawn({"s": source}, 8, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(drawn[0]) == 8
    source.write_text(SOURCE + "\n\ndef h(x):\n    return x + 1\n", encoding="utf-8")
    assert len({c.name for c in mutate.drawn({"s": source}, 8, seed=1)} & {c.name for c in drawn[0]}) >= 6


def test_named_mutants_are_changes_of_today_with_tests_of_their_own():
    for mutant in mutants.MUTANTS:
        text = (mutants.ROOT / "snip_lib" / mutant.file).read_text(encoding="utf-8")
        assert ast.dump(ast.parse(mutant.applied(text))) != ast.dump(ast.parse(text)), mutant.what
    assert len({mutant.what for mutant in mutants.MUTANTS}) == len(mutants.MUTANTS)
    assert all((mutants.ROOT / test).exists() for mutant in mutants.MUTANTS for test in mutant.tests)


def test_survivors_are_drawn_and_have_a_reason():
    """No line outlives the code that it is about, and few are of one draw: nine in ten are noticed."""
    listed, drawn = mutants.survivors(), {mutant.what for mutant in mutants.drawn(known=False)}
    assert set(listed) <= {mutant.what for mutant in mutants.drawn(number=10_000, known=False)}
    assert all(len(reason) > 20 for reason in listed.values())
    assert len(drawn) >= 80
    assert len(drawn & set(listed)) <= len(drawn) / 10


@pytest.mark.slow
@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.what)
def test_a_broken_library_fails_its_tests(mutant):
    assert mutants.failures(mutant)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", mutants.drawn(), ids=lambda mutant: mutant.what)
def test_a_drawn_mutant_fails_its_tests(mutant):
    assert mutants.failures(mutant)
