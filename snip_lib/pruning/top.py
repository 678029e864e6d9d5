"""For `keep_top`: which connections have the kappa highest scores, exactly that many, found without sorting.

Sorting m scores to find the kappa-th is more work than is needed: only *one* score, the threshold, has to be found.
Think of numbers of four decimal digits. Count how many begin with 9, with 8, …; the counts, summed from the top, tell
with which digit the number of rank kappa begins. Then count the second digits among those that begin so, and so on:
one pass over the numbers for each digit. Here a digit is 16 bits, so float32 takes two passes, float64 four, and no
pass copies or moves the scores.

For this floats must be read as integers of the same order. A float is stored as a sign bit, then the exponent, then
the fraction. Of two positive floats the larger has the larger exponent or, that being equal, the larger fraction, so
their bits read as one integer are in the order of the floats. Of negative ones the order is reversed, because the bits
hold sign and magnitude where an integer is in two's complement: -x is stored as lowest + bits(x), with
lowest = -2^31 the integer whose sign bit alone is set. Its key, -bits(x), is lowest - (lowest + bits(x)). So is -0.0,
stored as lowest, given the key 0 of +0.0: the two are equal, and tie.

Ties: when several scores equal the threshold, those of the lowest index belong to the top kappa.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

DIGIT = 16  # bits looked at in one pass
CHUNK = 1 << 20  # scores looked at at a time on a CPU, so that temporaries stay small and within its caches
KEYS = {torch.float32: torch.int32, torch.float64: torch.int64, torch.int64: torch.int64}  # dtype -> integers to read


def top(scores: dict[str, Tensor], kappa: int) -> dict[str, Tensor]:
    """Boolean tensors with exactly kappa True entries, at the highest scores; among equals the lower index wins.

    scores: finite real numbers of any sign and shape; 0 <= kappa <= their number. Integers are ranked exactly, floats
    of any precision too; integers beside floats as float64, which is exact up to 2^53.
    """
    return select(scores, kappa)[0]


def select(scores: dict[str, Tensor], kappa: int) -> tuple[dict[str, Tensor], int]:
    """`top`, and how many scores of 0 were kept where others of 0 were not, so that only their place decided."""
    if kappa == 0:
        return {name: torch.zeros_like(score, dtype=torch.bool) for name, score in scores.items()}, 0
    dtype = common(scores)
    scores = {name: score.to(dtype).contiguous() for name, score in scores.items()}
    value, ties, equal = threshold([score for score in scores.values() if score.numel()], kappa)
    masks = {name: score >= value for name, score in scores.items()}
    zeros = ties if value == 0 and ties < equal else 0
    if ties < equal:
        for name, score in scores.items():
            places = (score == value).view(-1).nonzero().view(-1)
            masks[name].view(-1)[places[ties:]] = False
            ties = max(0, ties - len(places))
    return masks, zeros


def common(scores: dict[str, Tensor]) -> torch.dtype:
    """The precision in which all scores can be compared: int64, float64, or float32 where it holds every one."""
    dtypes = {score.dtype for score in scores.values()}
    integers = {dtype for dtype in dtypes if not dtype.is_floating_point}
    if integers == dtypes:
        return torch.int64
    wide = torch.float64 in dtypes or any(dtype.itemsize > 2 for dtype in integers)  # 2^24 is where float32 ends
    return torch.float64 if wide else torch.float32


def threshold(scores: Sequence[Tensor], kappa: int) -> tuple[float, int, int]:
    """The kappa-th largest of all scores, how many scores equal to it belong to the top kappa, and how many there are.

    scores: contiguous tensors, none empty, all of one dtype of `KEYS`; 1 <= kappa <= their number.
    """
    kind = KEYS[scores[0].dtype]
    prefix, wanted = None, kappa  # the digits found so far; the rank among the scores that begin with them
    for shift in range(torch.iinfo(kind).bits - DIGIT, -1, -DIGIT):
        counts = sum(_histogram(score.view(-1), prefix, shift).cpu() for score in scores)
        from_top = counts.flip(0).cumsum(0)
        place = int(torch.searchsorted(from_top, wanted))  # digits from the top until the rank is reached
        wanted -= int(from_top[place - 1]) if place else 0  # less those with a higher digit
        digit = len(counts) - 1 - place
        # the first digit holds the sign, and was counted with 2^15 added (see `_histogram`)
        prefix = digit - (1 << DIGIT - 1) if prefix is None else prefix << DIGIT | digit
    return _number(prefix, scores[0].dtype), wanted, int(counts[digit])


def _histogram(scores: Tensor, prefix: int | None, shift: int) -> Tensor:
    """Counts (65536,) of the digit at `shift` among the scores (n,) whose keys have the higher digits `prefix`.

    The first digit, of no prefix, runs from -2^15 to 2^15 - 1, as it holds the sign; 2^15 makes it an index.
    """
    counts = torch.zeros(1 << DIGIT, dtype=torch.int64, device=scores.device)
    for chunk in scores.split(CHUNK if scores.device.type == "cpu" else len(scores)):
        keys = _keys(chunk)
        if prefix is None:
            digits = (keys >> shift).add_(1 << DIGIT - 1)
        else:
            digits = keys[keys >> shift + DIGIT == prefix] >> shift & (1 << DIGIT) - 1
        counts += torch.bincount(digits, minlength=1 << DIGIT)
    return counts


def _keys(scores: Tensor) -> Tensor:
    """Integers of the same order as the scores: an integer is its own key, of a float see the top of this file."""
    keys = scores.view(KEYS[scores.dtype])
    if scores.is_floating_point() and bool(keys.min() < 0):  # most scores are absolute values: nothing to turn round
        keys = torch.where(keys < 0, torch.iinfo(keys.dtype).min - keys, keys)
    return keys


def _number(key: int, dtype: torch.dtype) -> float:
    """The score that has this key."""
    kind = KEYS[dtype]
    if dtype.is_floating_point and key < 0:
        key = torch.iinfo(kind).min - key  # back to sign and magnitude
    return torch.tensor([key], dtype=kind, device="cpu").view(dtype).item()
