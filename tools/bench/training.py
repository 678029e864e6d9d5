"""What training costs: holding masks, augmentation, and many small networks at once."""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

import snip_lib as sl
from snip_lib import data
from snip_lib.pruning.holding import Held
from snip_lib.runner import threads
from snip_lib.seeds import generator
from snip_lib.training.execution import Execution
from snip_lib.training.step import Step
from tools.bench import subjects
from tools.bench.clock import ROOT, Row, in_turn, medians


class TimedHold:
    """A held mask that notes how long it takes."""

    def __init__(self, held: Held):
        self.held, self.seconds = held, 0.0

    def mask_gradients_(self) -> None:
        self._timed(self.held.mask_gradients_)

    def mask_weights_(self) -> None:
        self._timed(self.held.mask_weights_)

    def _timed(self, do: Callable[[], None]) -> None:
        start = time.perf_counter()
        do()
        self.seconds += time.perf_counter() - start


def holding(repeats: int, small: bool) -> list[Row]:
    """Holding masks as a share of a training step."""
    network, batch = ("lenet-300-100", 8) if small else ("vgg-like", 128)
    model, x, y = subjects.scored(network, batch)
    held = TimedHold(sl.snip(model, x, y, sparsity=subjects.SPARSITY).hold(model))
    model.train()
    step = Step(
        model,
        lambda x, y: nn.functional.cross_entropy(model(x), y)[None],
        subjects.RECIPE,
        held=held,
        execution=Execution(),
    )
    spent: list[float] = []

    def one() -> None:
        held.seconds = 0.0
        step(x, y, rate=0.01)
        spent.append(held.seconds)

    (whole,) = in_turn(one, repeats=repeats)
    a, b = statistics.median(spent[1:]), statistics.median(whole)
    what = f"holding masks of {network} in a step, batch {batch}"
    return [Row("holding", what, "the step", a, b, "s", a / b, ("at most", 0.03), repeats)]


def augmentation(repeats: int, small: bool) -> list[Row]:
    """Flip and shift of a batch on one core beside torchvision's transforms of pictures, one by one."""
    from PIL import Image
    from torchvision import transforms

    pictures, batch = data.load("cifar10-sample"), 128
    bytes_ = (pictures.pixels(pictures.train_x) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    images = [Image.fromarray(np.ascontiguousarray(b)) for b in bytes_]
    steps = [transforms.RandomHorizontalFlip(), transforms.RandomCrop(32, padding=4), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(pictures.mean, pictures.std)])
    chosen = data.batch_indices(len(images), batch, 0, seed=0)

    def ours() -> None:
        data.flip_and_shift(pictures.train_x[chosen], generator=generator(0, "augment", 0))

    def theirs() -> None:
        torch.stack([transform(images[i]) for i in chosen.tolist()])

    with threads(1):
        a, b = (batch / seconds for seconds in medians(ours, theirs, repeats=3 * repeats))
    what = "augmented images per second and core"
    return [Row("augmentation", what, "torchvision on PIL", a, b, "1/s", a / b, ("at least", 5), 3 * repeats)]


def batched(repeats: int, small: bool) -> list[Row]:
    """Twenty LeNets as one computation, one by one, and in two processes: seconds a step of one network."""
    count, steps = (4, 2) if small else (20, 10)
    return [row for network in ("lenet-300-100", "lenet-5-caffe") for row in _batched(network, count, steps, repeats)]


def _batched(network: str, count: int, steps: int, repeats: int) -> list[Row]:
    together, alone = subjects.together(network, count), subjects.trainers(network, count)
    with _workers(network, count // 2, steps, True) as stacked, _workers(network, count // 2, steps, False) as single:
        ways = [_rounds(each, steps, cores) for cores in (1, 2) for each in (together, alone)]
        taken = [seconds / steps / count for seconds in medians(*ways, stacked, single, repeats=repeats)]
    rows = []
    for place, where in enumerate(("one thread", "two threads", "two processes of one thread")):
        ours, other = taken[2 * place : 2 * place + 2]
        what = f"{count} of {network} together, a step of one, {where}"
        rows.append(Row("batched", what, "one by one", ours, other, "s", other / ours, None, repeats))
    return rows


def _rounds(trainers: list, steps: int, cores: int) -> Callable[[], None]:
    def run() -> None:
        with threads(cores):
            for _ in range(steps):
                for trainer in trainers:
                    trainer.step()

    return run


@contextlib.contextmanager
def _workers(network: str, count: int, steps: int, together: bool) -> Iterator[Callable[[], None]]:
    """Two processes of one thread, each with `count` networks: a function that has both do one round."""
    command = [sys.executable, "-m", "tools.bench.jobs", "steps", *map(str, (network, count, steps, together))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    workers = [subprocess.Popen(command, **pipes) for _ in range(2)]

    def both() -> None:
        for worker in workers:
            worker.stdin.write("\n")
            worker.stdin.flush()
        for worker in workers:
            assert worker.stdout.readline() == "done\n"

    try:
        for worker in workers:
            assert worker.stdout.readline() == "ready\n"
        yield both
    finally:
        for worker in workers:
            worker.communicate()
