"""The ways in which a device could compute a training step, and which of them it lacks."""

from dataclasses import dataclass

import torch

from snip_lib.training.execution import Execution, has_bfloat16

TOGETHER = 3  # networks trained as one, where that is tried


@dataclass(frozen=True)
class Way:
    """One way: its name, how it computes, how many networks it trains as one, and why the device lacks it."""

    name: str
    execution: Execution
    together: int = 1
    missing: str | None = None


def ways(device: torch.device | str) -> tuple[Way, ...]:
    """All ways that make sense on a kind of device, the plain one first, compiled ones last.

    >>> [way.name for way in ways("cpu")]
    ['plain', 'channels-last', 'bfloat16', 'together', 'compiled']
    """
    native = None if has_bfloat16(device) else "the device does not multiply in bfloat16 by itself"
    return _on_a_cpu(native) if torch.device(device).type == "cpu" else _on_a_gpu(native)


def _on_a_cpu(native: str | None) -> tuple[Way, ...]:
    return (
        Way("plain", Execution()),
        Way("channels-last", Execution(channels_last=True)),
        Way("bfloat16", Execution(autocast=True, channels_last=True), missing=native),
        Way("together", Execution(), TOGETHER),
        Way("compiled", Execution(compile="inductor")),
    )


def _on_a_gpu(native: str | None) -> tuple[Way, ...]:
    usual = {"channels_last": True, "fused": True}
    return (
        Way("plain", Execution()),
        Way("channels-last", Execution(**usual)),
        Way("bfloat16", Execution(autocast=True, **usual), missing=native),
        Way("graph", Execution(graph=True, **usual)),
        Way("bfloat16, graph", Execution(autocast=True, graph=True, **usual), missing=native),
        Way("together", Execution(fused=True), TOGETHER),
        Way("together, graph", Execution(fused=True, graph=True), TOGETHER),
        Way("compiled", Execution(compile="inductor", **usual)),
        Way("compiled, graph", Execution(compile="inductor", graph=True, **usual)),
    )
