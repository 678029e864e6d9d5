"""Holding a mask through training, so that the optimizer trains L(c * w) (Algorithm 1, lines 6 and 7)."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


class Held:
    """Pruned weights stay exactly 0: gradients are masked as they arrive, weights after each step of the optimizer.

    Clipping, momentum and adaptive steps so see the gradient that training L(c * w) gives, and weight decay or old
    momentum cannot revive a pruned weight. Ends with `release()` or the end of a `with` block. A compiled or captured
    step calls `mask_gradients_` and `mask_weights_` itself (pass no optimizer to `hold`, so that nothing is hooked).
    """

    def __init__(
        self,
        parameters: Mapping[str, nn.Parameter],
        masks: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer | None,
    ):
        """parameters, masks: by the same names; made by `Masks.hold`, which sets the pruned weights to 0 first."""
        self.parameters = list(parameters.values())
        self.factors = [torch.empty_like(p.detach()).copy_(masks[name]) for name, p in parameters.items()]
        self._hooks = []
        if optimizer is not None:
            for parameter, factor in zip(self.parameters, self.factors, strict=True):
                if parameter.requires_grad:  # one that was frozen since gets no gradient to mask
                    self._hooks.append(parameter.register_post_accumulate_grad_hook(_times(factor)))
            self._hooks.append(optimizer.register_step_post_hook(lambda *_: self.mask_weights_()))

    def mask_gradients_(self) -> None:
        """Multiply the gradients by the masks, in place."""
        with torch.no_grad():
            pairs = [(p.grad, f) for p, f in zip(self.parameters, self.factors, strict=True) if p.grad is not None]
            if pairs:
                torch._foreach_mul_(*map(list, zip(*pairs, strict=True)))

    def mask_weights_(self) -> None:
        """Multiply the weights by the masks, in place."""
        with torch.no_grad():
            torch._foreach_mul_(self.parameters, self.factors)

    def release(self) -> None:
        """Stop holding; the weights stay as they are."""
        while self._hooks:
            self._hooks.pop().remove()

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _times(factor: Tensor) -> Callable[[nn.Parameter], None]:
    def mask_gradient(parameter: nn.Parameter) -> None:
        parameter.grad.mul_(factor)

    return mask_gradient
