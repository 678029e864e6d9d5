"""Exercises of *What initialization does to the mask*."""

import math

import torch

from snip_lib import init, models
from snip_lib.checks.raised import shown
from snip_lib.checks.verdict import Wrong, checker
from snip_lib.pruning.top import top
from snip_lib.scoring.sensitivity import connection_gradient


@checker
def common_factor(factor):
    """By what all g of LeNet-5-Caffe are multiplied when every layer's weights are, by 10, at small outputs."""
    answer = float(factor)
    if math.isclose(answer, 10_000):
        return "four layers, 10 each: every connection's path passes all four"
    if math.isclose(answer, 10):
        raise Wrong("the connection's own weight is 10 times larger, and so are the other three layers on its way")
    if math.isclose(answer, 1_000):
        raise Wrong("count its own layer too: g is w times dL/dw")
    raise Wrong("the outputs are multiplied by the product of all factors, and g with them")


@checker
def powers_of_the_lstm(input_gates, state_gates, candidate):
    """Powers of σ for p → gates, h → gates and h → candidate, beside p → candidate."""
    answer, wanted = (float(input_gates), float(state_gates), float(candidate)), _measured_powers()
    if all(abs(given - right) < 0.1 for given, right in zip(answer, wanted, strict=True)):
        return f"measured between σ = 0.0003 and 0.001: {', '.join(f'{power:.2f}' for power in wanted)}"
    if answer == (2, 3, 0):
        raise Wrong("what the state sends to the candidate is a power smaller than what the input sends")
    if answer == (1, 2, 1):
        raise Wrong("p is of the order σ, and so the sum in a gate W p of the order σ²")
    raise Wrong("an open gate is ½ and a little: how large is that little, beside what it multiplies?")


def _measured_powers() -> list[float]:
    sizes = [_sizes(std) for std in (0.001, 0.0003)]
    return [math.log(one / other) / math.log(10 / 3) for one, other in zip(*sizes, strict=True)]


def _sizes(std: float) -> list[float]:
    """Mean |g| of the input gate's halves and of h → candidate, over that of p → candidate."""
    model = init.initialize_(models.named("lstm-s")((1, 28, 28), 10), "rn", std=std, generator=0).double()
    x = torch.randn(8, 1, 28, 28, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    g = connection_gradient(model, x, torch.arange(8))
    arriving, state = (g[f"cell.weight_{half}_l0"].abs().chunk(4) for half in ("ih", "hh"))
    unit = arriving[2].mean()  # PyTorch's order of gates: input, forget, candidate, output
    return [(part.mean() / unit).item() for part in (arriving[0], state[0], state[2])]


@checker
def empty_up_to(count):
    """A function (scores, name): the largest number kept of all at which nothing of that tensor is kept."""
    for seed in range(4):
        scores, name = _some_scores(seed)
        wanted = max(k for k in range(40) if not top(scores, k)[name].any())
        given = int(count({key: value.clone() for key, value in scores.items()}, name))
        if given == wanted:
            continue
        best = scores[name].max()
        if given == int((scores[name] > best).sum()):
            raise Wrong("count in all tensors: the others' scores come before this one's best")
        if given == wanted + 1:
            raise Wrong("one too many: with that many kept, its best connection is among them")
        raise Wrong(
            f"it says {shown(given)}, and keeping {wanted} of all still leaves {name!r} empty, {wanted + 1} does not"
        )
    return "as many as score higher than the tensor's best connection, tried by keeping them"


def _some_scores(seed: int) -> tuple[dict[str, torch.Tensor], str]:
    source = torch.Generator().manual_seed(seed)
    sizes, scales = {"first": (3, 4), "second": (2, 6), "third": (5, 4)}, (1.0, 0.6, 0.8)
    drawn = {n: s * torch.rand(size, generator=source) for (n, size), s in zip(sizes.items(), scales, strict=True)}
    return drawn, ("second", "third")[seed % 2]
