"""The paper's fourteen networks, and two that later papers compare on, by name.

Their prunable parameters, weights and biases without batch norm, number exactly as many as Table 2 counts.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from snip_lib.init import initialize_
from snip_lib.models.alexnet import alexnet
from snip_lib.models.lenet import lenet_5_caffe, lenet_300_100
from snip_lib.models.recurrent import RowReader
from snip_lib.models.resnet import resnet
from snip_lib.models.vgg import vgg
from snip_lib.models.wrn import wrn
from snip_lib.words import nearest

DIGIT, PICTURE = (1, 28, 28), (3, 32, 32)

# name -> function of (input_shape, classes) that returns the network with its weights not yet drawn
NETWORKS: dict[str, Callable[[tuple[int, int, int], int], nn.Module]] = {
    "lenet-300-100": lenet_300_100,
    "lenet-5-caffe": lenet_5_caffe,
    "alexnet-s": partial(alexnet, units=1024),
    "alexnet-b": partial(alexnet, units=2048),
    "vgg-c": partial(vgg, third_kernel=1),
    "vgg-d": vgg,
    "vgg-like": partial(vgg, hidden=(512,)),
    "wrn-16-8": partial(wrn, depth=16, widen=8),
    "wrn-16-10": partial(wrn, depth=16, widen=10),
    "wrn-22-8": partial(wrn, depth=22, widen=8),
    "lstm-s": partial(RowReader, cell=nn.LSTM, units=128),
    "lstm-b": partial(RowReader, cell=nn.LSTM, units=256),
    "gru-s": partial(RowReader, cell=nn.GRU, units=128),
    "gru-b": partial(RowReader, cell=nn.GRU, units=256),
    "resnet-20": partial(resnet, widths=(16, 32, 64), blocks=3),
    "resnet-18": partial(resnet, widths=(64, 128, 256, 512), blocks=2),
}
# The images of the paper's data set for each: MNIST for LeNets and recurrent networks, CIFAR-10 for the others.
INPUT_SHAPES = {name: DIGIT if name.startswith(("lenet", "lstm", "gru")) else PICTURE for name in NETWORKS}


def build(
    name: str,
    *,
    generator: torch.Generator | int,
    init: str = "vs-l",
    std: float | None = None,
    input_shape: tuple[int, int, int] | None = None,
    classes: int = 10,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """One of `NETWORKS` with weights drawn by `init` from `generator`, on `device`.

    input_shape: (channels, height, width) of an image; default that of the paper's data set for this network. From
    64x64 on, the first convolution's stride is doubled. Built without memory, drawn on the CPU and moved, so that a
    seed gives the same weights on every device.
    Raises ValueError for an unknown name or initialization, and for images that the network cannot take.
    """
    network = named(name)
    shape = tuple(input_shape or INPUT_SHAPES[name])
    if len(shape) != 3 or min(shape) < 1 or classes < 1:
        raise ValueError(f"input_shape is (channels, height, width) and classes at least 1, got {shape} and {classes}")
    with torch.device("meta"):
        model = network(shape, classes)
    return initialize_(model.to_empty(device="cpu"), init, std=std, generator=generator).to(device)


def named(name: str) -> Callable[[tuple[int, int, int], int], nn.Module]:
    """The function that makes the network of that name; ValueError with the nearest known name otherwise."""
    if name not in NETWORKS:
        raise ValueError(f"unknown network {name!r}; known: {', '.join(NETWORKS)}{nearest(name, NETWORKS)}")
    return NETWORKS[name]
