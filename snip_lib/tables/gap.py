"""Differences of errors, taken seed by seed: each in words, and several by what the book's rule says of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from snip_lib.tables.verdicts import ENOUGH, Sample

NOT_YET = "not run yet"
TOO_FEW = "too few runs"
LIKE = "not told apart"
KINDS = ("better", "worse", LIKE, TOO_FEW, NOT_YET)
Errors = Mapping[int, float]  # seed -> percent


@dataclass(frozen=True)
class Gap:
    """A difference of errors in points, taken seed by seed: how many pairs, their mean, its 95 % half-width."""

    n: int
    mean: float | None
    half_width: float | None

    @classmethod
    def between(cls, first: Errors, second: Errors) -> "Gap":
        """The second less the first, over the seeds that both have.

        >>> Gap.between({0: 2.0, 1: 2.1, 2: 2.0}, {0: 2.5, 1: 2.5, 2: 2.6, 3: 9.0}).words
        '0.50 ± 0.25 points worse (n = 3)'
        """
        sample = Sample.of([second[seed] - first[seed] for seed in first if seed in second])
        return cls(sample.n, sample.mean, sample.half_width)

    @property
    def apart(self) -> bool | None:
        """Whether 0 lies outside of the interval; None for too few pairs to say."""
        if self.n < ENOUGH or self.half_width is None:
            return None
        return abs(self.mean) > self.half_width

    @property
    def kind(self) -> str:
        """Which of `KINDS` it is."""
        if self.apart is None:
            return TOO_FEW if self.n else NOT_YET
        if not self.apart:
            return LIKE
        return "worse" if self.mean > 0 else "better"

    @property
    def words(self) -> str:
        """The difference as a clause: how much worse or better, not told apart, too few runs, or not run yet."""
        if not self.n:
            return NOT_YET
        if self.apart is None:
            return f"{signed(self.mean)} points, {TOO_FEW} to judge (n = {self.n})"
        if not self.apart:
            return f"{LIKE} ({signed(self.mean)} ± {self.half_width:.2f} points, n = {self.n})"
        return f"{abs(self.mean):.2f} ± {self.half_width:.2f} points {self.kind} (n = {self.n})"

    def agrees(self, sign: int, *, allowed: float) -> str:
        """Whether it has the sign that others report: 1 for worse, -1 for better, 0 for neither, in a word or two.

        allowed: points that count as no difference, asked where they report none.

        >>> Gap(5, 0.5, 0.2).agrees(1, allowed=0.2), Gap(5, 0.5, 0.2).agrees(0, allowed=0.2)
        ('agrees', 'differs')
        >>> Gap(5, 0.05, 0.1).agrees(0, allowed=0.2), Gap(5, 0.05, 0.1).agrees(1, allowed=0.2)
        ('agrees', 'not told apart')
        """
        if self.apart is None:
            return self.kind
        if self.apart:
            return "agrees" if self.mean * sign > 0 else "differs"
        return "agrees" if not sign and abs(self.mean) + self.half_width <= allowed else LIKE

    @property
    def cell(self) -> str:
        """The difference for the cell of a table."""
        if not self.n:
            return NOT_YET
        spread = "" if self.half_width is None else f" ± {self.half_width:.2f}"
        return signed(self.mean) + spread + (f" (n = {self.n})" if self.n < ENOUGH else "")


def signed(value: float) -> str:
    """A difference with its sign, to a hundredth; 0.00 has none.

    >>> signed(0.5), signed(-0.5), signed(-0.001)
    ('+0.50', '−0.50', '0.00')
    """
    return f"{value:+.2f}".replace("-", "−") if round(value, 2) else "0.00"


def tally(gaps: Mapping[str, Gap]) -> dict[str, list[str]]:
    """The names of the differences by kind, in the order of `KINDS`; a kind of which there is none is left out.

    >>> tally({"longer": Gap(5, -0.5, 0.1), "biases kept": Gap(5, 0.05, 0.1), "no decay": Gap(1, 0.2, None)})
    {'better': ['longer'], 'not told apart': ['biases kept'], 'too few runs': ['no decay']}
    """
    found = {kind: [name for name, gap in gaps.items() if gap.kind == kind] for kind in KINDS}
    return {kind: names for kind, names in found.items() if names}
