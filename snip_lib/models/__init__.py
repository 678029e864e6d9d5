"""The paper's fourteen networks, one of them with the ReLUs that ports add, two that later papers compare on, and three
that are nothing but deep, by name.

Their prunable parameters, weights and biases without batch norm, number exactly as many as Table 2 counts.
"""

from __future__ import annotations  # the table is read without torch

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from snip_lib.data import sets
from snip_lib.words import Later, nearest

if TYPE_CHECKING:
    import torch
    from torch import nn

Shape = tuple[int, int, int]  # (channels, height, width) of an image

lenet_300_100 = Later("snip_lib.models.lenet", "lenet_300_100")
lenet_5_caffe = Later("snip_lib.models.lenet", "lenet_5_caffe")
alexnet = Later("snip_lib.models.alexnet", "alexnet")
vgg = Later("snip_lib.models.vgg", "vgg")
wrn = Later("snip_lib.models.wrn", "wrn")
lstm = Later("snip_lib.models.recurrent", "lstm")
gru = Later("snip_lib.models.recurrent", "gru")
plain_tanh = Later("snip_lib.models.plain", "plain_tanh")
resnet = Later("snip_lib.models.resnet", "resnet")
trained = Later("snip_lib.models.shipped", "trained")


@dataclass(frozen=True)
class Network:
    """A network of the book: how it is made, and what it is trained on.

    make: function of (input_shape, classes) that returns the network with its weights not yet drawn, as calling this
    does. data: the name of the data set that it is trained on, in the paper or where later papers compare. recurrent:
    whether it reads its images row by row. convolves, normalises: whether it has convolutions, and batch norm.

    >>> NETWORKS["vgg-like"].data, NETWORKS["vgg-like"].input_shape, NETWORKS["vgg-like"].classes
    ('cifar10', (3, 32, 32), 10)
    """

    make: Callable[[Shape, int], nn.Module]
    data: str
    recurrent: bool = False
    convolves: bool = False
    normalises: bool = False

    def __call__(self, input_shape: Shape, classes: int) -> nn.Module:
        """The network for such images and so many classes, its weights not yet drawn."""
        return self.make(input_shape, classes)

    @property
    def input_shape(self) -> Shape:
        """(channels, height, width) of the images of its data set."""
        return sets.SOURCES[self.data].shape

    @property
    def classes(self) -> int:
        """How many classes its data set has."""
        return sets.SOURCES[self.data].classes


NETWORKS = {
    "lenet-300-100": Network(lenet_300_100, data="mnist"),
    "lenet-5-caffe": Network(lenet_5_caffe, data="mnist", convolves=True),
    "alexnet-s": Network(partial(alexnet, units=1024), data="cifar10", convolves=True, normalises=True),
    "alexnet-b": Network(partial(alexnet, units=2048), data="cifar10", convolves=True, normalises=True),
    "vgg-c": Network(partial(vgg, third_kernel=1), data="cifar10", convolves=True, normalises=True),
    "vgg-d": Network(vgg, data="cifar10", convolves=True, normalises=True),
    "vgg-like": Network(partial(vgg, hidden=(512,)), data="cifar10", convolves=True, normalises=True),
    "wrn-16-8": Network(partial(wrn, depth=16, widen=8), data="cifar10", convolves=True, normalises=True),
    "wrn-16-10": Network(partial(wrn, depth=16, widen=10), data="cifar10", convolves=True, normalises=True),
    "wrn-22-8": Network(partial(wrn, depth=22, widen=8), data="cifar10", convolves=True, normalises=True),
    "lstm-s": Network(partial(lstm, units=128), data="mnist", recurrent=True),
    "lstm-b": Network(partial(lstm, units=256), data="mnist", recurrent=True),
    "gru-s": Network(partial(gru, units=128), data="mnist", recurrent=True),
    "gru-b": Network(partial(gru, units=256), data="mnist", recurrent=True),
    "resnet-20": Network(
        partial(resnet, widths=(16, 32, 64), blocks=3), data="cifar10", convolves=True, normalises=True
    ),
    "resnet-18": Network(
        partial(resnet, widths=(64, 128, 256, 512), blocks=2), data="cifar10", convolves=True, normalises=True
    ),
    "lenet-5-relu": Network(partial(lenet_5_caffe, relus=True), data="mnist", convolves=True),
    "plain-10": Network(partial(plain_tanh, depth=10), data="mnist"),
    "plain-30": Network(partial(plain_tanh, depth=30), data="mnist"),
    "plain-100": Network(partial(plain_tanh, depth=100), data="mnist"),
}
INPUT_SHAPES = {name: network.input_shape for name, network in NETWORKS.items()}


def build(
    name: str,
    *,
    generator: torch.Generator | int,
    init: str = "vs-l",
    std: float | None = None,
    input_shape: Shape | None = None,
    classes: int | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """One of `NETWORKS` with weights drawn by `init` from `generator`, on `device`.

    input_shape: (channels, height, width) of an image; classes: how many there are; default those of the data set that
    stands beside the network in `NETWORKS`. From 64x64 on, the first convolution's stride is doubled. Built without
    memory, drawn on the CPU and moved, so that a seed gives the same weights on every device.
    Raises ValueError for an unknown name or initialization, and for images that the network cannot take.

    >>> build("alexnet-s", generator=0, input_shape=(3, 64, 64), classes=200).conv1.stride
    (4, 4)
    """
    import torch

    from snip_lib.init import initialize_

    network = named(name)
    shape = tuple(input_shape or network.input_shape)
    classes = network.classes if classes is None else classes
    if len(shape) != 3 or min(shape) < 1 or classes < 1:
        raise ValueError(f"input_shape is (channels, height, width) and classes at least 1, got {shape} and {classes}")
    with torch.device("meta"):
        model = network(shape, classes)
    return initialize_(model.to_empty(device="cpu"), init, std=std, generator=generator).to(device)


def named(name: str) -> Network:
    """The network of that name; ValueError with the nearest known name otherwise.

    >>> named("lenet-300-100")((1, 8, 8), 3).fc1
    Linear(in_features=64, out_features=300, bias=True)
    """
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(NETWORKS)}{nearest(name, NETWORKS)}")
    return NETWORKS[name]
