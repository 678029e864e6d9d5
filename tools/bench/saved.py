"""What a pruned network saves in time: without its cut-off units, and by sparse products, beside the whole network."""

import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

import snip_lib as sl
from snip_lib.runner import threads
from snip_lib.training.execution import Execution
from snip_lib.training.step import Step
from tools.bench import subjects
from tools.bench.clock import Row, medians

SPARSITIES = (0.9, 0.95, 0.98, 0.99)
CALLS = {1: 200, 128: 20}  # batch -> passes of LeNet-300-100 in one measurement, enough for the clock
STEPS = (("alexnet-s", 0.9), ("vgg-like", 0.97), ("vgg-like", 0.99))  # the paper's sparsities, and one beyond


def saved(repeats: int, small: bool) -> list[Row]:
    """Passes of LeNet-300-100, and training steps of networks with convolutions: float32, one thread, no goals."""
    with threads(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        passes = [row for each in SPARSITIES for batch in CALLS for row in _passes(each, batch, repeats)]
        return passes + [_step(*case, 8 if small else 128, repeats) for case in STEPS[: 1 if small else None]]


def _passes(sparsity: float, batch: int, repeats: int) -> list[Row]:
    """A pass without gradients: of the whole network, whose pruned weights are zeros like any other number, and of two
    programs that leave them out."""
    model, masks, x = _pruned("lenet-300-100", "digits", 100, sparsity)
    small, left = sl.pruning.compact(model, masks)
    x = x[:1].expand(batch, -1, -1, -1).contiguous()
    passes = masks.apply_(model), left.apply_(small), _by_sparse_products(small)
    whole, *ours = medians(*(_repeated(each, x, CALLS[batch]) for each in passes), repeats=repeats)
    what = f"a pass of lenet-300-100, {100 * sparsity:g} % pruned, batch {batch}"
    return [
        Row("saved", f"{what}: {how}", "the whole network", seconds, whole, "s", whole / seconds, None, repeats)
        for how, seconds in zip(("compact", "sparse products"), ours, strict=True)
    ]


def _step(network: str, sparsity: float, batch: int, repeats: int) -> Row:
    """A training step of the compact network beside one of the whole, each under its masks."""
    model, masks, x = _pruned(network, "cifar10-sample", 128, sparsity)
    x, y = x[:batch], torch.arange(batch) % 10
    steps = []
    for net, mask in ((model, masks), sl.pruning.compact(model, masks)):
        held = mask.hold(net.train())
        step = Step(net, _losses(net), subjects.RECIPE, held=held, execution=Execution())
        steps.append(lambda step=step: step(x, y, rate=1e-3))
    whole, compact = medians(*steps, repeats=repeats)
    what = f"a step of {network}, {100 * sparsity:g} % pruned, batch {batch}: compact"
    return Row("saved", what, "the whole network", compact, whole, "s", whole / compact, None, repeats)


def _pruned(network: str, data: str, batch: int, sparsity: float) -> tuple[nn.Module, sl.Masks, Tensor]:
    """A network, its mask by SNIP, and the pictures that it was scored on: which units go depends on what they show."""
    model = sl.models.build(network, generator=0)
    x, y = sl.data.pruning_batch(sl.data.load(data), batch, seed=0)
    return model, sl.snip(model, x, y, sparsity=sparsity), x


def _losses(model: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, y: nn.functional.cross_entropy(model(x), y)[None]


def _by_sparse_products(model: nn.Sequential) -> Callable[[Tensor], Tensor]:
    """LeNet-300-100 with matrices in compressed rows (CSR), as torch multiplies them: (units, inputs) x (inputs, n).

    Without biases, of which the mask leaves none.
    """
    first, second, third = (layer.weight.detach().to_sparse_csr() for layer in (model.fc1, model.fc2, model.fc3))
    return lambda x: (third @ (second @ (first @ x.flatten(1).T).relu_()).relu_()).T


def _repeated(network: Callable[[Tensor], Tensor], x: Tensor, times: int) -> Callable[[], float]:
    """A function that has the network read x so many times, and returns the seconds of one."""

    @torch.no_grad()
    def run() -> float:
        start = time.perf_counter()
        for _ in range(times):
            network(x)
        return (time.perf_counter() - start) / times

    return run
