"""Independent computations that the library is compared with: short, slow, written from the paper's equations."""

from decimal import ROUND_HALF_UP, Decimal

import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy


def gradient_of_c(model, x, y, loss=cross_entropy):
    """dL(c * w)/dc at c = 1 (Equation 5), through an explicit c, with the model in the mode that it is in."""
    weights = {name: p.detach() for name, p in model.named_parameters()}
    c = {name: torch.ones_like(w, requires_grad=True) for name, w in weights.items()}
    output = functional_call(model, {name: c[name] * weights[name] for name in weights}, (x,))
    gradients = torch.autograd.grad(loss(output, y), list(c.values()), allow_unused=True)
    return {n: torch.zeros_like(c[n]) if g is None else g for n, g in zip(c, gradients, strict=True)}


def kappa(total, sparsity):
    """How many connections a sparsity leaves: m (1 - s) in decimal arithmetic, halves rounded up."""
    return int((total * (1 - Decimal(str(sparsity)))).to_integral_value(ROUND_HALF_UP))


def highest(scores, count):
    """Masks of the `count` highest scores by a stable sort, so the lower index wins among equals (Equation 7)."""
    flat = torch.cat([score.flatten().double() for score in scores.values()])
    mask = torch.zeros(len(flat), dtype=torch.bool)
    mask[flat.sort(descending=True, stable=True).indices[:count]] = True
    parts = mask.split([score.numel() for score in scores.values()])
    return {name: part.view(scores[name].shape) for name, part in zip(scores, parts, strict=True)}
