"""What is measured in a process of its own: memory, and steps of networks beside another such process.

python -m tools.bench.jobs JOB [ARGUMENT …]        prints one line of JSON
"""

import json
import sys
from collections.abc import Callable

import torch

import snip_lib as sl
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
    return lambda: sl.selection.top({"all": scores}, subjects.kappa(int(number)))


def _status(field: str) -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field))


if __name__ == "__main__":
    print(json.dumps({"memory": memory, "steps": steps}[sys.argv[1]](*sys.argv[2:])))
