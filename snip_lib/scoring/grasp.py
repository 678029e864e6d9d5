"""GraSP: gradient signal preservation (Wang, Zhang, Grosse, 2020; Equations 7 and 8, Algorithm 1)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from snip_lib import given
from snip_lib.scoring.mean import mean_over, or_zero
from snip_lib.scoring.passes import gradient_of, hessian_times, loss_of, network_at
from snip_lib.scoring.sensitivity import (
    Batches,
    Examples,
    Loss,
    Prunable,
    cross_entropy,
    default_prunable,
    prunable_parameters,
)


def grasp(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    at: Mapping[str, Tensor] | None = None,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    mode: str = "eval",
    prunable: Prunable = default_prunable,
    examples: Examples | None = None,
    generator: torch.Generator | int | None = None,
    temperature: float = 200,
) -> dict[str, Tensor]:
    """w_j (H g)_j, with g = ∇L and H the Hessian: what the gradient's squared norm loses, halved, without w_j.

    To first order ‖∇L(w - w_j e_j)‖² - ‖∇L(w)‖² = -2 w_j (H g)_j. Sign: their score is S(-w) = -w ∘ Hg, and they
    remove the highest (section 4, last paragraph), because that raises the norm, or lowers it least; so the highest of
    w ∘ Hg is kept, which is what their code does. H g is exact: a gradient of the product of two gradients, one of them
    constant; two forward and three backward passes, the last one through the second's graph. Both are by what can be
    pruned, all else stands still. temperature: divides the outputs before the loss, 200 in their code (`GraSP.py`, not
    in the paper), which makes all classes about equally likely. At masks c, H and g are those of c ∘ w, and pruned
    weights have no part in g, as they are not trained. generator is not looked at; the other arguments as in
    `connection_gradient`.

    Known failure: the score is signed. A connection that does nothing scores 0 and outranks all whose removal raises
    the norm, the most sensitive included:

    >>> import torch, snip_lib as sl
    >>> layer = torch.nn.Linear(2, 1, bias=False)
    >>> _ = layer.weight.data.copy_(torch.tensor([[1.0, 1.0]]))
    >>> x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0]])  # the second input is dead, the output too low
    >>> squared = lambda output, y: (output - y).square().mean() / 2
    >>> sl.criteria.grasp(layer, x, y, loss=squared, temperature=1)["weight"]
    tensor([[-1.,  0.]])
    """
    loss = loss or cross_entropy
    with network_at(model, at, batch_norm=batch_norm, mode=mode, prunable=prunable) as u:

        def mean_loss(x: object, y: object) -> Tensor:
            return loss_of(model, x, y, loss, temperature)

        batches = list(given.pairs(x, y))  # gone through twice
        g = or_zero(mean_over(batches, lambda x, y: gradient_of(mean_loss(x, y), u), examples), u, mode)
        if at is not None:
            g = {name: grad.where(at[name], 0) for name, grad in g.items()}
        hg = mean_over(batches, lambda x, y: hessian_times(mean_loss(x, y), u, g), examples)
    weights = prunable_parameters(model, prunable)
    return {name: weights[name].detach() * each for name, each in hg.items()}
