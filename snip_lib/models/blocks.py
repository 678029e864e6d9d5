"""What the convolutional families share: batch norm, padding and the doubled first stride."""

from functools import partial

from torch import nn

# TensorFlow's defaults, which the authors' code leaves as they are; its decay of 0.99 is a factor of 0.01 in PyTorch.
BatchNorm1d = partial(nn.BatchNorm1d, eps=1e-3, momentum=0.01)
BatchNorm2d = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution with bias whose padding leaves ceil(side / stride) pixels, as TensorFlow's SAME does.

    Odd padding (strides over 1) is larger below and to the right in TensorFlow, above and to the left here.
    """
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)


def first_stride(input_shape: tuple[int, int, int], stride: int = 1) -> int:
    """The stride of the first convolution: doubled for images of 64x64 and more, as the authors do."""
    return 2 * stride if min(input_shape[1:]) >= 64 else stride


def pixels_left(input_shape: tuple[int, int, int], stride: int) -> int:
    """How many pixels a (channels, height, width) image has left after layers whose strides multiply to `stride`."""
    _, height, width = input_shape
    return -(-height // stride) * -(-width // stride)
