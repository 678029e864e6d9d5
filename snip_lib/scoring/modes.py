"""The state a model is in while it is scored: dropout off, batch norm as asked for, and nothing of it left behind."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

BATCH_NORM = ("identity", "batch", "running")


@contextlib.contextmanager
def scoring(model: nn.Module, batch_norm: str) -> Iterator[None]:
    """Put every module into its state for scoring; at the end, also by an error, back into the one it was found in.

    Modules work on copies of their buffers, so whatever a forward pass writes into one is gone with the copy; the
    random state of the CPU and of the model's devices is kept. batch_norm: one of `BATCH_NORM`, else ValueError.
    """
    if batch_norm not in BATCH_NORM:
        raise ValueError(f"batch_norm must be one of {', '.join(BATCH_NORM)}, got {batch_norm!r}")
    found = [(module, module.training, dict(module._buffers)) for module in model.modules()]
    dropouts = {module: module.dropout for module, *_ in found if isinstance(module, nn.RNNBase)}
    copies = {buffer: buffer.clone() for *_, held in found for buffer in held.values() if buffer is not None}
    like = next(p for p in model.parameters() if p.is_floating_point())
    devices = {p.device.index for p in model.parameters() if p.is_cuda}
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            for module, _, held in found:
                module._buffers.update({name: copies.get(buffer) for name, buffer in held.items()})
                _set_mode(module, batch_norm, like)
            yield
        finally:
            for module, mode, held in found:
                module.training = mode
                module._buffers.clear()
                module._buffers.update(held)
            for module, rate in dropouts.items():
                module.dropout = rate


def _set_mode(module: nn.Module, batch_norm: str, like: Tensor) -> None:
    module.training = isinstance(module, nn.RNNBase)  # CUDA's recurrent kernels differentiate only in training mode
    if isinstance(module, nn.RNNBase):
        module.dropout = 0.0
    elif isinstance(module, _BatchNorm):
        _set_batch_norm(module, batch_norm, like)


def _set_batch_norm(module: _BatchNorm, kind: str, like: Tensor) -> None:
    if kind == "running":
        if module.running_mean is None:
            raise ValueError("batch_norm='running': a batch norm without stored statistics has none to use")
    elif kind == "batch":
        module.training = True
        module._buffers.update(running_mean=None, running_var=None, num_batches_tracked=None)
    else:
        like = next((t for t in (module.weight, module.running_mean) if t is not None), like)
        zeros = torch.zeros(module.num_features, dtype=like.dtype, device=like.device)
        module._buffers.update(running_mean=zeros, running_var=zeros + 1)
