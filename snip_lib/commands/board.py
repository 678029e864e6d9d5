"""What is seen of a sweep while it runs: a bar on a terminal, and a line for each run that ends."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from snip_lib import progress, runner
from snip_lib.runner.engine import Plan
from snip_lib.runner.estimates import words
from snip_lib.studies.run import Run


@dataclass
class Outcome:
    """How a sweep ended: how many runs of each outcome, how many are left, and what failed."""

    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    left: int = 0
    interrupted: bool = False


class Board:
    """One bar over all iterations of a sweep, where somebody watches, and a line for each run that ends."""

    def __init__(self, plans: Sequence[Plan], outcome: Outcome):
        self.plans, self.outcome, self.bar = plans, outcome, None
        self.at: dict[Run, int] = {}
        for plan in plans:
            for run, done in zip(plan.runs, plan.recorded(), strict=True):
                self.at[run] = max(self.at.get(run, 0), run.recipe.iterations if done else 0)

    def __enter__(self) -> "Board":
        if progress.on_terminal():
            total, done = sum(run.recipe.iterations for run in self.at), sum(self.at.values())
            self.bar = progress.bar(total=total, initial=done, unit="it")
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def tell(self, kind: str, run: Run | None, what: object) -> None:
        """Take note of an event of `engine.work`."""
        if kind == "at":
            self._reach(run, what)
        elif kind == "failed":
            if what not in self.outcome.failures:  # several workers may stumble over one stone
                self.outcome.failures.append(what)
        else:
            self.outcome.counts[what] += 1
            if what == "recorded":
                self._reach(run, run.recipe.iterations)
                self._say(self._result(run))

    def _reach(self, run: Run, iteration: int) -> None:
        if self.bar is not None:
            self.bar.update(max(iteration - self.at[run], 0))
        self.at[run] = max(iteration, self.at[run])

    def _say(self, line: str) -> None:
        if self.bar is not None:
            self.bar.clear()
        print(line, flush=True)
        if self.bar is not None:
            self.bar.refresh()

    def _result(self, run: Run) -> str:
        metrics = next(record["metrics"] for record in self._records_of(run) if record["name"] == run.name)
        error = metrics["test_error"]
        what = "diverged" if error is None else f"test error {100 * error:.2f} %"
        return f"{runner.describe(run)}: {what}, {words(metrics['seconds'])}"

    def _records_of(self, run: Run):
        """The records of the experiments that the run is of, the newest first."""
        for experiment in dict.fromkeys(plan.experiment for plan in self.plans if run in plan.runs):
            yield from reversed(self.plans[0].records.read(experiment)[0])
