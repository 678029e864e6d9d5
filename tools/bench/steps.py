"""A training step of each network, in several executions, beside the time its multiplications alone would take; and
what a run on a CPU wishes for, beside plain float32."""

import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from snip_lib.models import INPUT_SHAPES
from snip_lib.pruning import multiplications
from snip_lib.runner import threads
from snip_lib.training.execution import Execution, has_bfloat16
from snip_lib.training.step import Step
from tools.bench import subjects
from tools.bench.clock import Row, in_turn

BATCH = 128
NETWORKS = [name for name in INPUT_SHAPES if not name.startswith("resnet")]  # the paper's
ON_A_CPU = ["lenet-300-100", "lenet-5-caffe", "vgg-like"]
DTYPES = (torch.float32, torch.bfloat16)
SIDE = {"cpu": 2048, "cuda": 8192}  # of the matrices whose product tells the rate
EXECUTIONS = {
    "cpu": {
        "plain": Execution(),
        "channels last": Execution(channels_last=True),
        "fused": Execution(fused=True),
        "bfloat16": Execution(autocast=True, channels_last=True),
    },
    "cuda": {
        "plain": Execution(),
        "default": Execution.on("cuda"),
        "bfloat16": Execution.on("cuda", "bfloat16"),
        "bfloat16, graph": Execution(autocast=True, channels_last=True, fused=True, graph=True),
        "bfloat16, compiled": Execution(autocast=True, channels_last=True, fused=True, compile="inductor", graph=True),
    },
}


def steps(repeats: int, small: bool) -> list[Row]:
    """Seconds of a step at batch 128 beside the floor: counted operations over the measured rate of a matrix product.

    On a GPU all the paper's networks; on a CPU some. No goal: the ratio tells how much is left to gain.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    names = ["lenet-300-100"] if small else (NETWORKS if device == "cuda" else ON_A_CPU)
    return [row for name in names for row in _beside_floor(name, device, repeats, 256 if small else SIDE[device])]


# Network -> (batch, how many times as fast as plain float32, where the processor multiplies in bfloat16).
WISHED = {"vgg-like": (128, 1.7), "alexnet-s": (128, None), "resnet-20": (128, 2.2), "lenet-5-caffe": (100, 1.9)}


def wished(repeats: int, small: bool) -> list[Row]:
    """A step in bfloat16 with the channels innermost, as runs on a CPU wish for, beside plain float32, on one thread.

    Where the processor has no bfloat16 the step is in float32, the row says so, and there is nothing to reach.
    """
    execution = Execution.on("cpu", "bfloat16", "channels-last")
    cases = {"lenet-5-caffe": (8, None)} if small else WISHED
    with threads(1):
        return [_beside_plain(network, *case, execution, repeats) for network, case in cases.items()]


def _beside_plain(network: str, batch: int, goal: float | None, execution: Execution, repeats: int) -> Row:
    ways = [_step(network, each, "cpu", batch) for each in (execution, Execution())]
    ours, plain = (statistics.median(each) for each in in_turn(*ways, repeats=repeats))
    what = f"a step of {network}, batch {batch}, one thread: {execution.computed}"
    bound = ("at least", goal) if goal and has_bfloat16("cpu") else None
    return Row("wished", what, "float32, plain", ours, plain, "s", plain / ours, bound, repeats)


def _beside_floor(network: str, device: str, repeats: int, side: int) -> list[Row]:
    executions = EXECUTIONS[device]
    ways = [_step(network, execution, device) for execution in executions.values()]
    products = [_product(side, dtype, device) for dtype in DTYPES]  # in turn with the steps, to see the same machine
    taken = [statistics.median(each) for each in in_turn(*ways, *products, repeats=repeats)]
    seconds = {dtype: each / (2 * side**3) for dtype, each in zip(DTYPES, taken[len(ways) :], strict=True)}
    rows = []
    for (how, execution), ours in zip(executions.items(), taken[: len(ways)], strict=True):
        floor = operations(network) * seconds[DTYPES[execution.autocast]]
        what = f"a step of {network}, batch {BATCH}: {how}"
        rows.append(Row("steps", what, "its multiplications alone", ours, floor, "s", ours / floor, None, repeats))
    return rows


def operations(network: str) -> int:
    """Floating-point operations of a step's matrix products and convolutions: forward, to weights, to inputs."""
    model, x, _ = subjects.scored(network, 1)
    counts = [2 * BATCH * number for number in multiplications(model, x).values()]
    return 3 * sum(counts) - counts[0]  # nobody asks for the gradient to the pictures


def _product(side: int, dtype: torch.dtype, device: str) -> Callable[[], float]:
    """One product of two square matrices."""
    a = torch.ones(side, side, dtype=dtype, device=device)
    return _measured(lambda: a @ a, device, 50 if device == "cuda" else 1)


def _step(network: str, execution: Execution, device: str, batch: int = BATCH) -> Callable[[], float]:
    model, x, y = subjects.scored(network, batch, device)
    model.train()
    if execution.channels_last:
        model, x = (each.to(memory_format=torch.channels_last) for each in (model, x))

    def losses(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with execution.precision(x.device):
            return nn.functional.cross_entropy(model(x), y)[None]

    step = Step(model, losses, subjects.RECIPE, held=None, execution=execution)
    return _measured(lambda: step(x, y, rate=1e-3), device, 50 if device == "cuda" else 1)


def _measured(do: Callable[[], object], device: str, times: int) -> Callable[[], float]:
    """A function that does it so many times, waits for the device, and returns the seconds of one."""

    def run() -> float:
        start = time.perf_counter()
        for _ in range(times):
            do()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - start) / times

    return run
