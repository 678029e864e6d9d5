"""Masks c in {0, 1}^m: choosing exactly kappa connections (Equation 7), counting them, saving them."""

import json
import math
import warnings
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from snip_lib.pruning import paths, top
from snip_lib.pruning.holding import Held
from snip_lib.scoring.sensitivity import (
    Batches,
    Loss,
    Prunable,
    absolute,
    check_finite,
    connection_gradient,
    default_prunable,
)

FORMAT = "snip masks 1"  # what a file of masks says it is


class LayerCollapseWarning(UserWarning):
    """A weight tensor was left without a single connection, so no signal passes it."""


class Masks(Mapping[str, Tensor]):
    """Which connections are kept: parameter name -> boolean tensor of the parameter's shape, True where kept."""

    def __init__(self, masks: Mapping[str, Tensor]):
        """Raises TypeError for an entry that is not a boolean tensor, ValueError when there is none."""
        for name, mask in masks.items():
            if not (isinstance(mask, Tensor) and mask.dtype == torch.bool):
                raise TypeError(
                    f"the mask of {name!r} must be a boolean tensor, got {getattr(mask, 'dtype', type(mask))}"
                )
        if not masks:
            raise ValueError("masks of no parameter at all")
        self._masks = dict(masks)

    def __getitem__(self, name: str) -> Tensor:
        return self._masks[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._masks)

    def __len__(self) -> int:
        return len(self._masks)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Masks):
            return NotImplemented
        return list(self) == list(other) and all(torch.equal(self[name], other[name]) for name in self)

    __hash__ = None

    def __repr__(self) -> str:
        return f"Masks({self.kept:,} of {self.total:,} kept, {100 * self.sparsity:.2f} % pruned, {len(self)} tensors)"

    @property
    def kept(self) -> int:
        """kappa, the number of connections kept."""
        return sum(map(_count, self.values()))

    @property
    def total(self) -> int:
        """m, the number of connections there were."""
        return sum(mask.numel() for mask in self.values())

    @property
    def sparsity(self) -> float:
        """The share pruned, (m - kappa) / m: the paper's sparsity level as a fraction."""
        return 1 - self.kept / self.total

    def density(self) -> dict[str, float]:
        """Share kept of each parameter, by name, biases under their own."""
        return {name: _count(mask) / mask.numel() for name, mask in self.items()}

    def empty_layers(self) -> list[str]:
        """Names of the weight tensors (two or more dimensions) of which nothing is kept."""
        return [name for name, mask in self.items() if mask.ndim >= 2 and not _count(mask)]

    def jaccard(self, other: "Masks") -> float:
        """Connections kept by both over those kept by either, in [0, 1]; ValueError when the parameters differ."""
        if list(self) != list(other) or any(self[name].shape != other[name].shape for name in self):
            raise ValueError("the two masks are of different parameters, so they cannot be compared")
        both = sum(_count(self[name] & other[name]) for name in self)
        either = self.kept + other.kept - both
        return both / either if either else 1.0

    def to(self, device: torch.device | str) -> "Masks":
        """The same masks on `device`."""
        return Masks({name: mask.to(device) for name, mask in self.items()})

    def apply_(self, model: nn.Module) -> nn.Module:
        """Set the pruned weights of `model` to 0, in place; returns the model. ValueError when the masks do not fit."""
        for name, parameter in self.parameters_of(model).items():
            parameter.detach().masked_fill_(~self[name].to(parameter.device), 0)
        return model

    def hold(self, model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> Held:
        """Keep the pruned weights of `model` at exactly 0 while `optimizer` trains it; see `Held`."""
        self.apply_(model)
        return Held(self.parameters_of(model), self, optimizer)

    def parameters_of(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """The parameters of `model` that the masks are for; ValueError naming the first that does not fit."""
        parameters = dict(model.named_parameters())
        for name, mask in self.items():
            if name not in parameters:
                raise ValueError(f"the masks do not fit the model: it has no parameter {name!r}")
            if parameters[name].shape != mask.shape:
                shapes = f"{tuple(parameters[name].shape)}, the mask {tuple(mask.shape)}"
                raise ValueError(f"the masks do not fit the model: {name!r} has shape {shapes}")
        return {name: parameters[name] for name in self}

    def effective(self, model: nn.Module, x: Tensor) -> "Masks":
        """The kept connections that lie on a path from an input to an output; x: one input, for its shape.

        Reachability over units and channels, biases and shifts ignored (a unit whose inputs are all pruned counts as
        dead). Raises TypeError for a network with layers whose paths are not known.
        """
        self.parameters_of(model)
        return Masks(paths.effective(self._masks, model, x))

    def save(self, path: str | Path) -> None:
        """Write a safetensors file with one bit per connection."""
        bits = {name: np.packbits(mask.cpu().numpy().reshape(-1)) for name, mask in self.items()}
        shapes = json.dumps({name: list(mask.shape) for name, mask in self.items()})
        _safetensors().numpy.save_file(bits, path, metadata={"format": FORMAT, "shapes": shapes})

    @classmethod
    def load(cls, path: str | Path) -> "Masks":
        """Read what `save` wrote, on the CPU. Raises ValueError when the file is something else or damaged."""
        safetensors = _safetensors()
        try:
            with safetensors.safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise ValueError("it holds something else")
                shapes = json.loads(metadata["shapes"])
                return cls({name: _unpacked(file.get_tensor(name), shape) for name, shape in shapes.items()})
        except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a readable file of masks: {error}") from error


def keep_count(total: int, sparsity: float | Fraction) -> int:
    """kappa = floor(m (1 - sparsity) + 1/2) in exact arithmetic on the decimal sparsity.

    Raises ValueError when sparsity is outside [0, 1), or so high that nothing would be kept.
    """
    try:
        exact = Fraction(str(sparsity))  # the decimal as it is written, also of NumPy's float32
    except ValueError:
        exact = Fraction(-1)
    if not 0 <= exact < 1:
        raise ValueError(f"sparsity must be in [0, 1), got {sparsity}: 0.95 prunes 95 %")
    kappa = math.floor(total * (1 - exact) + Fraction(1, 2))
    if kappa == 0:
        raise ValueError(f"sparsity {sparsity} of {total} connections keeps none")
    return kappa


def keep_top(scores: Mapping[str, Tensor], *, sparsity: float) -> Masks:
    """Keep the kappa highest scores over all parameters together (Equation 7); exactly kappa, lower index first on
    ties.

    scores: name -> tensor, any sign, e.g. from `connection_sensitivity` or `criteria`. Raises ValueError when a score
    is not finite, or for a bad sparsity; warns with `LayerCollapseWarning` when a weight tensor is left empty.
    """
    scores = {name: score.detach() for name, score in scores.items()}
    check_finite(scores)
    return _keep(scores, sparsity)


def snip(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    sparsity: float,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    prunable: Prunable = default_prunable,
) -> Masks:
    """Prune `model` once by connection sensitivity (Algorithm 1, lines 3 to 5); the model itself is left as it is.

    Scores the model's own weights on the mini-batch (x, y). Ranks |g| before it is divided by its sum, because dividing
    rounds and so makes new ties. Arguments and errors as `connection_sensitivity` and `keep_top`.
    """
    gradient = connection_gradient(model, x, y, loss=loss, batch_norm=batch_norm, prunable=prunable)
    return _keep(absolute(gradient), sparsity)


def _keep(scores: Mapping[str, Tensor], sparsity: float) -> Masks:
    """`keep_top` of scores that are known to be finite."""
    kappa = keep_count(sum(score.numel() for score in scores.values()), sparsity)
    masks = Masks(top.top(scores, kappa))
    if empty := masks.empty_layers():
        warnings.warn(f"nothing is kept of {', '.join(empty)}: no signal passes", LayerCollapseWarning, stacklevel=3)
    return masks


def _count(mask: Tensor) -> int:
    return int(mask.count_nonzero())  # over ten times as fast as mask.sum() on a CPU, which adds up int64


def _safetensors():
    try:
        import safetensors.numpy
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError("masks are kept in safetensors files: pip install safetensors") from missing
    return safetensors


def _unpacked(packed: np.ndarray, shape: list[int]) -> Tensor:
    count = math.prod(shape)
    if packed.dtype != np.uint8 or packed.shape != ((count + 7) // 8,):
        raise ValueError(f"{packed.size} bytes where {count} bits are wanted")
    return torch.from_numpy(np.unpackbits(packed, count=count).astype(bool)).reshape(shape)
