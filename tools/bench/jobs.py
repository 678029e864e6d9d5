"""What is measured in a process of its own: memory, and steps of networks beside another such process.

python -m tools.bench.jobs JOB [ARGUMENT …]        prints one line of JSON
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

import snip_lib as sl
from snip_lib.pruning import top
from snip_lib.training.execution import Execution
from snip_lib.training.step import Step
from tools.bench import subjects


def memory(what: str, *arguments: str) -> dict:
    """Peak memory of a process that does one thing, and what it held before, both in MB."""
    do = {"floor": _floor, "mask": _mask, "topk": _topk, "top": _top}[what](*arguments)
    before = _status("VmRSS")
    kept = do()
    return {"peak": _status("VmHWM"), "before": before, "kept": len(kept)}


def steps(network: str, count: str, rounds: str, together: str) -> dict:
    """Train `count` networks on one thread, together or one by one: a round of steps for every line that comes in."""
    torch.set_num_threads(1)
    trainers = subjects.together if together == "True" else subjects.trainers
    made = trainers(network, int(count))
    print("ready", flush=True)
    for _ in sys.stdin:
        for _ in range(int(rounds)):
            for trainer in made:
                trainer.step()
        print("done", flush=True)
    return {}


def growth(what: str, network: str, side: str, classes: str, batch: str, part: str, repeats: str) -> dict:
    """Score a network, or train it, some times after one that does not count: seconds of each, and memory in MB.

    part: how many examples are scored at a time, "None" for all; a step of training takes all.
    """
    torch.set_num_threads(1)
    model, x, y = subjects.scored(network, int(batch), side=int(side), classes=int(classes))
    before, seconds = _status("VmRSS"), []
    size = int(batch if part == "None" else part)
    do = _scoring(model, x, y, size) if what == "score" else _training(model, x, y)
    for _ in range(1 + int(repeats)):
        start = time.process_time()
        do()
        seconds.append(time.process_time() - start)
    parameters = sum(p.numel() for p in sl.prunable_parameters(model).values())
    return {"peak": _status("VmHWM"), "before": before, "seconds": seconds[1:], "parameters": parameters}


def _scoring(model: nn.Module, x: Tensor, y: Tensor, size: int) -> Callable[[], object]:
    batches = list(zip(x.split(size), y.split(size), strict=True))
    return lambda: sl.snip(model, batches, sparsity=subjects.SPARSITY)


def _training(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], object]:
    model.train()

    def losses(x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(model(x), y)[None]

    step = Step(model, losses, subjects.RECIPE, held=None, execution=Execution())
    return lambda: step(x, y, rate=1e-3)


def _floor(network: str, batch: str) -> Callable[[], object]:
    model, x, y = subjects.scored(network, int(batch))
    return lambda: subjects.floor(model, x, y)


def _mask(network: str, batch: str) -> Callable[[], object]:
    model, x, y = subjects.scored(network, int(batch))

    def mask():
        masks = sl.snip(model, x, y, sparsity=subjects.SPARSITY)
        masks.apply_(model)
        return masks

    return mask


def _topk(number: str) -> Callable[[], object]:
    scores = subjects.scores(int(number))
    return lambda: torch.topk(scores, subjects.kappa(int(number)))


def _top(number: str) -> Callable[[], object]:
    scores = subjects.scores(int(number))
    return lambda: top.top({"all": scores}, subjects.kappa(int(number)))


def _status(field: str) -> float:
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field))


if __name__ == "__main__":
    print(json.dumps({"memory": memory, "steps": steps, "growth": growth}[sys.argv[1]](*sys.argv[2:])))
