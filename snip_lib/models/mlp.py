"""Plain networks of many equal layers, to see what depth alone does (after Lee et al., 2020, section 5)."""

from collections import OrderedDict

from torch import nn


def mlp(
    input_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    *,
    depth: int,
    width: int = 100,
    activation: type[nn.Module] = nn.Tanh,
) -> nn.Module:
    """`depth` layers of weights, all hidden ones of `width` units, nothing but `activation` between them.

    No normalisation and no shortcut: each layer's signal is that of the layer before, through one matrix.
    (n, channels, height, width) -> (n, classes).
    """
    channels, height, rows = input_shape
    sizes = [channels * height * rows, *[width] * (depth - 1), classes]
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for layer, (before, after) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        layers[f"fc{layer}"] = nn.Linear(before, after)
        if layer < depth:
            layers[f"act{layer}"] = activation()
    return nn.Sequential(layers)
