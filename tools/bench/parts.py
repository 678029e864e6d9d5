"""What is measured. Every part is a function (repeats, small) that returns rows; small: in seconds, to try it."""

import subprocess
import sys
from collections.abc import Callable

from tools.bench.clock import ROOT, Row, medians
from tools.bench.criteria import criteria
from tools.bench.growth import growth
from tools.bench.overlap import overlap
from tools.bench.pruning import mask, topk, torch_prune
from tools.bench.saved import saved
from tools.bench.steps import steps, wished
from tools.bench.training import augmentation, batched, holding


def importing(repeats: int, small: bool) -> list[Row]:
    """Importing snip_lib beyond torch and torchvision, in fresh processes."""

    def process(code: str) -> Callable[[], int]:
        return lambda: subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True).returncode

    base, ours = medians(
        process("import torch, torchvision"),
        process("import torch, torchvision, snip_lib"),
        repeats=repeats,
    )
    what, beside, bound = "importing snip_lib as well", "torch and torchvision", ("at most", 0.2)
    return [Row("import", what, beside, ours, base, "s", ours - base, bound, repeats)]


PARTS = {
    "mask": mask,
    "criteria": criteria,
    "torch prune": torch_prune,
    "topk": topk,
    "holding": holding,
    "augmentation": augmentation,
    "batched": batched,
    "steps": steps,
    "wished": wished,
    "growth": growth,
    "overlap": overlap,
    "saved": saved,
    "import": importing,
}
