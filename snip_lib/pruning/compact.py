"""What an ordinary program can save: a smaller dense network, without the units that a mask has cut off."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from snip_lib import kinds
from snip_lib.pruning.masks import Masks
from snip_lib.pruning.paths import TRANSPARENT
from snip_lib.pruning.smaller import Places, cut, smaller

LAYERS, BATCH_NORMS = (nn.Linear, nn.Conv2d), (nn.BatchNorm1d, nn.BatchNorm2d)
PASSING = (*TRANSPARENT, nn.Dropout, nn.Dropout2d)  # each unit by itself, and a zero stays a zero


def compact(model: nn.Sequential, masks: Masks) -> tuple[nn.Sequential, Masks]:
    """Return a new network without the units that no path from input to output uses, and the masks of what is left.

    A unit is one of a linear layer or a channel of a convolution; inputs and outputs all stay. Under its masks the new
    network computes what `model` does under `masks`, up to rounding. A program that knows nothing of masks runs it
    faster, too, and it can be trained in the model's place.

    Raises TypeError for a model that is no sequence of linear, convolutional, batch norm, pooling and activation
    layers; ValueError when the masks do not fit, when no path is left, and for a unit that nothing feeds and that sends
    a constant on nevertheless, by its bias or the shift of its batch norm: both are 0 before training.

    >>> import torch, snip_lib as sl
    >>> model = sl.models.build("lenet-300-100", generator=0)
    >>> x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)
    >>> small, masks = compact(model, sl.snip(model, x, y, sparsity=0.98))
    >>> small.fc1.out_features, small.fc2.out_features, small.fc3.out_features
    (191, 89, 10)
    """
    model = kinds.bare(model)
    masks.parameters_of(model)
    seen: set[nn.Parameter] = set()
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter in seen:
            raise TypeError(f"compact() needs a parameter of its own at every place; {name!r} is there twice")
        seen.add(parameter)
    places = _places(_stages(model, masks), masks)
    left = {name: cut(mask, places.get(name.rpartition(".")[0], ())) for name, mask in masks.items()}
    return smaller(model, "", places), Masks(left)


@dataclass
class _Stage:
    """A layer with weights, and the batch norms behind it. joined: (units, inputs), a kernel as one connection."""

    name: str
    layer: nn.Module
    joined: Tensor
    norms: dict[str, nn.Module] = field(default_factory=dict)

    def constants(self, masks: Masks) -> Tensor:
        """Which units send something on though nothing comes in."""
        found = torch.zeros(len(self.joined), dtype=torch.bool, device=self.joined.device)
        if self.layer.bias is not None:
            found |= (self.layer.bias != 0) & _mask(masks, f"{self.name}.bias", self.layer.bias)
        for norm in self.norms.values():
            for shift in (norm.bias, norm.running_mean):
                found |= False if shift is None else (shift != 0).view(len(found), -1).any(1)
        return found


def _stages(model: nn.Module, masks: Masks) -> list[_Stage]:
    stages, flattened = [], False
    for name, module in _chain(model, ""):
        if isinstance(module, LAYERS + BATCH_NORMS) and stages:
            _check_order(stages[-1], name, module, flattened)
        if isinstance(module, LAYERS):
            kept = _mask(masks, f"{name}.weight", module.weight)
            stages.append(_Stage(name, module, kept.flatten(2).any(2) if kept.ndim > 2 else kept))
            flattened = False
        elif isinstance(module, BATCH_NORMS) and stages:
            stages[-1].norms[name] = module
        elif isinstance(module, nn.Flatten):
            flattened = (module.start_dim, module.end_dim) == (1, -1)
    if not stages:
        raise TypeError("compact() needs a model with a linear or convolutional layer")
    return stages


def _check_order(stage: _Stage, name: str, module: nn.Module, flattened: bool) -> None:
    """TypeError unless it is clear which features come from which unit: one each, or a flattened channel's pixels."""
    features = module.num_features if isinstance(module, BATCH_NORMS) else module.weight.shape[1]
    pixels = flattened and isinstance(stage.layer, nn.Conv2d)
    if pixels != isinstance(module, (nn.Linear, nn.BatchNorm1d)) and isinstance(stage.layer, nn.Conv2d):
        raise TypeError(f"compact() needs Flatten() between the convolution {stage.name} and {name}, and nowhere else")
    if features % len(stage.joined) or (features != len(stage.joined) and not pixels):
        raise TypeError(
            f"compact() cannot tell which of {features} inputs of {name} come from which unit of {stage.name}"
        )


def _chain(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers in the order in which they compute, by name; TypeError for one that is not known."""
    if type(module) is nn.Sequential:
        for child, inner in module._modules.items():  # also one that is there twice
            yield from _chain(inner, f"{name}.{child}".lstrip("."))
    elif type(module) in (*LAYERS, *BATCH_NORMS, *PASSING) and getattr(module, "groups", 1) == 1:
        yield name, module
    else:
        raise TypeError(
            "compact() knows sequences of linear, convolutional (of one group), batch norm, pooling and activation "
            f"layers; {name or 'the model'} is {type(module).__name__}"
        )


def _mask(masks: Masks, name: str, parameter: Tensor) -> Tensor:
    """The mask of a parameter where it lies, all True when it has none."""
    whole = torch.ones(parameter.shape, dtype=torch.bool, device=parameter.device)
    return masks[name].to(parameter.device) if name in masks else whole


def _places(stages: list[_Stage], masks: Masks) -> Places:
    """What stays: units that an input feeds, found on the way forward, and that reach an output, on the way back."""
    fed = [stages[0].joined.new_ones(stages[0].joined.shape[1])]
    for stage in stages:
        fed.append((stage.joined & _spread(fed[-1], stage.joined.shape[1])).any(1))
    fed[-1] = torch.ones_like(fed[-1])  # outputs all stay
    reaching = fed[-1:]
    for stage, before in zip(stages[:0:-1], stages[-2::-1], strict=True):
        reaching.append(stage.joined[reaching[-1]].any(0).view(len(before.joined), -1).any(1))
    places, stays = {}, fed[0]
    for stage, comes, goes in zip(stages, fed[1:], reaching[::-1], strict=True):
        before, stays = stays, comes & goes
        _check(stage, stays, ~comes & goes & stage.constants(masks))
        places[stage.name] = stays, _spread(before, stage.joined.shape[1])
        places |= {name: (_spread(stays, norm.num_features),) for name, norm in stage.norms.items()}
    return places


def _spread(units: Tensor, features: int) -> Tensor:
    """The features that come from these units: after flattening, a channel has several."""
    return units.repeat_interleave(features // len(units))


def _check(stage: _Stage, stays: Tensor, constant: Tensor) -> None:
    if constant.any():
        raise ValueError(
            f"unit {int(constant.nonzero()[0])} of {stage.name} is fed by nothing and sends a constant on, by its bias "
            "or the shift of its batch norm: compact the network before it is trained"
        )
    if not stays.any():
        raise ValueError(f"no path is left: every unit of {stage.name} is cut off, from the inputs or the outputs")
