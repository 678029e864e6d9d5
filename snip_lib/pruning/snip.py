"""SNIP on one page: Equations 3 to 7 and Algorithm 1 of the paper, top to bottom.

The network is L(c ∘ w): every connection j has a weight w_j and a switch c_j, 1 while it is there (Equation 3). What
does the loss on a mini-batch lose with it?

    ΔL_j = L(1 ∘ w) - L((1 - e_j) ∘ w)                          (Equation 4)  one forward pass for each connection
         ≈ g_j = ∂L(c ∘ w) / ∂c_j  at c = 1                     (Equation 5)  one backward pass for all of them
         = w_j ∂L / ∂w_j                                        the chain rule: c_j enters as c_j w_j alone

    s_j = |g_j| / Σ_k |g_k|                                     (Equation 6)  connection sensitivity
    c_j = 1 if s_j is among the κ highest, else 0               (Equation 7)

Algorithm 1: 1 draw w (variance scaling) · 2 take a mini-batch · 3 compute s · 4 find the κ-th highest · 5 set c ·
6 train w on L(c ∘ w) · 7 the pruned network is c ∘ w.
"""

from torch import Tensor, nn

from snip_lib.given import Batches, Examples, exact
from snip_lib.pruning.keep import keep, keep_count
from snip_lib.pruning.masks import Masks
from snip_lib.scoring.backward import Loss
from snip_lib.scoring.sensitivity import Prunable, absolute, connection_gradient, default_prunable


def snip(
    model: nn.Module,
    x: Tensor | Batches,
    y: Tensor | None = None,
    *,
    sparsity: float,
    loss: Loss | None = None,
    batch_norm: str = "identity",
    mode: str = "eval",
    prunable: Prunable = default_prunable,
    examples: Examples | None = None,
) -> Masks:
    """Prune `model` once by connection sensitivity (Algorithm 1, lines 3 to 5); the model itself is left as it is.

    Scores the model's own weights on the mini-batch (x, y). Arguments, warnings and errors as `connection_sensitivity`
    and `keep_top`.

    >>> import torch, snip_lib as sl
    >>> model = sl.models.build("lenet-300-100", generator=0)  # line 1
    >>> x, y = sl.data.pruning_batch(sl.data.load("digits"), 100, seed=0)  # line 2
    >>> masks = sl.snip(model, x, y, sparsity=0.95)  # lines 3 to 5
    >>> masks.kept, masks.total
    (13331, 266610)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with masks.hold(model, optimizer):  # lines 6 and 7: train as always, pruned weights stay 0
    ...     torch.nn.functional.cross_entropy(model(x), y).backward()
    ...     optimizer.step()
    >>> sum(int((model.get_parameter(name) != 0).sum()) for name in masks) <= masks.kept
    True
    """
    exact(sparsity)  # a bad one is said before anything is computed
    # Line 3, Equations 3 to 5: g = w ∘ dL/dw, a tensor for each parameter, from one forward and one backward pass.
    options = {"loss": loss, "batch_norm": batch_norm, "mode": mode, "prunable": prunable, "examples": examples}
    g = connection_gradient(model, x, y, **options)
    # Equation 6 divides by one positive number for all, which changes no order in exact arithmetic; in floats it rounds
    # and makes new ties. So |g| is ranked, not s.
    s = absolute(g)
    # Line 4: κ = m (1 - sparsity), halves rounded up, and the κ-th highest of all scores together.
    m = sum(score.numel() for score in s.values())
    kappa = keep_count(m, sparsity)
    # Line 5, Equation 7: c. Exactly κ are kept: among equal scores those of the lower index.
    return keep(s, kappa)
