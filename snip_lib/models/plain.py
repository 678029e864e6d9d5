"""A plain network of any depth: linear layers and one non-linearity, no norm, no pooling, no shortcut."""

import math
from collections.abc import Callable
from functools import partial

from torch import nn


def plain(
    input_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    *,
    depth: int,
    width: int = 100,
    activation: Callable[[], nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """`depth` linear layers, the hidden ones of `width` units with `activation`: (n, channels, …) -> (n, classes).

    With depth 3 it is a LeNet-300-100 of other widths. The weights are not yet drawn: see `init.initialize_`.
    Raises ValueError for a depth or width under 1.

    >>> [layer.in_features for layer in plain(depth=3) if isinstance(layer, nn.Linear)]
    [784, 100, 100]
    """
    if min(depth, width) < 1:
        raise ValueError(f"depth and width must be at least 1, got {depth} and {width}")
    sizes = [math.prod(input_shape), *[width] * (depth - 1), classes]
    network = nn.Sequential()
    network.add_module("flatten", nn.Flatten())
    for layer in range(1, depth + 1):
        network.add_module(f"fc{layer}", nn.Linear(sizes[layer - 1], sizes[layer]))
        if layer < depth:
            network.add_module(f"act{layer}", activation())
    return network


plain_tanh = partial(plain, activation=nn.Tanh)
