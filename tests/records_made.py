"""Records for the tests: made as the runner makes them, from a run that takes a moment."""

import functools

from snip_lib import results, runner
from snip_lib.results import provenance
from snip_lib.studies.run import Run
from snip_lib.training.recipes import Recipe

RECIPE = Recipe(iterations=6, batch_size=20, learning_rate=0.1, evaluations=2)
RUN = Run("digits", "lenet-300-100", 0.9, RECIPE, 0)


@functools.cache
def metrics(run: Run = RUN) -> dict:
    """What the run measures; one run a test session."""
    return runner.execute(run)


def record(records, run: Run = RUN, *, profile: str = "smoke", **changes: object) -> dict:
    """A sound record; changes: metrics that differ from what was measured."""
    return results.make(run, {**metrics(), **changes}, profile=profile, origin=provenance.of("cpu"), records=records)
