"""The two LeNets of Table 1, as in the authors' code."""

from collections import OrderedDict

from torch import nn


def lenet_300_100(input_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> nn.Module:
    """LeNet-300-100: two hidden layers of ReLUs; 266,610 parameters for 28x28 digits. (n, 1, 28, 28) -> (n, 10)."""
    channels, height, width = input_shape
    return nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            fc1=nn.Linear(channels * height * width, 300),
            relu1=nn.ReLU(),
            fc2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            fc3=nn.Linear(100, classes),
        )
    )


def lenet_5_caffe(
    input_shape: tuple[int, int, int] = (1, 28, 28), classes: int = 10, *, relus: bool = False
) -> nn.Module:
    """LeNet-5-Caffe: 431,080 parameters for 28x28 digits. (n, 1, 28, 28) -> (n, 10).

    relus: whether one follows each convolution, as in most PyTorch ports; in Caffe and in the authors' code none does.
    Raises ValueError for images of which nothing is left after the second pooling.
    """
    channels, height, width = input_shape
    if min(height, width) < 16:
        raise ValueError(f"lenet-5-caffe needs images of at least 16x16, got {height}x{width}")
    flat = 50 * _after_two_pools(height) * _after_two_pools(width)
    layers = OrderedDict(
        conv1=nn.Conv2d(channels, 20, 5),
        conv1_relu=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(20, 50, 5),
        conv2_relu=nn.ReLU(),
        pool2=nn.MaxPool2d(2),
        flatten=nn.Flatten(),
        fc1=nn.Linear(flat, 500),
        relu1=nn.ReLU(),
        fc2=nn.Linear(500, classes),
    )
    if not relus:
        del layers["conv1_relu"], layers["conv2_relu"]
    return nn.Sequential(layers)


def _after_two_pools(size: int) -> int:
    """What is left of a side after two 5x5 convolutions without padding, each followed by 2x2 pooling."""
    return ((size - 4) // 2 - 4) // 2
