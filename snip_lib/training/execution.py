"""How a device computes a step, which leaves what is computed as it is: precision, layout, compiling, graphs."""

import functools
from dataclasses import dataclass
from pathlib import Path

import torch

DTYPES = ("float32", "bfloat16")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of a processor that multiplies bfloat16 by itself
AMPERE = (8, 0)  # the first GPUs that do; a T4 (7.5) only emulates it


@dataclass(frozen=True)
class Execution:
    """How steps are computed. The default is plain float32, one operation after another.

    autocast: products and convolutions in bfloat16, weights and sums in float32. channels_last: images and weights with
    the channels innermost, as tensor cores want them. fused: the optimizer as one kernel. compile: a backend of
    torch.compile ("inductor", …) for the whole step. graph: the step as one CUDA graph, after a few plain ones, with a
    fused optimizer.
    """

    autocast: bool = False
    channels_last: bool = False
    fused: bool = False
    compile: str | None = None
    graph: bool = False

    @classmethod
    def on(cls, device: torch.device | str, dtype: str = "float32", layout: str = "plain") -> "Execution":
        """What is sensible on a device: as wished on a CPU, channels last and a fused optimizer on a GPU.

        dtype: "float32", or "bfloat16" for autocast where the device multiplies in it (else float32, as `computed`
        says). layout: "plain" or "channels-last". Compiling and graphs cost a start that short runs do not earn back,
        so they are asked for by name. Raises ValueError for another dtype.

        >>> Execution.on("cpu", layout="channels-last").computed
        'float32, channels-last'
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
        gpu = torch.device(device).type != "cpu"
        autocast = dtype == "bfloat16" and has_bfloat16(device)
        return cls(autocast=autocast, channels_last=gpu or layout == "channels-last", fused=gpu)

    @property
    def computed(self) -> str:
        """Precision and layout in words, for a record."""
        return f"{'bfloat16' if self.autocast else 'float32'}, {'channels-last' if self.channels_last else 'plain'}"

    @property
    def rate_on_device(self) -> bool:
        """Whether the learning rate must be a tensor, so that a compiled or captured step sees it change."""
        return self.compile is not None or self.graph

    def precision(self, device: torch.device) -> torch.autocast:
        """The context in which the network is evaluated."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.autocast, cache_enabled=False)


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device multiplies bfloat16 by itself, without emulating it; a GPU that is not here is not doubted."""
    if torch.device(device).type == "cuda":
        return not torch.cuda.is_available() or gpu_has_bfloat16(torch.cuda.get_device_capability(device))
    return processor_has_bfloat16(_processor())


def gpu_has_bfloat16(capability: tuple[int, int]) -> bool:
    """The same of a GPU, from its compute capability (major, minor).

    >>> gpu_has_bfloat16((7, 5)), gpu_has_bfloat16((8, 0))  # a T4, an A100
    (False, True)
    """
    return tuple(capability) >= AMPERE


def processor_has_bfloat16(told: str) -> bool:
    """The same of a processor, from the text in which Linux tells its flags ("flags" on x86, "Features" on ARM).

    >>> processor_has_bfloat16("flags : fpu avx2 avx512_bf16"), processor_has_bfloat16("flags : fpu avx2")
    (True, False)
    """
    lines = [line.partition(":") for line in told.splitlines()]
    flags = {flag for key, _, words in lines if key.strip() in ("flags", "Features") for flag in words.split()}
    return bool(flags & BFLOAT16_FLAGS)


@functools.cache
def _processor() -> str:
    """What Linux tells of the processor; nothing on another system, where float32 is the safe answer."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
