"""Exact selection against a stable sort: ties, signs, zeros of both kinds, every precision, several tensors."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from snip_lib.pruning import top as selection

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
LIMITS = [float.fromhex(h) for h in ("0x1p-149", "-0x1p-149", "0x1.fffffep127", "-0x1.fffffep127", "0x1p-1074")]


def by_sorting(scores, kappa):
    """The same masks by a stable sort of Python's floats, which hold every value of every precision exactly."""
    flat = [value for score in scores.values() for value in score.flatten().tolist()]
    best = set(sorted(range(len(flat)), key=lambda i: -flat[i])[:kappa])
    kept = torch.tensor([i in best for i in range(len(flat))])
    parts = kept.split([score.numel() for score in scores.values()])
    return {name: part.view(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}


def assert_as_sorted(scores, kappa):
    masks = selection.top(scores, kappa)
    expected = by_sorting(scores, kappa)
    assert list(masks) == list(scores)
    for name, mask in masks.items():
        assert mask.dtype == torch.bool
        assert torch.equal(mask, expected[name]), (name, kappa)
    assert sum(int(mask.sum()) for mask in masks.values()) == kappa


few_values = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, *LIMITS])
any_value = st.floats(allow_nan=False, allow_infinity=False, width=32)
values = st.lists(few_values, min_size=1, max_size=30) | st.lists(any_value, min_size=1, max_size=30)


@settings(max_examples=200)
@given(tensors=st.lists(st.tuples(values, st.sampled_from(DTYPES)), min_size=1, max_size=4), share=st.floats(0, 1))
@example(tensors=[([0.0, -0.0, 0.0, -0.0], torch.float32)], share=0.5)
@example(tensors=[([-0.0, 1.0], torch.float64), ([0.0], torch.float16)], share=0.4)
def test_top_equals_a_stable_sort(tensors, share):
    scores = {}
    for i, (numbers, dtype) in enumerate(tensors):
        low, high = torch.finfo(dtype).min, torch.finfo(dtype).max
        scores[str(i)] = torch.tensor(numbers, dtype=torch.float64).clamp(low, high).to(dtype)
    total = sum(score.numel() for score in scores.values())
    assert_as_sorted(scores, min(total, 1 + int(share * total)))


@given(seed=st.integers(0, 2**30), kappa=st.integers(1, 24))
def test_shapes_and_layouts_do_not_matter(seed, kappa):
    numbers = torch.randint(-2, 3, (2, 3, 2, 2), generator=torch.Generator().manual_seed(seed)).float()
    assert_as_sorted({"a": numbers}, kappa)
    assert_as_sorted({"a": numbers.to(memory_format=torch.channels_last)}, kappa)
    assert_as_sorted({"a": numbers.transpose(0, 2)}, kappa)
    assert_as_sorted({"scalar": numbers[0, 0, 0, 0], "empty": numbers[:0], "row": numbers[1, 1, 1]}, min(kappa, 3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["distinct", "signed", "half of it zero"])
def test_threshold_of_more_scores_than_one_chunk_equals_a_sort(dtype, kind):
    scores = torch.randn(2 * selection.CHUNK + 17, generator=torch.Generator().manual_seed(0), dtype=dtype)
    scores = scores if kind == "signed" else scores.abs()
    if kind == "half of it zero":
        scores[::2] = 0
    order = scores.sort(descending=True, stable=True)
    for kappa in (1, 1000, len(scores) // 3, len(scores) // 2 + 100, len(scores) - 1, len(scores)):
        value, ties, equal = selection.threshold([scores], kappa)
        assert value == order.values[kappa - 1]
        assert equal == int((scores == value).sum())
        assert ties == kappa - int((scores > value).sum())
        expected = torch.zeros(len(scores), dtype=torch.bool).index_fill(0, order.indices[:kappa], True)
        assert torch.equal(selection.top({"a": scores}, kappa)["a"], expected)


def test_scores_are_left_as_they_were():
    scores = {"a": torch.tensor([-0.0, 2.0, -3.0]), "b": torch.tensor([2.0, 2.0])}
    before = {name: score.clone() for name, score in scores.items()}
    selection.top(scores, 2)
    for name in scores:
        assert torch.equal(scores[name].view(torch.int32), before[name].view(torch.int32))


FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@pytest.mark.parametrize("one", FLOATS)
@pytest.mark.parametrize("other", [*FLOATS, *INTEGERS])
def test_scores_are_compared_in_float32_exactly_where_it_holds_both_kinds(one, other):
    """Read off two neighbouring numbers of each kind, the largest or next to 1, that float32 must tell apart."""

    def told_apart(dtype):
        if dtype.is_floating_point:
            pair = torch.tensor([1.0, 1.0 + torch.finfo(dtype).eps], dtype=dtype)
        else:
            pair = torch.tensor([torch.iinfo(dtype).max - 1, torch.iinfo(dtype).max], dtype=dtype)
        return bool((pair.float() != pair.float().flip(0)).all())

    scores = {"a": torch.ones(2, dtype=one), "b": torch.ones(2, dtype=other)}
    assert selection.common(scores) == (torch.float32 if told_apart(one) and told_apart(other) else torch.float64)
