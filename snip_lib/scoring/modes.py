"""The state a model is in while it is scored: dropout off, batch norm as asked for, and nothing of it left behind."""

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase

from snip_lib.kinds import is_dropout
from snip_lib.words import nearest

BATCH_NORM = ("identity", "batch", "running")
MODES = ("eval", "train")
DROPPING = (nn.RNNBase, nn.MultiheadAttention)  # they drop by themselves, at the rate in their attribute `dropout`
SPARSE = (nn.Embedding, nn.EmbeddingBag)  # they may ask for a gradient of the rows looked up alone
CHANGED = ("dropout", "sparse", "_flat_weights", "_flat_weight_refs")  # what scoring changes, or a forward pass does


@contextlib.contextmanager
def scoring(
    model: nn.Module,
    batch_norm: str,
    mode: str = "eval",
    instead: Mapping[nn.Parameter, nn.Parameter] | None = None,
) -> Iterator[None]:
    """Put every module into its state for scoring; at the end, also by an error, back into the one it was found in.

    Modules work on copies of their buffers, so whatever a forward pass writes into one is gone with the copy; the
    random state of the CPU and of the model's devices is kept. batch_norm: one of `BATCH_NORM`, mode: one of `MODES`,
    else ValueError. instead: what stands in a parameter's place meanwhile. TypeError for a scripted or traced model.
    """
    _check(model, batch_norm, mode)
    found = [(m, m.training, dict(m._buffers), dict(m._parameters), _attributes(m)) for m in model.modules()]
    copies = {buffer: buffer.clone() for _, _, held, *_ in found for buffer in held.values() if buffer is not None}
    like = next(p for p in model.parameters() if p.is_floating_point())
    devices = {p.device.index for p in model.parameters() if p.is_cuda}
    with torch.random.fork_rng(devices=sorted(devices)):
        try:
            for module, _, held, parameters, _ in found:
                module._buffers.update({name: copies.get(buffer) for name, buffer in held.items()})
                module._parameters.update({name: (instead or {}).get(p, p) for name, p in parameters.items()})
                _set_mode(module, batch_norm, mode, like)
            yield
        finally:
            for module, training, held, parameters, attributes in found:
                module.training = training
                module._buffers.clear()
                module._buffers.update(held)
                module._parameters.update(parameters)
                vars(module).update(attributes)


def _check(model: nn.Module, batch_norm: str, mode: str) -> None:
    for name, value, known in (("batch_norm", batch_norm, BATCH_NORM), ("mode", mode, MODES)):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}{nearest(value, known)}")
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise TypeError(
            "the model is scripted or traced, and then nothing in it can be set aside while it is scored: "
            "score the model that it was made from"
        )


def _attributes(module: nn.Module) -> dict[str, object]:
    return {k: vars(module)[k] for k in CHANGED if k in vars(module)} if isinstance(module, DROPPING + SPARSE) else {}


def _set_mode(module: nn.Module, batch_norm: str, mode: str, like: Tensor) -> None:
    recurs = isinstance(module, nn.RNNBase)  # CUDA's recurrent kernels differentiate only in training mode
    module.training = recurs or (mode == "train" and not is_dropout(module))
    if isinstance(module, DROPPING):
        module.dropout = 0.0
    elif isinstance(module, SPARSE):
        module.sparse = False  # the same numbers, in full: of the others no second derivative can be taken
    elif isinstance(module, _NormBase):
        _set_statistics(module, batch_norm, like)


def _set_statistics(module: _NormBase, kind: str, like: Tensor) -> None:
    """Batch norm, and instance norm where it stores statistics; where it stores none it never uses any others."""
    module.training = False
    if module.running_mean is None and not isinstance(module, _BatchNorm):
        return
    if kind == "running":
        if module.running_mean is None:
            raise ValueError("batch_norm='running': a batch norm without stored statistics has none to use")
    elif kind == "batch":
        module.training = True
        module._buffers.update(running_mean=None, running_var=None)
    else:
        like = next((t for t in (module.weight, module.running_mean) if t is not None), like)
        zeros = torch.zeros(module.num_features, dtype=like.dtype, device=like.device)
        module._buffers.update(running_mean=zeros, running_var=zeros + 1)
