"""AlexNet-s and AlexNet-b, as in the authors' code."""

from collections import OrderedDict

from torch import nn

from snip_lib.models.blocks import BatchNorm1d, BatchNorm2d, conv, first_stride, pixels_left

CONVOLUTIONS = ((96, 11), (256, 5), (384, 3), (384, 3), (256, 3))  # (channels, side of the kernel), stride 2 each


def alexnet(input_shape: tuple[int, int, int], classes: int, *, units: int) -> nn.Module:
    """Five convolutions of stride 2 and three linear layers, each but the last with batch norm and ReLU; no pooling.

    units: of the two hidden linear layers, 1024 in AlexNet-s and 2048 in AlexNet-b. The paper's text says 512 and 1024,
    but only the code's 1024 and 2048 give the numbers of parameters in Table 2. (n, 3, 32, 32) -> (n, classes).
    """
    layers, inputs = OrderedDict(), input_shape[0]
    for i, (channels, kernel) in enumerate(CONVOLUTIONS, start=1):
        stride = first_stride(input_shape, 2) if i == 1 else 2
        layers[f"conv{i}"] = conv(inputs, channels, kernel, stride)
        layers[f"bn{i}"], layers[f"relu{i}"] = BatchNorm2d(channels), nn.ReLU()
        inputs = channels
    layers["flatten"] = nn.Flatten()
    inputs *= pixels_left(input_shape, first_stride(input_shape, 2) * 2**4)
    return nn.Sequential(layers | linear_layers(inputs, [units, units], classes, first=6))


def linear_layers(inputs: int, hidden: list[int], classes: int, *, first: int) -> OrderedDict[str, nn.Module]:
    """Linear layers with batch norm and ReLU, then a plain one; batch norms and ReLUs are numbered from `first`."""
    layers = OrderedDict()
    for i, units in enumerate(hidden):
        layers[f"fc{i + 1}"] = nn.Linear(inputs, units)
        layers[f"bn{first + i}"], layers[f"relu{first + i}"] = BatchNorm1d(units), nn.ReLU()
        inputs = units
    layers[f"fc{len(hidden) + 1}"] = nn.Linear(inputs, classes)
    return layers
