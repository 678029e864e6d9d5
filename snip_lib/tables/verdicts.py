"""Whether our numbers agree with the paper's, by a rule that stood here before the numbers did.

Errors are in percent, gaps and spreads in points. Fewer than three runs decide nothing.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

ENOUGH = 3  # runs
CONFIDENCE = 0.95
DIGITS = 9  # of points that are compared: 1.9 + 0.3 is 0.30000000000000004 away from 1.9, and agrees


@dataclass(frozen=True)
class Sample:
    """How many runs, their mean, and their standard deviation (over n - 1); None where there is no such thing."""

    n: int
    mean: float | None
    std: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Sample":
        """The sample of these values.

        >>> Sample.of([1.5, 1.7, 1.6]).n, round(Sample.of([1.5, 1.7, 1.6]).std, 3)
        (3, 0.1)
        """
        n = len(values)
        mean = math.fsum(values) / n if n else None
        std = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else None
        return cls(n, mean, std)

    @property
    def half_width(self) -> float | None:
        """Half the width of the 95 % interval of the mean, by Student's t; None for a single run."""
        return t_quantile(self.n - 1) * self.std / math.sqrt(self.n) if self.spread else None

    @property
    def spread(self) -> bool:
        """Whether there is a standard deviation that says how sure the mean is: of two runs or more."""
        return self.std is not None and self.n > 1


def tolerance(data: str) -> float:
    """How many points count as no difference: 0.2 on MNIST, 0.3 elsewhere.

    >>> tolerance("cifar10")
    0.3
    """
    return 0.2 if data == "mnist" else 0.3


def verdict(gap: float | None, half_width: float | None, *, n: int, allowed: float) -> str:
    """The verdict on a gap, ours less the paper's, in points: agrees, better, worse, undecided or too few runs.

    half_width: of the gap's 95 % interval. Agrees: the gap and the half-width are within `allowed`. Better, worse: what
    is sure of the gap exceeds it.

    >>> verdict(7.39 - 7.09, 0.1, n=3, allowed=0.3)
    'agrees'
    """
    if n < ENOUGH or gap is None or half_width is None:
        return "too few runs"
    if round(abs(gap), DIGITS) <= allowed and round(half_width, DIGITS) <= allowed:
        return "agrees"
    if round(abs(gap) - half_width, DIGITS) > allowed:
        return "better" if gap < 0 else "worse"
    return "undecided"


def on_error(ours: Sample, paper: Sample, *, allowed: float) -> str:
    """The verdict on an error, against the paper's mean.

    The interval is Welch's where the paper gives a spread and of how many runs it is, else that of our mean.

    >>> on_error(Sample.of([8.1, 8.3, 8.2]), Sample(1, 7.09, None), allowed=0.3)
    'worse'
    """
    if ours.n < ENOUGH:
        return "too few runs"
    half_width = welch(ours, paper) if paper.spread else ours.half_width
    return verdict(ours.mean - paper.mean, half_width, n=ours.n, allowed=allowed)


def on_change(dense: Sample, sparse: Sample, *, paper: float, allowed: float) -> str:
    """The verdict on the change from dense to sparse, against the paper's change in points.

    >>> on_change(Sample.of([6.7, 6.8, 6.75]), Sample.of([7.1, 7.0, 7.05]), paper=0.33, allowed=0.3)
    'agrees'
    """
    n = min(dense.n, sparse.n)
    if n < ENOUGH:
        return "too few runs"
    return verdict(sparse.mean - dense.mean - paper, welch(dense, sparse), n=n, allowed=allowed)


def on_difference(ours: tuple[Sample, Sample], paper: tuple[Sample, Sample], *, allowed: float) -> str:
    """The verdict on the difference of two of our errors, against that of the paper's two; each first less second.

    The interval is Welch's of all four means where the paper gives spreads, else of our two.

    >>> ours = Sample.of([2.3, 2.4, 2.35]), Sample.of([2.3, 2.35, 2.3])
    >>> on_difference(ours, (Sample(20, 1.90, 0.09), Sample(20, 1.91, 0.10)), allowed=0.2)
    'agrees'
    """
    n = min(one.n for one in ours)
    if n < ENOUGH:
        return "too few runs"
    gap = ours[0].mean - ours[1].mean - (paper[0].mean - paper[1].mean)
    spread = [one for one in paper if one.spread]
    return verdict(gap, welch(*ours, *spread), n=n, allowed=allowed)


def welch(*samples: Sample) -> float | None:
    """Half the width of Welch's 95 % interval of a difference (or sum) of means; None where one is of a single run.

    >>> round(welch(Sample(15, 20.8, 2.8), Sample(15, 23.0, 3.4)), 2)
    2.33
    """
    if not all(one.spread for one in samples):
        return None
    squares = [one.std**2 / one.n for one in samples]
    total = math.fsum(squares)
    if total == 0:
        return 0.0
    freedom = 1 / math.fsum((u / total) ** 2 / (one.n - 1) for u, one in zip(squares, samples, strict=True))
    return t_quantile(freedom) * math.sqrt(total)


@functools.lru_cache(maxsize=1024)
def t_quantile(freedom: float) -> float:
    """The t with a share of 95 % of Student's distribution between -t and t, for any degrees of freedom >= 1.

    >>> round(t_quantile(2), 3)
    4.303
    """
    low, high = 0.0, 13.0  # 12.71 is the one for a single degree of freedom
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < CONFIDENCE else (low, middle)
    return high


def _within(t: float, freedom: float, steps: int = 400) -> float:
    """The share of Student's distribution between -t and t, by Simpson's rule."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    heights = [(1 + (t * i / steps) ** 2 / freedom) ** (-(freedom + 1) / 2) for i in range(steps + 1)]
    total = heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2])
    return 2 * scale * total * t / steps / 3
