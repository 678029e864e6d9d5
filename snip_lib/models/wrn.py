"""Wide residual networks (Zagoruyko and Komodakis 2016), with the biases that the paper's counts imply."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.functional import relu

from snip_lib.models.blocks import BatchNorm2d, conv, first_stride


def wrn(input_shape: tuple[int, int, int], classes: int, *, depth: int, widen: int) -> nn.Module:
    """WRN-depth-widen: three groups of (depth - 4) / 6 pre-activation blocks, 16, 32 and 64 times `widen` wide.

    The authors' code for it was not published. Every convolution has a bias and each group starts with a projection, as
    in the residual networks of their next paper's code, and as the kept counts of Table 2 confirm.
    (n, 3, 32, 32) -> (n, classes).
    """
    layers = OrderedDict(conv1=conv(input_shape[0], 16, 3, first_stride(input_shape)))
    inputs = 16
    for group, width in enumerate((16, 32, 64), start=1):
        blocks = []
        for place in range((depth - 4) // 6):
            stride = 2 if place == 0 and group > 1 else 1
            blocks.append(PreActivationBlock(inputs, width * widen, stride, project=place == 0))
            inputs = width * widen
        layers[f"group{group}"] = nn.Sequential(*blocks)
    layers |= {"bn": BatchNorm2d(inputs), "relu": nn.ReLU(), "pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return nn.Sequential(layers | {"fc": nn.Linear(inputs, classes)})


class PreActivationBlock(nn.Module):
    """Batch norm, ReLU and a 3x3 convolution, twice, added to the input or to its projection after the first ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, project: bool):
        super().__init__()
        self.bn1, self.conv1 = BatchNorm2d(inputs), conv(inputs, outputs, 3, stride)
        self.bn2, self.conv2 = BatchNorm2d(outputs), conv(outputs, outputs, 3)
        self.shortcut = conv(inputs, outputs, 1, stride) if project else None

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        active = relu(self.bn1(x))
        residual = self.conv2(relu(self.bn2(self.conv1(active))))
        return residual + (x if self.shortcut is None else self.shortcut(active))
