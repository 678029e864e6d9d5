"""The tests notice when the library is broken on purpose, one line at a time."""

import pytest

from tools.mutants import MUTANTS, failures


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_broken_library_fails_its_tests(mutant):
    assert failures(mutant)
