"""Stubs, wrong answers and right ones for the exercises of Part II; see `test_checks.CASES`."""

import torch

from snip_lib.checks.table3 import OURS


def empty_up_to(scores, name, *, extra=0):
    return sum(int((value > scores[name].max()).sum()) for value in scores.values()) + extra


def gap(ours, paper, *, sign=1, size=lambda v: v, take=1):
    """The difference of differences, or what it is with a mistake."""
    return {s: sign * size(ours[s] - ours["VS-X"] - take * (paper[s] - paper["VS-X"])) for s in ours if s != "VS-X"}


def chance(a, b, *, union=True, whole=False, real=False):
    """What two masks share on average, or with a mistake."""
    layers = [(a[n].sum().item(), b[n].sum().item(), a[n].numel()) for n in a]
    kept = sum(k + other for k, other, _ in layers)
    both = sum(k * other / m for k, other, m in layers)
    if whole:
        both = sum(k for k, _, _ in layers) * sum(k for _, k, _ in layers) / sum(m for _, _, m in layers)
    if real:
        both = sum((a[n] & b[n]).sum().item() for n in a)
    return both / (kept - both if union else kept)


def directions(matrix, *, power=2):
    """n/(1 + v), or what it is of the singular values themselves."""
    values = torch.linalg.svdvals(matrix) ** power
    return values.sum() ** 2 / values.square().sum()


CASES: dict[str, tuple[tuple, list[tuple], tuple]] = {
    "variance.leaky_variance": (
        (lambda fan_in, slope: ...,),
        [
            (lambda fan_in, slope: 2 / fan_in,),
            (lambda fan_in, slope: 2 / (1 + slope) / fan_in,),
            (lambda fan_in, slope: (2 / (1 + slope**2) / fan_in) ** 0.5,),
            (lambda fan_in, slope: 1 / fan_in,),
        ],
        (lambda fan_in, slope: 2 / (1 + slope**2) / fan_in,),
    ),
    "variance.cut_at_one": ((...,), [(0.291,), (0.8796,), (0.68,)], (0.540,)),
    "initialization.common_factor": ((...,), [(10,), (1_000,), (40,)], (10_000,)),
    "initialization.powers_of_the_lstm": ((..., ..., ...), [(2, 3, 0), (1, 2, 1), (3, 4, 1), (2, 2, 1)], (2, 3, 1)),
    "initialization.empty_up_to": (
        (lambda scores, name: ...,),
        [
            (lambda scores, name: empty_up_to(scores, name, extra=1),),
            (lambda scores, name: 0,),
            (lambda scores, name: scores[name].numel(),),
        ],
        (empty_up_to,),
    ),
    "table3.gaps": (
        (lambda ours, paper: ...,),
        [
            (lambda ours, paper: {"VS-X": 0.0},),
            (lambda ours, paper: {s: ours[s] - paper[s] for s in ours if s != "VS-X"},),
            (lambda ours, paper: gap(ours, paper, sign=-1),),
            (lambda ours, paper: gap(ours, paper, size=abs),),
            (lambda ours, paper: gap(ours, paper, take=0),),
            (lambda ours, paper: dict.fromkeys(OURS, 0.0) | {"VS-X": 1.0},),
            (lambda ours, paper: {"RN": 1.0, "VS-H": 1.0},),
        ],
        (gap,),
    ),
    "table3.runs_needed": ((...,), [(311,), (18,), (36,), (5_000,)], (622,)),
    "silent.fourth": ((...,), [(0.5,), (0.7,), (-0.7,), (0.0,)], (-0.5,)),
    "silent.kept_by": ((..., ...), [(2, 5), (4, 4), (5, 4)], (5, 2)),
    "silent.chance": (
        (lambda a, b: ...,),
        [
            (lambda a, b: chance(a, b, union=False),),
            (lambda a, b: chance(a, b, whole=True),),
            (lambda a, b: chance(a, b, real=True),),
            (lambda a, b: 0.5,),
        ],
        (chance,),
    ),
    "deep.mean_left": ((...,), [(1e-15,), (0.9**30,), (0.1,), (0,)], (1e-30,)),
    "deep.directions": (
        (lambda matrix: ...,),
        [
            (lambda matrix: directions(matrix, power=1),),
            (lambda matrix: len(matrix) / directions(matrix),),
            (lambda matrix: torch.linalg.matrix_rank(matrix),),
            (lambda matrix: 1,),
        ],
        (directions,),
    ),
    "deep.layers_until": ((...,), [(20,), (95,), (5,)], (19,)),
    "variance.deepest": ((...,), [(19,), (39,), (40,), (7,)], (20,)),
}
