"""Records for the tests: made as the runner makes them, from a run that takes a moment."""

import functools

from snip_lib import runner
from snip_lib.records import Records, provenance
from snip_lib.studies.run import Run
from snip_lib.training.recipes import Recipe

RECIPE = Recipe(iterations=6, batch_size=20, learning_rate=0.1, evaluations=2)
RUN = Run("digits", "lenet-300-100", 0.9, RECIPE, 0)


@functools.cache
def metrics(run: Run = RUN) -> dict:
    """What the run measures; one run a test session."""
    return runner.execute(run)


@functools.cache
def origin() -> dict:
    """Where the records of a session come from: one date, so that equal records are equal whenever they are made."""
    return provenance.of("cpu")


def record(folder, run: Run = RUN, *, profile: str = "smoke", **changes: object) -> dict:
    """A sound record; changes: metrics that differ from what was measured. Long ones go to `folder`."""
    return Records(folder).make(run, {**metrics(), **changes}, profile=profile, origin=dict(origin()))


def lost() -> dict:
    """The metrics of a run that diverged, as changes of a sound one."""
    errors = dict.fromkeys(("test_error", "best_test_error", "valid_error"))
    return {**errors, "diverged": {"iteration": 3, "learning_rate": 0.1}}
