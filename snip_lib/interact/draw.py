"""A pad to draw a digit on: pruned networks read it, and show which pixels speak for what they read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from snip_lib.figures import numbers
from snip_lib.interact import drawn
from snip_lib.interact.drawn import share
from snip_lib.interact.packed import layers_of, packed, rounded, text
from snip_lib.interact.slider import Slider

_ALT = (
    "Draw a digit, or take one of a list. The picture that the network sees, ten bars with the probability of each"
    " digit, and a map of what each pixel says for or against one of them. A slider exchanges the network."
)


def draw_digit(
    networks: Mapping[str, Sequence[Any]],
    examples: Mapping[str, Any],
    *,
    mean: float,
    std: float,
    label: str = "Connections pruned",
    alt: str = _ALT,
    caption: str = "",
    start: int = 0,
) -> Slider:
    """Return a pad on which the reader draws a digit, read by the one of `networks` at which the slider stands.

    `networks` maps name of a step -> the weights of a network without biases, tensors or arrays (outputs, inputs), 0
    where pruned: 784 pixels, ReLU after every layer but the last, 10 logits. They travel in 16 bits a weight, and
    Python computes with the same. `examples` maps name -> pixels (28, 28) in [0, 1], white ink on black, of which the
    page has the nearest of 256 shades; a network's input is (pixel - mean) / std. The first example is shown at first,
    read by the network number `start`, and stays where scripts do not run. Raises ValueError when a layer does not fit
    the next, the first has not 784 inputs or the last not 10 outputs, an example is no such picture, or `start` is no
    step.

    >>> nothing = [np.zeros((10, 784))]
    >>> figure = draw_digit({"100 %": nothing}, {"a blank": np.zeros((28, 28))}, mean=0.13, std=0.31)
    >>> print(*str(figure).splitlines()[1].split())
    Taken: a blank (of 1). It reads 0 (10.0 %).
    """
    if not 0 <= start < len(networks):
        raise ValueError(f"start={start} is no step: there are {len(networks)}, from 0")
    if not examples or not std > 0:
        raise ValueError(f"a digit needs an example and a std above 0, got {len(examples)} and {std}")
    layers = [_network(name, weights) for name, weights in networks.items()]
    shades = {name: _shades(name, pixels) for name, pixels in examples.items()}
    name, first = next(iter(shades.items()))
    reading = Reading.of([rounded(layer) for layer in layers[start]], (first.ravel() / 255 - mean) / std)
    data = {
        "networks": [[packed(layer) for layer in network] for network in layers],
        "examples": [text(levels.tobytes()) for levels in shades.values()],
        "mean": float(mean),
        "std": float(std),
    }
    html = drawn.figure(list(networks), list(shades), first, reading, data, start, (label, alt, caption))
    steps = list(networks)
    return Slider(
        html,
        f"""{label}: {steps[start]} (a slider from {steps[0]} to {steps[-1]})
  Taken: {name} (of {len(shades)}). {reading.words}
  {reading.carrying}""",
    )


def _network(name: str, weights: Sequence[Any]) -> list[np.ndarray]:
    layers = layers_of(weights)
    if (inputs := layers[0].shape[1]) != 784:
        raise ValueError(f"the network {name!r} takes {inputs} inputs, not 784 pixels")
    if (outputs := len(layers[-1])) != 10:
        raise ValueError(f"the network {name!r} gives {outputs} outputs, not 10 digits")
    return layers


def _shades(name: str, pixels: Any) -> np.ndarray:
    pixels = numbers(pixels)
    if pixels.shape != (28, 28) or pixels.min() < 0 or pixels.max() > 1:
        raise ValueError(f"the example {name!r} needs pixels of shape (28, 28) in [0, 1], got shape {pixels.shape}")
    return np.rint(255 * pixels).astype(np.uint8)


def evidence(layers: Sequence[Any], x: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits (outputs,) of x (inputs,), and what each input gives to each of them (outputs, inputs).

    `layers` are weights (outputs, inputs) of a network without biases, ReLU after every layer but the last. Such a
    function is homogeneous: twice the input gives twice the logits. By Euler's theorem z_k = Σ_i x_i · dz_k/dx_i, so
    that the rows sum to the logits exactly. Raises ValueError when a layer does not fit the next, or x the first.

    >>> logits, given = evidence([[[1, -2]], [[3], [-1]]], [4, 1])
    >>> logits.tolist(), given.tolist()
    ([6.0, -2.0], [[12.0, -6.0], [-4.0, 2.0]])
    """
    layers, x = layers_of(layers), numbers(x)
    signals = _signals(layers, x)
    gradient = layers[-1]  # of the logits by what enters the last layer, then by what enters those below
    for weights, units in zip(layers[-2::-1], signals[-2:0:-1], strict=True):
        gradient = (gradient * (units > 0)) @ weights
    return signals[-1], gradient * x


def _signals(layers: list[np.ndarray], x: np.ndarray) -> list[np.ndarray]:
    """What enters each layer, and the logits."""
    if x.shape != layers[0].shape[1:]:
        raise ValueError(f"the input has shape {x.shape}, and the first layer takes {layers[0].shape[1:]}")
    signals = [x]
    for weights in layers[:-1]:
        signals.append(np.maximum(weights @ signals[-1], 0))
    return [*signals, layers[-1] @ signals[-1]]


@dataclass(frozen=True)
class Reading:
    """What a network makes of a picture: logits (10,), contributions (10, 784), connections kept, and that carry."""

    logits: np.ndarray
    contributions: np.ndarray
    kept: int
    carried: int

    @classmethod
    def of(cls, layers: list[np.ndarray], x: np.ndarray) -> "Reading":
        """Return the reading of x (784,): a connection carries if its input is not 0 and its unit's ReLU is open."""
        signals = _signals(layers, x)
        opened = [*(units > 0 for units in signals[1:-1]), np.full(len(layers[-1]), True)]
        carried = [
            np.count_nonzero(weights[units][:, below != 0])
            for weights, below, units in zip(layers, signals[:-1], opened, strict=True)
        ]
        return cls(*evidence(layers, x), sum(map(np.count_nonzero, layers)), sum(carried))

    @property
    def digit(self) -> int:
        """The digit that is read."""
        return int(self.logits.argmax())

    @cached_property
    def probabilities(self) -> np.ndarray:
        """Softmax of the logits, (10,)."""
        powers = np.exp(self.logits - self.logits.max())
        return powers / powers.sum()

    def speaking_for(self, digit: int) -> np.ndarray:
        """Return what each pixel (784,) gives this digit, more than it gives the ten on average."""
        return self.contributions[digit] - self.contributions.mean(0)

    @property
    def words(self) -> str:
        """What is read, as a sentence."""
        return f"It reads {self.digit} ({share(self.probabilities[self.digit])})."

    @property
    def carrying(self) -> str:
        """How many connections had a part in it, as a sentence."""
        return f"{self.carried:,} of the {self.kept:,} connections that are left carried something for this picture."
