"""One step of training under a mask: losses, gradients, clipping, the optimizer; and the same as one CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snip_lib.kinds import NORMALISATIONS
from snip_lib.pruning.holding import Held
from snip_lib.training.execution import Execution
from snip_lib.training.recipes import Recipe

WARM_UP = 3  # steps before a CUDA graph is captured, so that buffers exist and kernels are chosen


class Step:
    """One step of training: losses, gradients, masks, clipping, optimizer, masks again.

    losses: a function (x, y) that returns the loss of each network, (networks,): one, or several that are stacked along
    the first dimension of every parameter. Calling the step returns their values, detached, on the device.
    """

    def __init__(
        self,
        model: nn.Module,
        losses: Callable[[Tensor, Tensor], Tensor],
        recipe: Recipe,
        *,
        held: Held | None,
        execution: Execution,
    ):
        self.losses, self.held, self.clip, self.execution = losses, held, recipe.clip, execution
        device = next(model.parameters()).device
        if execution.graph and device.type != "cuda":
            raise ValueError(f"a CUDA graph needs a CUDA device, the model is on {device}")
        self.rate = torch.tensor(0.0, device=device) if execution.rate_on_device else None
        self.optimizer = optimizer_for(model, recipe, execution, self.rate)
        self.parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        self.update = torch.compile(self._update, backend=execution.compile) if execution.compile else self._update
        self.reset()

    def reset(self) -> None:
        """Forget the captured graph, as has to be when the optimizer's state is another one; mask what was loaded."""
        if self.held is not None:
            self.held.mask_weights_()
        self.graph = Captured(self.update) if self.execution.graph else None

    def __call__(self, x: Tensor, y: Tensor, *, rate: float) -> Tensor:
        if self.rate is not None:
            self.rate.fill_(rate)
        for group in self.optimizer.param_groups:
            group["lr"] = rate if self.rate is None else self.rate
        return self.update(x, y) if self.graph is None else self.graph(x, y)

    def _update(self, x: Tensor, y: Tensor) -> Tensor:
        for parameter in self.parameters:
            parameter.grad = None
        losses = self.losses(x, y)
        losses.sum().backward()  # of networks that share nothing: each gets the gradient of its own loss
        if self.held is not None:
            self.held.mask_gradients_()
        if self.clip is not None:
            clip_(self.parameters, self.clip, networks=len(losses))
        self.optimizer.step()
        if self.held is not None:
            self.held.mask_weights_()
        return losses.detach()


class Captured:
    """A step as one CUDA graph: the first few run plainly on a stream of their own, the next is captured, all later
    ones are replays that read their batch from where the captured one did."""

    def __init__(self, update: Callable[[Tensor, Tensor], Tensor]):
        self.update, self.graph, self.plain_steps = update, None, 0
        self.stream = torch.cuda.Stream()

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        if self.plain_steps < WARM_UP:
            self.plain_steps += 1
            return self._plain(x, y)
        if self.graph is None:
            self._capture(x, y)
        self.x.copy_(x)
        self.y.copy_(y)
        self.graph.replay()
        return self.out.clone()  # the next replay writes into `out`

    def _plain(self, x: Tensor, y: Tensor) -> Tensor:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            losses = self.update(x, y)
        torch.cuda.current_stream().wait_stream(self.stream)
        return losses

    def _capture(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y, self.graph = x.clone(), y.clone(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.out = self.update(self.x, self.y)


def precise(output: Tensor) -> Tensor:
    """The output of a network in float32 at least, so that its loss is not rounded to bfloat16."""
    return output.to(torch.promote_types(output.dtype, torch.float32))


@torch.no_grad()
def clip_(parameters: list[Tensor], longest: float, *, networks: int = 1) -> None:
    """Scale the gradient of each network down to the Euclidean norm `longest` where it is longer, in place.

    With more than one network, every parameter holds all of them along its first dimension.
    """
    grads = [p.grad for p in parameters if p.grad is not None]
    squares = torch.stack([grad.reshape(networks, -1).square().sum(1) for grad in grads]).sum(0)
    factors = (longest / (squares.sqrt() + 1e-6)).clamp(max=1)
    for grad in grads:
        grad.mul_(factors.view(-1, *[1] * (grad.ndim - 1)))


def optimizer_for(
    model: nn.Module, recipe: Recipe, execution: Execution, rate: Tensor | None = None
) -> torch.optim.Optimizer:
    """The optimizer of a recipe, without weight decay for batch norm; rate: the learning rate, where it is a tensor."""
    plain = {p for m in model.modules() if isinstance(m, NORMALISATIONS) for p in m.parameters(recurse=False)}
    trained = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p not in plain], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p in plain], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    lr, fused = recipe.learning_rate if rate is None else rate, execution.fused or execution.graph or None
    if recipe.optimizer == "adam":
        return torch.optim.Adam(groups, lr=lr, fused=fused, capturable=execution.graph)
    return torch.optim.SGD(groups, lr=lr, momentum=recipe.momentum, nesterov=recipe.nesterov, fused=fused)
