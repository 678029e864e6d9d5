"""VGG-C, VGG-D and VGG-like, as in the authors' code: batch norm for dropout, small linear layers."""

from collections import OrderedDict

from torch import nn

from snip_lib.models.alexnet import linear_layers
from snip_lib.models.blocks import BatchNorm2d, conv, first_stride, pixels_left

GROUPS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # (channels, convolutions) before each of five poolings


def vgg(
    input_shape: tuple[int, int, int], classes: int, *, third_kernel: int = 3, hidden: tuple[int, ...] = (512, 512)
) -> nn.Module:
    """Thirteen 3x3 convolutions in five groups with pooling, then linear layers, all with batch norm and ReLU.

    third_kernel: 1 in VGG-C, whose third convolutions of a group are 1x1; 3 in VGG-D. hidden: units of the hidden
    linear layers; VGG-like is VGG-D with one of them instead of two. (n, 3, 32, 32) -> (n, classes).
    """
    layers, inputs, i = OrderedDict(), input_shape[0], 0
    for group, (channels, convolutions) in enumerate(GROUPS, start=1):
        for place in range(convolutions):
            i += 1
            stride = first_stride(input_shape) if i == 1 else 1
            layers[f"conv{i}"] = conv(inputs, channels, third_kernel if place == 2 else 3, stride)
            layers[f"bn{i}"], layers[f"relu{i}"] = BatchNorm2d(channels), nn.ReLU()
            inputs = channels
        layers[f"pool{group}"] = nn.MaxPool2d(2, ceil_mode=True)  # SAME: an odd row is pooled alone, not dropped
    layers["flatten"] = nn.Flatten()
    inputs *= pixels_left(input_shape, first_stride(input_shape) * 2 ** len(GROUPS))
    return nn.Sequential(layers | linear_layers(inputs, list(hidden), classes, first=i + 1))
