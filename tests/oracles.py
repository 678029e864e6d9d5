"""Independent computations that the library is compared with: short, slow, written from the paper's equations."""

import copy
from decimal import ROUND_HALF_UP, Decimal

import torch
from torch.func import functional_call, grad, jacrev, jvp
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


def layers(model):
    """The parameters of linear and convolutional layers by name, as they stand: what the criteria score."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    modules = [(name, m) for name, m in model.named_modules() if isinstance(m, kinds)]
    return {f"{name}.{n}": p.detach() for name, m in modules for n, p in m.named_parameters()}


def gradient(model, u, x, y):
    """dL/du by reverse mode, of a model in evaluation mode."""
    return grad(lambda u: cross_entropy(functional_call(model, u, (x,)), y))(u)


def hessian_gradient(model, u, x, y, temperature=200, trained=None):
    """H g by forward mode over reverse mode; g only where `trained`, if it is given (GraSP)."""
    slope = grad(lambda u: cross_entropy(functional_call(model, u, (x,)) / temperature, y))
    g = slope(u)
    if trained is not None:
        g = {name: each * trained[name] for name, each in g.items()}
    return jvp(slope, (u,), (g,))[1]


def curvature(model, u, x, y):
    """The Gauss-Newton diagonal of cross-entropy: the variance of ∂z_k/∂u when class k is drawn by softmax (OBD)."""
    h = {name: torch.zeros_like(each) for name, each in u.items()}
    for example in x:
        z = functional_call(model, u, (example[None],))[0]
        p = z.softmax(0)
        for name, j in jacrev(lambda u, e=example: functional_call(model, u, (e[None],))[0])(u).items():
            weights = p.view(-1, *[1] * (j.ndim - 1))
            h[name] += (weights * (j - (weights * j).sum(0)).square()).sum(0) / len(x)
    return h


def synaptic_flow(model, u, x):
    """dR/d|u| by the way of the authors' code: a copy whose state is replaced by absolute values, an input of ones."""
    twin = copy.deepcopy(model).double().eval()
    twin.load_state_dict({name: each.double() for name, each in u.items()}, strict=False)
    for p in twin.parameters():
        p.data.abs_()
    twin(torch.ones(1, *x.shape[1:], dtype=torch.float64)).sum().backward()
    return {name: twin.get_parameter(name).grad for name in u}
