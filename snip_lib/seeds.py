"""Randomness: every draw of the library is a pure function of a seed and of what it is for.

So a run can be repeated, resumed and compared across devices without any global state.
"""

import hashlib
import json
import operator

import torch
from torch import Tensor


def generator(seed: int, *purpose: str | int, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for each (seed, purpose), such as (0, "order"); purposes are independent.

    >>> torch.randint(10, (3,), generator=generator(0, "order")).tolist()
    [5, 7, 4]
    """
    digest = hashlib.sha256(json.dumps([int(seed), *purpose]).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


def as_generator(source: torch.Generator | int) -> torch.Generator:
    """A generator as it is, or a seed turned into one; TypeError for what is neither, as half a seed.

    >>> torch.randint(10, (3,), generator=as_generator(0)).tolist()
    [4, 9, 3]
    """
    if isinstance(source, torch.Generator):
        return source
    try:
        return torch.Generator().manual_seed(operator.index(source))
    except TypeError:
        raise TypeError(f"generator must be a torch.Generator or a whole number, got {source!r}") from None


def shuffled(n: int, seed: int, *purpose: str | int) -> Tensor:
    """A permutation of 0 … n - 1 (n,) on the CPU, drawn for that purpose.

    >>> sorted(shuffled(4, 0, "order", 0).tolist())
    [0, 1, 2, 3]
    """
    return torch.randperm(n, generator=generator(seed, *purpose), device="cpu")  # whatever the default device is
