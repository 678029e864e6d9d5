"""What scoring and training take as networks, pictures and classes grow: seconds and memory, one thread, float32.

Memory is the peak of a process of its own that does nothing else, less what it held before the first pass.
"""

import statistics

from tools.bench.clock import Row, fresh

BATCH = 128
# (network, side of its pictures, classes). From 64 pixels on the first convolution's stride is doubled, so that 64x64
# pictures cost what 32x32 ones do, and 128x128 four times as much.
CASES = (
    ("lenet-300-100", 28, 10),
    ("alexnet-s", 32, 10),
    ("alexnet-s", 64, 200),
    ("alexnet-s", 128, 200),
    ("alexnet-s", 128, 1000),
    ("vgg-like", 32, 10),
    ("vgg-like", 64, 200),
    ("vgg-like", 64, 1000),
    ("vgg-like", 128, 200),
)
SMALL = (("lenet-300-100", 28, 10), ("lenet-300-100", 28, 20))


def growth(repeats: int, small: bool) -> list[Row]:
    """Two rows a case: scoring with its mask beside one step of training, in seconds and in MB."""
    batch, times = (8, 1) if small else (BATCH, min(repeats, 3))
    return [row for case in (SMALL if small else CASES) for row in _case(*case, batch, times)]


def _case(network: str, side: int, classes: int, batch: int, repeats: int) -> list[Row]:
    score, step = (fresh("growth", what, network, side, classes, batch, repeats) for what in ("score", "step"))
    what = f"scoring {network}, {side}x{side}, {classes} classes, {score['parameters']:,} parameters, batch {batch}"
    seconds = [statistics.median(each["seconds"]) for each in (score, step)]
    memory = [each["peak"] - each["before"] for each in (score, step)]
    beside = "a step of training"
    return [
        Row("growth", what, beside, *seconds, "s", seconds[0] / seconds[1], None, repeats),
        Row("growth", f"{what}: memory", beside, *memory, "MB", memory[0] / memory[1], None),
    ]
