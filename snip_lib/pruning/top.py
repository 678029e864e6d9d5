"""Exact selection of the highest scores without sorting: a histogram over the bits of the floats.

The bits of a float, read as sign and magnitude, are an integer that grows with the float. So the score of rank kappa is
found digit by digit, 16 bits a time, from counts: two passes over float32 scores, neither of which copies them.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

DIGIT = 16  # bits looked at in one pass
CHUNK = 1 << 20  # scores looked at at a time on a CPU, so that temporaries stay small and within its caches
KEYS = {torch.float32: torch.int32, torch.float64: torch.int64}


def top(scores: dict[str, Tensor], kappa: int) -> dict[str, Tensor]:
    """Boolean tensors with exactly kappa True entries, at the highest scores; among equals the lower index wins.

    scores: finite floats of any sign and shape; 1 <= kappa <= their number.
    """
    dtype = torch.float64 if any(s.dtype == torch.float64 for s in scores.values()) else torch.float32
    scores = {name: score.to(dtype).contiguous() for name, score in scores.items()}
    value, ties, equal = threshold([score for score in scores.values() if score.numel()], kappa)
    masks = {name: score >= value for name, score in scores.items()}
    if ties < equal:
        for name, score in scores.items():
            places = (score == value).view(-1).nonzero().view(-1)
            masks[name].view(-1)[places[ties:]] = False
            ties = max(0, ties - len(places))
    return masks


def threshold(scores: Sequence[Tensor], kappa: int) -> tuple[float, int, int]:
    """The kappa-th largest of all scores, how many scores equal to it belong to the top kappa, and how many there are.

    scores: contiguous tensors, none empty, all float32 or all float64.
    """
    kind = KEYS[scores[0].dtype]
    bits, prefix, wanted = torch.iinfo(kind).bits, None, kappa
    for shift in range(bits - DIGIT, -1, -DIGIT):
        counts = sum(_histogram(score.view(-1).view(kind), prefix, shift).cpu() for score in scores)
        from_top = counts.flip(0).cumsum(0)
        place = int(torch.searchsorted(from_top, wanted))  # digits from the top until kappa is reached
        wanted -= int(from_top[place - 1]) if place else 0
        digit = len(counts) - 1 - place
        prefix = digit - (1 << DIGIT - 1) if prefix is None else prefix << DIGIT | digit
    key = torch.tensor([prefix if prefix >= 0 else torch.iinfo(kind).min - prefix], dtype=kind, device="cpu")
    return key.view(scores[0].dtype).item(), wanted, int(counts[digit])


def _histogram(keys: Tensor, prefix: int | None, shift: int) -> Tensor:
    """Counts (65536,) of the digit at `shift` among the keys whose higher digits are `prefix`."""
    counts = torch.zeros(1 << DIGIT, dtype=torch.int64, device=keys.device)
    lowest = torch.iinfo(keys.dtype).min
    for chunk in keys.split(CHUNK if keys.device.type == "cpu" else len(keys)):
        if bool(chunk.min() < 0):  # sign and magnitude to a signed integer, which makes -0 equal to 0
            chunk = torch.where(chunk < 0, lowest - chunk, chunk)
        if prefix is None:
            digits = (chunk >> shift).add_(1 << DIGIT - 1)
        else:
            digits = chunk[chunk >> shift + DIGIT == prefix] >> shift & (1 << DIGIT) - 1
        counts += torch.bincount(digits, minlength=1 << DIGIT)
    return counts
