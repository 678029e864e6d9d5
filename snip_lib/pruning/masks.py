"""Masks c in {0, 1}^m: which connections are kept, counted, compared, applied."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from snip_lib import kinds
from snip_lib.given import described
from snip_lib.pruning import files, holding, paths
from snip_lib.pruning.holding import Held
from snip_lib.seeds import as_generator


class Masks(Mapping[str, Tensor]):
    """Which connections are kept: parameter name -> boolean tensor of the parameter's shape, True where kept.

    >>> import torch, snip_lib as sl
    >>> masks = sl.Masks({"weight": torch.tensor([[True, False], [False, False]])})
    >>> masks
    Masks(1 of 4 kept, 75.00 % pruned, 1 tensors)
    >>> masks.density()
    {'weight': 0.25}
    """

    def __init__(self, masks: Mapping[str, Tensor]):
        """Raises TypeError for an entry that is not a boolean tensor by a name, ValueError when there is none."""
        if not isinstance(masks, Mapping):
            raise TypeError(f"masks must be a dict, name -> boolean tensor, got {described(masks)}")
        for name, mask in masks.items():
            if not isinstance(name, str):
                raise TypeError(f"masks go by names of parameters, got {name!r}")
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
        return sum(self.counts().values())

    @property
    def total(self) -> int:
        """m, the number of connections there were."""
        return sum(mask.numel() for mask in self.values())

    @property
    def sparsity(self) -> float:
        """The share pruned, (m - kappa) / m: the paper's sparsity level as a fraction; of no connection at all, 0."""
        return 1 - _share(self.kept, self.total)

    def counts(self) -> dict[str, int]:
        """Number kept of each parameter, by name; `keep_top(scores, quota=masks.counts())` keeps as many elsewhere."""
        return {name: _count(mask) for name, mask in self.items()}

    def density(self) -> dict[str, float]:
        """Share kept of each parameter, by name, biases under their own; 1 of one without entries: none is pruned."""
        return {name: _share(_count(mask), mask.numel()) for name, mask in self.items()}

    def empty_layers(self) -> list[str]:
        """Names of the weight tensors (two or more dimensions) of which nothing is kept, though there was something."""
        return [name for name, mask in self.items() if mask.ndim >= 2 and mask.numel() and not _count(mask)]

    def jaccard(self, other: "Masks") -> float:
        """Connections kept by both over those kept by either, in [0, 1]; ValueError when the parameters differ."""
        self._comparable(other)
        return self._over_either(other, sum(_count(self[name] & other[name]) for name in self))

    def jaccard_by_chance(self, other: "Masks") -> float:
        """What `jaccard` comes to with one of the two `shuffled`: by their numbers in each parameter alone.

        Of m connections of which k and k' are kept, both keep k k' / m on average. ValueError as `jaccard`.

        >>> import torch, snip_lib as sl
        >>> masks = sl.Masks({"weight": torch.arange(100).view(10, 10) < 20})
        >>> masks.jaccard(masks), round(masks.jaccard_by_chance(masks), 3)  # 4 of 36
        (1.0, 0.111)
        """
        self._comparable(other)
        ours, theirs = self.counts(), other.counts()
        return self._over_either(other, sum(k * theirs[n] / self[n].numel() for n, k in ours.items() if k))

    def _comparable(self, other: "Masks") -> None:
        if list(self) != list(other) or any(self[name].shape != other[name].shape for name in self):
            raise ValueError("the two masks are of different parameters, so they cannot be compared")

    def _over_either(self, other: "Masks", both: float) -> float:
        either = self.kept + other.kept - both
        return both / either if either else 1.0

    def shuffled(self, *, generator: torch.Generator | int) -> "Masks":
        """The control: of each parameter the same number kept, at places drawn anew; drawn where the generator is.

        >>> import torch, snip_lib as sl
        >>> masks = sl.Masks({"weight": torch.arange(100).view(10, 10) < 7})
        >>> masks.shuffled(generator=0).counts(), masks.shuffled(generator=0) == masks
        ({'weight': 7}, False)
        """
        source, drawn = as_generator(generator), {}
        for name, mask in self.items():
            order = torch.randperm(mask.numel(), generator=source, device=source.device).to(mask.device)
            drawn[name] = mask.reshape(-1)[order].view(mask.shape)
        return Masks(drawn)

    def to(self, device: torch.device | str) -> "Masks":
        """The same masks on `device`."""
        return Masks({name: mask.to(device) for name, mask in self.items()})

    def apply_(self, model: nn.Module) -> nn.Module:
        """Set the pruned weights of `model` to 0, in place; returns the model. ValueError when the masks do not fit."""
        for name, parameter in self.parameters_of(model).items():
            parameter.detach().masked_fill_(~self[name].to(parameter.device), 0)
        return model

    def hold(self, model: nn.Module, optimizer: object | None = None) -> Held:
        """Keep the pruned weights of `model` at exactly 0 while `optimizer` trains it; see `Held`.

        optimizer: one, a list of several, or a wrapper with one inside (.optimizer, .base_optimizer); without, nothing
        is hooked. All or nothing: when it fails, model and optimizer are as they were. Raises ValueError when the masks
        do not fit the model or the optimizer trains other parameters, TypeError when it is no optimizer.
        """
        model, names = kinds.bare(model), list(self.parameters_of(model))
        optimizers = [] if optimizer is None else holding.optimizers_in(optimizer)
        if optimizers:
            holding.check_together(model, names, optimizers)
        held = Held(model, self, optimizers)
        held.mask_weights_()
        return held

    def parameters_of(self, model: nn.Module) -> dict[str, nn.Parameter]:
        """The parameters of `model` that the masks are for; ValueError naming the first that does not fit.

        Inside a wrapper (torch.compile, DataParallel, an average: `kinds.bare`) they go by the model's own names.
        """
        parameters = dict(kinds.bare(model).named_parameters())
        for name, mask in self.items():
            if name not in parameters:
                raise ValueError(f"the masks do not fit the model: it has no parameter {name!r}")
            kinds.has_shape(name, parameters[name])
            if parameters[name].shape != mask.shape:
                shapes = f"{tuple(parameters[name].shape)}, the mask {tuple(mask.shape)}"
                raise ValueError(f"the masks do not fit the model: {name!r} has shape {shapes}")
            if not parameters[name].is_floating_point():
                raise ValueError(f"the masks do not fit the model: {name!r} holds {parameters[name].dtype}, no weights")
        return {name: parameters[name] for name in self}

    def effective(self, model: nn.Module, x: Tensor) -> "Masks":
        """The kept connections that lie on a path from an input to an output; x: one input, for its shape.

        Reachability over units and channels, biases and shifts ignored (a unit whose inputs are all pruned counts as
        dead). Raises TypeError for a network with layers whose paths are not known.
        """
        self.parameters_of(model)
        return Masks(paths.effective(self._masks, kinds.bare(model), x))

    def save(self, path: str | Path) -> None:
        """Write a safetensors file with one bit per connection, whole or not at all; OSError when that fails."""
        files.save(self._masks, path)

    @classmethod
    def load(cls, path: str | Path) -> "Masks":
        """Read what `save` wrote, on the CPU. Raises ValueError when the file is something else or was altered."""
        return cls(files.load(path))


def _share(kept: int, total: int) -> float:
    return kept / total if total else 1.0


def _count(mask: Tensor) -> int:
    return int(mask.count_nonzero())  # over ten times as fast as mask.sum() on a CPU, which adds up int64
