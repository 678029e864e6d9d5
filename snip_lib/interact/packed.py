"""Pruned networks on their way to a page: what is left of each layer, in few bytes, and the layer they stand for."""

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from snip_lib.figures import numbers

_MOST = 2**15 - 1  # a weight travels as an integer of 16 bits, times the layer's scale


def layers_of(weights: Any) -> list[np.ndarray]:
    """Return layers, tensors or arrays (outputs, inputs), as float64; ValueError when one does not fit the next."""
    layers = [numbers(layer) for layer in weights]
    if not layers or any(layer.ndim != 2 for layer in layers):
        raise ValueError(f"a network is a list of matrices (outputs, inputs), got shapes {_shapes(layers)}")
    for below, above in itertools.pairwise(layers):
        if below.shape[0] != above.shape[1]:
            raise ValueError(f"a layer of {below.shape[0]} outputs stands below one of {above.shape[1]} inputs")
    return layers


def _shapes(layers: list[np.ndarray]) -> str:
    return ", ".join(str(layer.shape) for layer in layers) or "of none"


def rounded(layer: np.ndarray) -> np.ndarray:
    """Return a layer (outputs, inputs) with the weights that a page has of it: multiples of its largest / 32,767.

    What is not 0 stays so, with its sign; the others are within half a multiple.

    >>> rounded(np.array([[32767, 0.2, 0, -7.4]])).tolist()
    [[32767.0, 1.0, 0.0, -7.0]]
    """
    return _multiples(layer) * _scale(layer)


def packed(layer: np.ndarray) -> dict[str, Any]:
    """Return the rounded weights of a layer (outputs, inputs) that are not 0, as what JSON can carry.

    `gaps`: from each place in the flat layer to the next, seven bits a byte, low ones first, the eighth set where more
    follow; `values`: int16, little-endian, to be multiplied by `scale`. Both in base64.
    """
    places = np.flatnonzero(layer)
    gaps = bytes(byte for gap in np.diff(places, prepend=0).tolist() for byte in _bytes(gap))
    values = _multiples(layer).ravel()[places].astype("<i2").tobytes()
    return {"shape": list(layer.shape), "scale": _scale(layer), "gaps": text(gaps), "values": text(values)}


def text(content: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(content).decode()


def _scale(layer: np.ndarray) -> float:
    return float(abs(layer).max(initial=0)) / _MOST or 1.0


def _multiples(layer: np.ndarray) -> np.ndarray:
    """At least 1 for what is not 0: a connection that is kept is not to vanish on the way."""
    sizes = np.rint(abs(layer) / _scale(layer)).clip(1, _MOST)
    return np.sign(layer) * sizes


def _bytes(gap: int) -> Iterator[int]:
    while gap > 127:
        yield gap & 127 | 128
        gap >>= 7
    yield gap
