"""What passes through a network, layer by layer: the signal forward, the gradient back, and the sensitivity of both."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snip_lib.scoring.modes import scoring
from snip_lib.scoring.sensitivity import Loss, cross_entropy

LAYERS = (nn.Linear, nn.modules.conv._ConvNd)


@dataclass(frozen=True)
class Layer:
    """Second moments of one layer z = W h + bias, over all units (or pixels) and examples; no mean is taken off.

    signal: mean z². gradient: mean (dl/dz)² of each example's own loss l. weight: mean w². sensitivity: mean g², with
    g = w · dL/dw of the mean loss L (Equation 5).
    """

    name: str
    signal: float
    gradient: float
    weight: float
    sensitivity: float


def by_layer(
    model: nn.Module, x: Tensor, y: Tensor, *, loss: Loss | None = None, batch_norm: str = "identity"
) -> list[Layer]:
    """Measure every linear and convolutional layer of `model` on one mini-batch, in the order in which they compute.

    x, y, loss and batch_norm are those of `connection_gradient`; the model is left as it was found. Use float64 for
    deep networks, whose squares leave float32. Raises ValueError when there is no such layer, and for a layer that
    computes twice.

    >>> import snip_lib as sl
    >>> x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)
    >>> he = sl.models.build("lenet-300-100", init="vs-h", generator=0)
    >>> [f"{layer.name} {layer.signal:.1f}" for layer in by_layer(he, x, y)]
    ['fc1 2.1', 'fc2 2.2', 'fc3 1.8']
    """
    found = {name: layer for name, layer in model.named_modules() if isinstance(layer, LAYERS)}
    if not found:
        raise ValueError("no linear or convolutional layer to measure")
    outputs: dict[str, Tensor] = {}
    hooks = [layer.register_forward_hook(_keep(name, outputs)) for name, layer in found.items()]
    try:
        with torch.inference_mode(False), scoring(model, batch_norm), torch.enable_grad():
            value = (loss or cross_entropy)(model(x), y)
            weights = {name: found[name].weight for name in outputs}
            gradients = torch.autograd.grad(value, [*outputs.values(), *weights.values()])
    finally:
        for hook in hooks:
            hook.remove()
    half = len(outputs)
    return [
        Layer(name, _square(outputs[name]), _square(len(x) * back), _square(w), _square(w * slope))
        for (name, w), back, slope in zip(weights.items(), gradients[:half], gradients[half:], strict=True)
    ]


def _keep(name: str, outputs: dict[str, Tensor]):
    def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
        if name in outputs:
            raise ValueError(f"layer {name!r} computes more than once in a pass, so it has no one signal")
        outputs[name] = output

    return hook


def _square(values: Tensor) -> float:
    return values.detach().square().mean().item()
