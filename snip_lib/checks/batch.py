"""Exercises of *The pruning batch*."""

import torch

from snip_lib.checks.verdict import Wrong, checker


@checker
def accumulated(answer):
    """A function (slopes, sizes) that returns the scores of one batch of all examples, from the means of its parts."""
    examples = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
    sizes = [40, 40, 20]
    slopes = [part.mean(0) for part in examples.split(sizes)]
    given = answer([slope.clone() for slope in slopes], list(sizes))
    expected = examples.mean(0).abs()
    first = sum(n * slope.abs() for n, slope in zip(sizes, slopes, strict=True))
    mistakes = (
        (examples.mean(0), "a score has no sign: take the absolute value at the end"),
        (torch.stack(slopes).mean(0).abs(), "the last batch is half as large, and counts half as much"),
        (first / 100, "slopes of opposite sign cancel: take the absolute value last"),
        (expected * 100, "divide by the number of examples; the ranking would be the same, the scores are not"),
    )
    for wrong, why in mistakes:
        if torch.allclose(given, wrong) and not torch.allclose(wrong, expected):
            raise Wrong(why)
    if not torch.allclose(given, expected, atol=1e-6):
        raise Wrong("add up size times slope, divide by all examples, take the absolute value")
    return "the same as one batch of a hundred, with parts of 40, 40 and 20"
