"""What scoring and training take as networks, pictures, classes and batches grow: seconds and memory, one thread.

Memory is the peak of a process of its own that does nothing else, less what it held before the first pass. Seconds are
those of the processor, so that what else the machine does meanwhile counts little. All in float32.
"""

import statistics
from typing import NamedTuple

from tools.bench.clock import Row, fresh


class Case(NamedTuple):
    """What is scored, and trained for a step: side in pixels; part: examples scored at a time, None for all."""

    network: str
    side: int
    classes: int
    batch: int = 128
    part: int | None = None


# From 64 pixels on the first convolution's stride is doubled, so that 64x64 pictures cost what 32x32 ones do, and
# 128x128 four times as much.
CASES = (
    Case("lenet-300-100", 28, 10),
    Case("alexnet-s", 32, 10),
    Case("alexnet-s", 64, 200),
    Case("alexnet-s", 128, 200),
    Case("alexnet-s", 128, 1000),
    Case("vgg-like", 32, 10),
    Case("vgg-like", 64, 200),
    Case("vgg-like", 64, 1000),
    Case("vgg-like", 128, 200),
    Case("vgg-like", 64, 200, 32),
    Case("vgg-like", 64, 200, 512),
    Case("vgg-like", 64, 200, 512, 32),
)
SMALL = (Case("lenet-300-100", 28, 10, 8), Case("lenet-300-100", 28, 20, 8), Case("lenet-300-100", 28, 20, 8, 4))


def growth(repeats: int, small: bool) -> list[Row]:
    """Two rows a case: scoring with its mask beside one step of training, in seconds and in MB."""
    times = 1 if small else min(repeats, 3)
    return [row for case in (SMALL if small else CASES) for row in _rows(case, times)]


def _rows(case: Case, repeats: int) -> list[Row]:
    score, step = (fresh("growth", what, *case, repeats) for what in ("score", "step"))
    what = f"scoring {case.network}, {case.side}x{case.side}, {case.classes} classes"
    what += f", {score['parameters']:,} parameters, batch {case.batch}" + (
        f" in parts of {case.part}" if case.part else ""
    )
    seconds = [statistics.median(each["seconds"]) for each in (score, step)]
    memory = [each["peak"] - each["before"] for each in (score, step)]
    beside = "a step of training"
    return [
        Row("growth", what, beside, *seconds, "s", seconds[0] / seconds[1], None, repeats),
        Row("growth", f"{what}: memory", beside, *memory, "MB", memory[0] / memory[1], None),
    ]
