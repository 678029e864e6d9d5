"""Augmentation: what is drawn anew for each image each time it is seen (section 5 of the paper)."""

import torch
from torch import Tensor


def flip_and_shift(x: Tensor, *, generator: torch.Generator, pixels: int = 4) -> Tensor:
    """Random horizontal flip and random shift by up to `pixels`, filled with 0, the mean colour: (n, c, h, w) -> same.

    Each image is flipped with probability 1/2 and shifted by a whole number of pixels, uniform in -pixels..pixels on
    both axes ("standard data augmentation", section 5). Drawn on the generator's device, applied on the images' own.

    pixels: 4 as in the authors' code for 32x32 images, and for 64x64 ones, too, of which the paper says nothing (the
    code of the authors' next paper takes 8 there).

    >>> flip_and_shift(torch.ones(2, 3, 8, 8), generator=torch.Generator().manual_seed(0), pixels=1).shape
    torch.Size([2, 3, 8, 8])
    """
    n, _, height, width = x.shape
    flip = torch.rand(n, generator=generator, device=generator.device) < 0.5
    down, right = torch.randint(0, 2 * pixels + 1, (2, n), generator=generator, device=generator.device)
    flip, down, right = flip.to(x.device), down.to(x.device), right.to(x.device)
    x = torch.where(flip[:, None, None, None], x.flip(3), x)
    windows = torch.nn.functional.pad(x, [pixels] * 4).unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(n, device=x.device), :, down, right]
