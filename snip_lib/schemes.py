"""The names of the initializations: what there is, what else they are called, and which need a deviation.

Apart from `init`, which draws, so that a name can be checked without torch.
"""

import math

from snip_lib.words import nearest

# Standard deviation of a unit normal cut at +-2: dividing by it restores the variance that the cut takes away.
TRUNCATED_STD = 0.87962566103423978
# name -> (scale, which fan): the variance of a weight is scale / fan. TensorFlow restored the cut's variance from
# mid-2018 on; "vs-l-2018" is its LeCun of before, when the paper was written.
VARIANCE_SCALING = {
    "vs-l": (1.0, "in"),
    "vs-x": (1.0, "average"),
    "vs-h": (2.0, "in"),
    "vs-l-2018": (TRUNCATED_STD**2, "in"),
}
ALIASES = {"lecun": "vs-l", "glorot": "vs-x", "xavier": "vs-x", "he": "vs-h", "kaiming": "vs-h"}
SCHEMES = (*VARIANCE_SCALING, "rn", "tn", "orthogonal")
NEED_STD = ("rn", "tn")


def needs_std(scheme: str) -> bool:
    """Whether a scheme, by any of its names, takes its standard deviation from whoever asks for it.

    >>> [needs_std(name) for name in ("rn", "glorot")]
    [True, False]
    """
    return str(scheme).lower() in NEED_STD


def canonical(scheme: str, std: float | None = None) -> str:
    """The scheme's one name ("glorot" -> "vs-x"), after checking that `std` is given where needed, and only there.

    >>> canonical("Glorot"), canonical("rn", 0.1)
    ('vs-x', 'rn')
    """
    name = ALIASES.get(str(scheme).lower(), str(scheme).lower())
    if name not in SCHEMES:
        known = (*SCHEMES, *ALIASES)
        raise ValueError(f"unknown initialization {scheme!r}; known: {', '.join(known)}{nearest(scheme, known)}")
    if (name in NEED_STD) != (std is not None):
        raise ValueError(f"initialization {name!r} {'needs std=' if std is None else 'takes no std'}")
    if std is not None and not (math.isfinite(std) and std > 0):
        raise ValueError(f"std must be a positive number, got {std}")
    return name
