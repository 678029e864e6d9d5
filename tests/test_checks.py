"""Every checker is given its untouched stub, wrong answers and the right one."""

import hashlib
import json
import math
from fractions import Fraction

import pytest
import torch
from cases_initialization import CASES as INITIALIZATION
from torch.nn.functional import cross_entropy

from snip_lib import checks


def sound(line, *, text=lambda record: json.dumps(record, sort_keys=True)):
    record = json.loads(line)
    told = record.pop("checksum")
    return told == hashlib.sha256(text(record).encode()).hexdigest()


def sound_bytes(line):
    """Right for the line as it is written, wrong for one with other spaces."""
    return "\n" not in line and sound(line)


def change(loss, c, j):
    return loss(c) - loss([0 if k == j else v for k, v in enumerate(c)])


def change_in_place(loss, c, j):
    before, c[j] = loss(c), 0
    return before - loss(c)


def scores(model, x, y, *, score=lambda p, d: (p * d).abs(), total=sum):
    """Equation 6, or what it is with another score and other sums."""
    parameters = dict(model.named_parameters())
    gradients = torch.autograd.grad(cross_entropy(model(x), y), list(parameters.values()))
    found = {n: score(p.detach(), d) for (n, p), d in zip(parameters.items(), gradients, strict=True)}
    return {n: v / total(u.abs().sum() for u in found.values()) for n, v in found.items()}


def per_tensor(model, x, y):
    return {n: v / v.sum() for n, v in scores(model, x, y).items()}


def by_backward(model, x, y):
    cross_entropy(model(x), y).backward()
    return scores(model, x, y)


def doubled(model, x, y):
    for p in model.parameters():
        p.detach().mul_(2)
    return scores(model, x, y)


def count(m, s):
    return math.floor(m * (1 - Fraction(str(s))) + Fraction(1, 2))


def top(scores, kappa):
    mask = torch.zeros_like(scores, dtype=torch.bool)
    mask[scores.sort(descending=True, stable=True).indices[:kappa]] = True
    return mask


def mean_slope(slopes, sizes):
    return sum(size * slope for size, slope in zip(sizes, slopes, strict=True)) / sum(sizes)


def linear(x, p, y, *, residual=lambda p, one: p - one, shape=lambda x: x.flatten(1), by=lambda r: r):
    return by(shape(x).T @ residual(p, torch.nn.functional.one_hot(y, p.shape[1])) / len(x))


def parts(W1, W2, W3, x, *, opened=lambda W, z: W * (z > 0)[:, None], by=lambda slopes, x: slopes * x):
    first = opened(W1, W1 @ x)
    second = opened(W2, W2 @ (first @ x))
    return by(W3 @ second @ first, x)


def threshold(scores, kappa):
    return scores >= scores.sort(descending=True).values[kappa - 1]


def sortable(x):
    bits = x.view(torch.int32)
    return torch.where(bits < 0, torch.iinfo(torch.int32).min - bits, bits)


# name of the checker -> (the stub as the page has it, wrong answers, the right answer); each a tuple of arguments
CASES: dict[str, tuple[tuple, list[tuple], tuple]] = {
    "by_hand.sensitivities": (
        ([..., ..., ..., ..., ..., ...],),
        [([0, 2, 0, 0, 2, 0],), ([0, -2, 0, 0, -1, 0],), ([0, -2, 0],), ("02002",)],
        ([0, -2, 0, 0, -2, 0],),
    ),
    "by_hand.batch": (([..., ..., ...],), [([1, 2, 5],), ([2, 5],), ([1, 5, 6],), ([0, 2, 4],)], ([5, 1, 3],)),
    "by_hand.exact_change": (
        (lambda loss, c, j: ...,),
        [(lambda loss, c, j: -change(loss, c, j),), (change_in_place,), (lambda loss, c, j: 0.0,)],
        (change,),
    ),
    "connection_sensitivity.sensitivity": (
        (lambda model, x, y: ...,),
        [
            (lambda *a: scores(*a, score=lambda p, d: d.abs()),),
            (lambda *a: scores(*a, score=lambda p, d: p * d),),
            (lambda *a: scores(*a, total=lambda sums: 1),),
            (lambda *a: scores(*a, score=lambda p, d: d.abs(), total=lambda sums: 1),),
            (lambda *a: dict(list(scores(*a).items())[:2]),),
            (lambda *a: scores(*a, score=lambda p, d: p.abs()),),
            (per_tensor,),
            (by_backward,),
            (doubled,),
        ],
        (scores,),
    ),
    "straight_line.terms_of_two": (
        (..., ..., ...),
        [
            (-3, -2.5, -2),
            (1.5, -2.5, -2),
            (3, 2.5, -2),
            (3, -5, -4),
            (3, -2.5, -1),
            (3, -4.5, -2),
            (3, -2.5, -2.5),
        ],
        (3, -2.5, -2),
    ),
    "algorithm_1.how_many_stay": (
        (..., lambda m, s: ...),
        [(13_330, count), (13_331, lambda m, s: math.floor(m * (1 - s) + 0.5)), (13_331, lambda m, s: 13_331)],
        (13_331, count),
    ),
    "algorithm_1.exactly_kappa": (
        (lambda scores, kappa: ...,),
        [(threshold,), (lambda s, k: top(s.flip(0), k).flip(0),), (lambda s, k: s.topk(k).indices,)],
        (top,),
    ),
    "first_look.overlap_by_chance": ((...,), [(0.0004,), (0.01,), (0.02,), (0.0105,)], (0.0101,)),
    "first_look.units_in_use": (
        (lambda first, second: ...,),
        [
            (lambda first, second: first.any(1).sum(),),
            (lambda first, second: (first.any(1) | second.any(0)).sum(),),
            (lambda first, second: (first.any(0) & second.any(1)).sum(),),
        ],
        (lambda first, second: (first.any(1) & second.any(0)).sum(),),
    ),
    "why_prune.passes": ((..., ...), [(277.8, 185.2), (463.0, 100.0), (250_000, 100_001)], (463.0, 185.2)),
    "why_prune.as_wide_as_allowed": ((..., ...), [(39_991, 16), (39_992, 17), (39_992, 12)], (39_992, 16)),
    "why_prune.schedule": (
        (lambda sparsity, cycles: ...,),
        [
            (lambda s, n: [s * (i + 1) / n for i in range(n)],),
            (lambda s, n: [s],),
            (lambda s, n: [1 - 0.5**i for i in range(n)],),
        ],
        (lambda s, n: [1 - (1 - s) ** (i / n) for i in range(1, n + 1)],),
    ),
    "speed.share_of_holding": (
        (..., ...),
        [(1 / 50, 2.0), (1 / 150, 1 / 3), (1 / 300, 1 / 3), (2 / 302, 2 / 5), (150, 1.5)],
        (1 / 150, 2 / 3),
    ),
    "speed.sortable_bits": (
        (lambda x: ...,),
        [
            (lambda x: x.view(torch.int32),),
            (lambda x: x.view(torch.int32) ^ (x.view(torch.int32) >> 31 & 0x7FFFFFFF),),  # -0 below 0
            (lambda x: x.view(torch.int32).abs(),),
            (lambda x: x.to(torch.int32),),
            (lambda x: x.argsort().argsort(),),
        ],
        (sortable,),
    ),
    "algorithm_1.size_cliff": ((...,), [(0.98,), (0.975,), (0.977,), (97.8,), (0.02,)], (0.978,)),
    "networks.lstm_connections": (
        (lambda h: ...,),
        [
            (lambda h: 29 * h + 4 * h * (2 * h + 2) + 10 * h + 10,),
            (lambda h: 4 * h * (2 * h + 1) + 10 * h + 10,),
            (lambda h: 29 * h + 4 * h * (2 * h + 1),),
            (lambda h: 29 * h + h * (2 * h + 1) + 10 * h + 10,),
            (lambda h: 136_586,),
        ],
        (lambda h: 29 * h + 4 * h * (2 * h + 1) + 10 * h + 10,),
    ),
    "networks.saved_by_thin_kernels": ((...,), [(589_824,), (2_359_296,)], (4_718_592,)),
    "before_you_start.chain_rule": ((...,), [(2,), (3,), ("6",)], (6,)),
    "before_you_start.autograd": (
        (lambda w: ...,),
        [(lambda w: torch.autograd.grad((w**3).sum(), w),), (lambda w: (w**3).sum(),), (lambda w: 3 * w,)],
        (lambda w: torch.autograd.grad((w**3).sum(), w)[0],),
    ),
    "before_you_start.mini_batch": ((...,), [(2,), (4,)], (2.4,)),
    "before_you_start.softmax": (
        ([..., ..., ...],),
        [([0.25, 0.25, 0.5],), ([0.25, -0.5],), ([0, 0, 0],)],
        ([0.25, 0.25, -0.5],),
    ),
    "numbers.three_runs": (
        (..., ..., ...),
        [(1.5, 0.248, "undecided"), (1.6, 0.113, "undecided"), (1.6, 0.3, "undecided"), (1.6, 0.248, "agrees")],
        (1.6, 0.248, "undecided"),
    ),
    "numbers.sound": (
        (lambda line: ...,),
        [(lambda line: True,), (lambda line: False,), (sound_bytes,)],
        (sound,),
    ),
}


def on_a_path(c1, c2, c3):
    """Units of two hidden layers on a path: numbers of paths, which are sums of products of counts."""
    c1, c2, c3 = (c.long() for c in (c1, c2, c3))
    return (c3 @ c2).sum(0) * c1.sum(1) > 0, c3.sum(0) * (c2 @ c1).sum(1) > 0


CASES |= {
    "batch.accumulated": (
        (lambda slopes, sizes: ...,),
        [
            (lambda slopes, sizes: mean_slope(slopes, sizes),),
            (lambda slopes, sizes: torch.stack(slopes).mean(0).abs(),),
            (lambda slopes, sizes: mean_slope([slope.abs() for slope in slopes], sizes),),
            (lambda slopes, sizes: sum(sizes) * mean_slope(slopes, sizes).abs(),),
        ],
        (lambda slopes, sizes: mean_slope(slopes, sizes).abs(),),
    ),
    "draw.parts": (
        (lambda W1, W2, W3, x: ...,),
        [
            (lambda *given: parts(*given, opened=lambda W, z: W),),
            (lambda *given: parts(*given, opened=lambda W, z: W, by=lambda slopes, x: slopes),),
            (lambda *given: parts(*given, by=lambda slopes, x: slopes),),
            (lambda *given: parts(*given).T,),
            (lambda *given: parts(*given) - parts(*given).mean(0),),
            (lambda *given: parts(*given).flip(1),),
            (lambda *given: parts(*given).abs(),),
            (lambda *given: parts(*given).sum(1),),
        ],
        (parts,),
    ),
    "first_layer.linear_gradient": (
        (lambda x, p, y: ...,),
        [
            (lambda x, p, y: linear(x, p, y, residual=lambda p, one: one - p),),
            (lambda x, p, y: linear(x, p, y, residual=lambda p, one: p),),
            (lambda x, p, y: linear(x, p, y, residual=lambda p, one: one.float()),),
            (lambda x, p, y: linear(x, p, y, shape=lambda x: x.flatten(1).abs()),),
            (lambda x, p, y: linear(x, p, y, by=torch.abs),),
            (lambda x, p, y: linear(x, p, y, by=torch.t),),
            (lambda x, p, y: linear(x, p, y) * len(x),),
            (lambda x, p, y: x.mT @ p,),
            (lambda x, p, y: linear(x, p, y) / 2,),
        ],
        (linear,),
    ),
    "saves.on_a_path": (
        (lambda c1, c2, c3: ...,),
        [
            (lambda c1, c2, c3: (c1.any(1), c2.any(1)),),
            (lambda c1, c2, c3: (c2.any(0), c3.any(0)),),
            (lambda c1, c2, c3: (c1.any(1) & c2.any(0), c2.any(1) & c3.any(0)),),
            (lambda c1, c2, c3: on_a_path(c1, c2, c3)[::-1],),
            (lambda c1, c2, c3: torch.cat(on_a_path(c1, c2, c3)),),
            (lambda c1, c2, c3: [v.float() for v in on_a_path(c1, c2, c3)],),
            (lambda c1, c2, c3: [v.sum() for v in on_a_path(c1, c2, c3)],),
            (lambda c1, c2, c3: [~v for v in on_a_path(c1, c2, c3)],),
        ],
        (on_a_path,),
    ),
    "controls.shared_by_chance": (
        (lambda kept, total: ...,),
        [
            (lambda kept, total: kept / total,),
            (lambda kept, total: (kept / total) ** 2,),
            (lambda kept, total: kept,),
        ],
        (lambda kept, total: kept**2 / total,),
    ),
    "held_up.change": (
        (..., ..., ...),
        [
            (0.55, 0.113, "worse"),
            (0.5, 0.113, "worse"),
            (-0.7, 0.113, "worse"),
            (0.7, 0.124, "worse"),
            (0.7, 0.08, "worse"),
            (0.7, 0.113, "undecided"),
        ],
        (0.7, 0.113, "worse"),
    ),
    "held_up.by_chance": (
        (..., ...),
        [(0.05, 0.37), (0.45, 0.45), (0.45, 0.63), (0.45, 0.05), (8.55, 0.37)],
        (0.45, 0.37),
    ),
    "controls.on_a_path": ((...,), [(2,), (6,), (4,)], (3,)),
    "lenets.passes_of_lwc": ((...,), [(27.8,), (83.3,), (100,), (4,)], (111.1,)),
    "lenets.seed_by_seed": (
        (..., ...),
        [(-0.2, 0.09), (1.0, 0.09), (0.2, 0.196), (0.2, 0.0785), (0.2, 0.5)],
        (0.2, 0.088),
    ),
    "larger.imagenet": (
        (..., ...),
        [(744, 7485), (226, 7485), (500, 7485), (774, 6908), (774, 1000)],
        (774, 7485),
    ),
    "larger.card": (
        (..., ...),
        [(176, 3205), (177, 3205), (100, 3205), (175, 3105), (175, 3180)],
        (175, 3205),
    ),
    "modern.epochs": ((...,), [(10.75,), (8.96,), (4.2,)], (11.9,)),
    "modern.over_networks": (
        (..., ..., ...),
        [
            (-0.3, 0.225, "agrees"),
            (0.425, 0.225, "agrees"),
            (0.3, 0.45, "undecided"),
            (0.3, 0.195, "agrees"),
            (0.3, 0.5, "agrees"),
            (0.3, 0.225, "worse"),
        ],
        (0.3, 0.225, "agrees"),
    ),
    "recurrent.survives": (
        (lambda constant, rows: ...,),
        [
            (lambda constant, rows: torch.tensor(constant).sigmoid().item() ** (rows + 1),),
            (lambda constant, rows: torch.tensor(constant).sigmoid().item() * rows,),
            (lambda constant, rows: (1 - torch.tensor(constant).sigmoid().item()) ** rows,),
            (lambda constant, rows: constant**rows,),
            (lambda constant, rows: 0.5**rows,),
        ],
        (lambda constant, rows: (1 / (1 + math.exp(-constant))) ** rows,),
    ),
    "recurrent.gate_to_candidate": (
        (lambda i, g: ...,),
        [
            (lambda i, g: (1 - g * g) / ((1 - i) * g),),
            (lambda i, g: g / i,),
            (lambda i, g: g * (1 - i),),
            (lambda i, g: g * i * (1 - i) / (1 - g * g),),
            (lambda i, g: abs(g) * (1 - i) / (1 - g * g),),
        ],
        (lambda i, g: (1 - i) * g / (1 - g * g),),
    ),
    "labels.lowest_loss": (
        (lambda connections, bits, images, classes: ...,),
        [
            (lambda c, b, n, k: math.log(k) - c * b * math.log(2) / n,),
            (lambda c, b, n, k: max(0, math.log(k) - c * b / n),),
            (lambda c, b, n, k: max(0, math.log2(k) - c * b / n),),
            (lambda c, b, n, k: c * b * math.log(2) / n,),
            (lambda c, b, n, k: 0.0,),
        ],
        (lambda c, b, n, k: max(0, math.log(k) - c * b * math.log(2) / n),),
    ),
    "labels.bits_of_a_mask": (
        (lambda total, kept: ...,),
        [
            (lambda total, kept: total,),
            (lambda total, kept: math.log(math.comb(total, kept)),),
            (lambda total, kept: kept * math.log2(total),),
            (lambda total, kept: math.comb(total, kept),),
        ],
        (lambda total, kept: math.log2(math.comb(total, kept)),),
    ),
    "criteria.left_after": ((...,), [(134_638,), (2_666,), (26_660,)], (26_661,)),
    "criteria.flow": (([..., ..., ...],), [([-2, 3, -1],), ([2, 3, 1],), ([6, 6, 6],)], ([2, 3, 5],)),
}
CASES |= INITIALIZATION


def checker(name):
    """The checker "page.name", as a notebook calls it."""
    page, _, own = name.partition(".")
    return getattr(getattr(checks, page), own)


def test_every_checker_has_a_case():
    for page in checks.PAGES:
        getattr(checks, page)
    assert set(CASES) == set(checks.CHECKERS)


def test_the_face_lists_pages_and_no_checker():
    assert dir(checks) == list(checks.PAGES)
    assert {"by_hand", "straight_line"} <= set(checks.PAGES)
    with pytest.raises(AttributeError, match="called 'by_hnd'; did you mean 'by_hand'"):
        checks.by_hnd.batch([1, 3, 5])


def make(page, name):
    """A checker called `name` as the file of `page` would define it."""
    scope = {"__name__": f"snip_lib.checks.{page}", "checker": checks.checker}
    exec(f"@checker\ndef {name}(answer):\n    return 'so'", scope)
    return scope[name]


def test_a_page_refuses_a_second_checker_of_one_name_and_pages_may_share_names(monkeypatch):
    monkeypatch.setattr(checks.verdict, "CHECKERS", {})
    first, other = make("one_page", "count"), make("another_page", "count")
    assert first(1)
    assert other(1)
    with pytest.raises(ValueError, match=r"one_page\.count is there already"):
        make("one_page", "count")


@pytest.mark.parametrize("name", CASES)
def test_an_untouched_stub_is_not_a_wrong_answer(name):
    assert repr(checker(name)(*CASES[name][0])) == "not attempted yet"


@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name in CASES for answer in CASES[name][1]])
def test_a_wrong_answer_is_told_what_is_wrong(name, answer):
    verdict = checker(name)(*answer)
    assert verdict.startswith("not yet: ")
    assert not verdict


@pytest.mark.parametrize("name", CASES)
def test_the_right_answer_is_right(name):
    verdict = checker(name)(*CASES[name][2])
    assert verdict.startswith("right: ")
    assert verdict


def test_an_answer_that_fails_is_one_line_with_its_error():
    @checks.checker
    def of_nothing(answer):
        return answer(1)

    del checks.CHECKERS["test_checks.of_nothing"]
    assert repr(of_nothing(lambda x: x / 0)) == (
        "not yet: it raised ZeroDivisionError: division by zero; it divides by something that can be 0"
    )
    assert repr(of_nothing(lambda x: ...)) == "not attempted yet"
    assert repr(of_nothing(lambda x: (x, None))) == "not attempted yet"
