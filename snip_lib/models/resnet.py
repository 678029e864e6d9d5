"""ResNet-20 and ResNet-18 for small images: not in the paper, but what later papers compare SNIP on.

As those papers build them: no bias before a batch norm, PyTorch's batch norm, and 1x1 projections with batch norm where
the shape changes.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn.functional import relu

from snip_lib.models.blocks import first_stride


def resnet(input_shape: tuple[int, int, int], classes: int, *, widths: tuple[int, ...], blocks: int) -> nn.Module:
    """A residual network (He et al. 2016) with a 3x3 stem; each group of `blocks` after the first halves the image.

    ResNet-20 is widths (16, 32, 64) and 3 blocks, ResNet-18 widths (64, 128, 256, 512) and 2.
    (n, 3, 32, 32) -> (n, classes).
    """
    inputs = widths[0]
    layers = OrderedDict(
        conv1=_conv(input_shape[0], inputs, 3, first_stride(input_shape)), bn1=nn.BatchNorm2d(inputs), relu=nn.ReLU()
    )
    for group, width in enumerate(widths, start=1):
        first = BasicBlock(inputs, width, 1 if group == 1 else 2)
        layers[f"group{group}"] = nn.Sequential(first, *(BasicBlock(width, width, 1) for _ in range(blocks - 1)))
        inputs = width
    layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(inputs, classes)}
    return nn.Sequential(layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, added to the input or its projection, then a ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = _conv(inputs, outputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = _conv(outputs, outputs, 3), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Sequential(
                OrderedDict(conv=_conv(inputs, outputs, 1, stride), bn=nn.BatchNorm2d(outputs))
            )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        residual = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        return relu(residual + self.shortcut(x))


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)
