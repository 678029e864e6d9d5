"""What a mask costs: beyond the passes it needs, and its selection beside torch's."""

import contextlib
import statistics
import time
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils import prune

import snip_lib as sl
from snip_lib.pruning import top as selection
from tools.bench import subjects
from tools.bench.clock import Row, fresh, in_turn, medians


def mask(repeats: int, small: bool) -> list[Row]:
    """A mask (scores, selection, application) beyond one forward pass and one gradient: time and memory."""
    cases = [("lenet-300-100", 8, 0.1)] if small else [("vgg-like", 128, 0.10), ("wrn-16-8", 128, 0.03)]
    return [row for case in cases for row in _mask_beyond_floor(*case, repeats=repeats)]


def _mask_beyond_floor(network: str, batch: int, goal: float, *, repeats: int) -> list[Row]:
    model, x, y = subjects.scored(network, batch)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    inside: list[float] = []

    def masked() -> float:
        model.load_state_dict(weights)
        start = time.perf_counter()
        with _passes(model, inside):
            sl.snip(model, x, y, sparsity=subjects.SPARSITY).apply_(model)
        return time.perf_counter() - start

    both, floor = in_turn(masked, lambda: len(subjects.floor(model, x, y)), repeats=repeats)
    beyond = statistics.median(whole - passes for whole, passes in zip(both, inside[1:], strict=True))
    base = statistics.median(floor)
    difference = statistics.median(both) - base
    memory = [fresh("memory", what, network, batch)["peak"] for what in ("mask", "floor")]
    name, bound = f"a mask of {network}, batch {batch}", ("at most", goal)
    return [
        Row("mask", f"{name}: all but its passes", "floor", beyond, base, "s", beyond / base, bound, repeats),
        Row("mask", f"{name}: minus the floor", "floor", difference, base, "s", difference / base, bound, repeats),
        Row("mask", f"{name}: peak memory", "floor", *memory, "MB", memory[0] / memory[1], ("at most", 1.10)),
    ]


@contextlib.contextmanager
def _passes(model: nn.Module, seconds: list[float]) -> Iterator[None]:
    """Note how long the forward pass and the gradient within take, from the model's call to the gradient's end."""
    begun, gradient = [], torch.autograd.grad

    def timed(*arguments, **options):
        result = gradient(*arguments, **options)
        seconds.append(time.perf_counter() - begun[0])
        return result

    hook = model.register_forward_pre_hook(lambda *_: begun.append(time.perf_counter()))
    torch.autograd.grad = timed
    try:
        yield
    finally:
        torch.autograd.grad = gradient
        hook.remove()


def torch_prune(repeats: int, small: bool) -> list[Row]:
    """Selection and application beside torch.nn.utils.prune, given the same scores."""
    network = "lenet-300-100" if small else "vgg-like"
    model, _, _ = subjects.scored(network, 1)
    scores = sl.criteria.random(model, generator=0)

    def ours() -> None:
        sl.keep_top(scores, sparsity=subjects.SPARSITY).apply_(model)

    def theirs() -> float:
        other, _, _ = subjects.scored(network, 1)
        owned = {name: (other.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2]) for name in scores}
        start = time.perf_counter()
        prune.global_unstructured(
            list(owned.values()),
            pruning_method=prune.L1Unstructured,
            importance_scores={owned[name]: score for name, score in scores.items()},
            amount=subjects.SPARSITY,
        )
        return time.perf_counter() - start

    a, b = medians(ours, theirs, repeats=repeats)
    what = f"selecting and applying a mask of {network}"
    return [Row("torch prune", what, "global_unstructured", a, b, "s", b / a, ("at least", 10), repeats)]


def topk(repeats: int, small: bool) -> list[Row]:
    """Exact selection of the top 3 % beside torch.topk: time, and memory beyond the scores."""
    rows = []
    for number in (100_000,) if small else (15_000_000, 100_000_000):
        scores, kept = subjects.scores(number), subjects.kappa(number)
        a, b = medians(
            lambda scores=scores, kept=kept: len(selection.top({"all": scores}, kept)),
            lambda scores=scores, kept=kept: len(torch.topk(scores, kept)),
            repeats=repeats,
        )
        del scores
        used = [fresh("memory", what, number) for what in ("top", "topk")]
        extra = [each["peak"] - each["before"] for each in used]
        what = f"top 3 % of {number:,} scores"
        rows.append(Row("topk", what, "torch.topk", a, b, "s", b / a, ("at least", 2.5), repeats))
        rows.append(Row("topk", f"{what}: memory", "torch.topk", *extra, "MB", extra[0] / extra[1], ("at most", 0.25)))
    return rows
