"""Each usual mistake is told in words of its own, and whatever else an answer is or does, in one short line."""

import pytest
import torch
from test_checks import CASES, checker, count, linear, parts, per_tensor, scores


def by_slope(loss, c, j, step=1e-4, times=lambda c: 1):
    """The derivative in c_j, or this times c_j, where the exact change is asked for."""
    moved = [loss([v + sign * step * (k == j) for k, v in enumerate(c)]) for sign in (1, -1)]
    return (moved[0] - moved[1]) / (2 * step) * times(c[j])


def by_signed_sum(model, x, y, *, score=lambda p, d: p * d):
    parts = scores(model, x, y, score=score, total=lambda sums: 1)
    return {n: v / sum(u.sum() for u in parts.values()) for n, v in parts.items()}


def flat(model, x, y):
    return torch.cat([v.flatten() for v in scores(model, x, y).values()])


# name of the checker, a wrong answer, and what has to stand in its hint
HINTS = [
    ("why_prune.passes", (463, 185), "rounded too far"),
    ("why_prune.passes", (462.963, 185), "once: the number is right, and rounded too far"),
    ("why_prune.passes", (416.7, 166.7), "kept for validation"),
    ("why_prune.passes", (25_000_000, 10_000_100), "divide by 54,000"),
    ("why_prune.passes", (4.63, 185.2), "a step takes a hundred digits"),
    ("speed.share_of_holding", (0.0067, 0.67), "rounded too far"),
    ("speed.share_of_holding", (0.007, 0.667), "rounded too far"),
    ("numbers.three_runs", (1.6, 0.2, "undecided"), "rounded too far"),
    ("held_up.change", (0.7, 0.11, "worse"), "rounded too far"),
    ("held_up.by_chance", (0.5, 0.37), "rounded too far"),
    ("held_up.by_chance", (0.45, 0.4), "rounded too far"),
    ("lenets.passes_of_lwc", (111,), "rounded too far"),
    ("lenets.seed_by_seed", (0.2, 0.1), "rounded too far"),
    ("modern.over_networks", (0.3, 0.2, "agrees"), "rounded too far"),
    ("variance.cut_at_one", (0.5,), "rounded too far"),
    ("draw.parts", (lambda *given: parts(*given, by=lambda slopes, x: slopes),), "its slope times its value"),
    ("draw.parts", (lambda *given: parts(*given, opened=lambda W, z: W),), "closed ReLUs let nothing through: their"),
    ("draw.parts", (lambda *given: parts(*given).flip(1),), "they add up, and are not"),
    ("draw.parts", (lambda *given: parts(*given).abs(),), "do not add up"),
    ("first_layer.linear_gradient", (lambda x, p, y: -linear(x, p, y),), "sign is turned"),
    ("first_layer.linear_gradient", (lambda x, p, y: len(x) * linear(x, p, y),), "divide by the number"),
    ("first_layer.linear_gradient", (lambda x, p, y: x.flatten(1).T @ p / len(x),), "labels are missing"),
    ("first_layer.linear_gradient", (lambda x, p, y: linear(x, p, y).T,), "flattened"),
    ("first_layer.linear_gradient", (lambda x, p, y: x.mT @ p,), "flattened"),
    ("saves.on_a_path", (lambda c1, c2, c3: (c1.any(1), c2.any(1)),), "go back from the outputs"),
    ("saves.on_a_path", (lambda c1, c2, c3: (c2.any(0), c3.any(0)),), "Go forward, too"),
    ("saves.on_a_path", (lambda c1, c2, c3: (c1.any(1) & c2.any(0), c2.any(1) & c3.any(0)),), "cut off itself"),
    ("saves.on_a_path", (lambda c1, c2, c3: (c1.any(1), c2.any(1), c3.any(1)),), "two vectors"),
    ("first_look.units_in_use", (lambda first, second: (first.any(0) & second.any(1)).sum(),), "axis of the units"),
    ("first_look.units_in_use", (lambda first, second: (first.any(1) & second.any(1)).sum(),), "axis of the units"),
    ("first_look.units_in_use", (lambda first, second: (first.any(0) & second.any(0)).sum(),), "axis of the units"),
    (
        "first_look.units_in_use",
        (lambda a, b: sum(bool(a[:, j].any()) for j in range(a.shape[1])),),
        "axis of the units",
    ),
    ("first_look.units_in_use", (lambda first, second: (first.any(1) | second.any(0)).sum(),), "not `or`"),
    ("first_look.units_in_use", (lambda first, second: first.any(1).sum(),), "something in"),
    ("first_look.units_in_use", (lambda first, second: second.any(0).sum(),), "something out"),
    ("first_look.units_in_use", (lambda first, second: first.any(1) & second.any(0),), "one number is wanted"),
    ("first_look.units_in_use", (lambda first, second: first.any(0).sum(),), "axis of the units"),
    ("before_you_start.autograd", (lambda w: torch.autograd.grad(w**3, w)[0],), "sum (or average) before"),
    ("before_you_start.autograd", (lambda w: (w**3).backward(),), "sum (or average) before"),
    ("before_you_start.autograd", (lambda w: 3 * w**2,), "typed by hand"),
    ("before_you_start.autograd", (lambda w: 3 * w.detach() ** 2,), "typed by hand"),
    ("before_you_start.autograd", (lambda w: torch.tensor([3 * v * v for v in w.tolist()]),), "typed by hand"),
    ("before_you_start.autograd", (lambda w: torch.autograd.grad((w.detach() ** 3).sum(), w)[0],), "was it detached?"),
    ("before_you_start.autograd", (lambda w: 3.0,), "a tensor is wanted"),
    ("before_you_start.softmax", ([-0.25, -0.25, 0.5],), "sign is turned"),
    ("connection_sensitivity.sensitivity", (by_signed_sum,), "absolute values; divide by the sum of absolute values"),
    (
        "connection_sensitivity.sensitivity",
        (lambda *a: by_signed_sum(*a, score=lambda p, d: d),),
        "multiply each by its weight; the signs are still there: take absolute values; divide by the sum of absolute",
    ),
    (
        "connection_sensitivity.sensitivity",
        (lambda *a: scores(*a, score=lambda p, d: p * d, total=lambda sums: 1),),
        "take absolute values; divide by their sum",
    ),
    ("connection_sensitivity.sensitivity", (per_tensor,), "over all tensors together"),
    ("connection_sensitivity.sensitivity", (flat,), "a dictionary is wanted"),
    (
        "connection_sensitivity.sensitivity",
        (lambda *a: {n: v.sum() for n, v in scores(*a).items()},),
        "of shape (4, 3)",
    ),
    ("connection_sensitivity.sensitivity", (lambda m, x, y: 1 / 0,), "divides by something"),
    ("by_hand.exact_change", (by_slope,), "the slope in c"),
    ("by_hand.exact_change", (lambda *a: by_slope(*a, times=lambda c: c),), "the slope in c"),
    ("by_hand.exact_change", (lambda *a: -by_slope(*a, step=1e-6),), "the slope in c"),
    ("by_hand.exact_change", (lambda loss, c, j: loss(c) - loss(c[:j]),), "not equally long"),
    ("by_hand.exact_change", (lambda loss, c, j: [loss(c)] * 500,), "one number is wanted"),
    ("by_hand.sensitivities", (3,), "several values are wanted"),
    ("algorithm_1.how_many_stay", (13_331, lambda m, s: [m] * 900), "exact arithmetic"),
    ("algorithm_1.how_many_stay", ("13331", count), "a twentieth"),
    ("algorithm_1.how_many_stay", (13_331, 13_331), "a function is wanted"),
    ("networks.lstm_connections", (lambda h: torch.ones(50, 50),), "one number is wanted"),
    ("why_prune.schedule", (lambda s, n: [0.5] * 100_000,), "sparsities are wanted"),
    ("numbers.three_runs", (1.6, 1.96 * 0.1 / 3**0.5, "undecided"), "4.303"),
]


@pytest.mark.parametrize(("name", "answer", "words"), HINTS)
def test_a_usual_mistake_is_told_in_its_own_words(name, answer, words):
    verdict = checker(name)(*answer)
    assert verdict.startswith("not yet: ")
    assert words in verdict
    assert len(verdict) <= 240
    assert "\n" not in verdict


def never_mind(*inputs):
    raise RuntimeError("first line of many\n" + "the size of tensor a (784) must match\n" * 60)


@pytest.mark.parametrize("name", [n for n in CASES if callable(CASES[n][2][-1])])
@pytest.mark.parametrize(
    "fault", [never_mind, lambda: 0, lambda *a: a[17], lambda *a: "abc" * 999, lambda *a: [0.5] * 999]
)
def test_whatever_a_function_does_is_told_in_one_short_line(name, fault):
    verdict = checker(name)(*CASES[name][2][:-1], fault)
    assert verdict.startswith("not yet: ")
    assert len(verdict) <= 240
    assert "\n" not in verdict


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("answer", ["seven " * 100, [1.0] * 999, {}, torch.zeros(40, 40), lambda: 3, 1e400, -7])
def test_an_answer_of_another_kind_is_one_short_line(name, answer):
    verdict = checker(name)(*[answer] * len(CASES[name][2]))
    assert verdict.startswith("not yet: ")
    assert len(verdict) <= 240
    assert "\n" not in verdict
