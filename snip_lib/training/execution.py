"""How a step of training is computed, which leaves what is computed as it is: precision, layout, compiling, graphs."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from snip_lib.kinds import NORMALISATIONS
from snip_lib.pruning.holding import Held
from snip_lib.training.recipes import Recipe

DTYPES = ("float32", "bfloat16")
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # of a processor that multiplies bfloat16 by itself
AMPERE = (8, 0)  # the first GPUs that do; a T4 (7.5) only emulates it
WARM_UP = 3  # steps before a CUDA graph is captured, so that buffers exist and kernels are chosen


@dataclass(frozen=True)
class Execution:
    """How steps are computed. The default is plain float32, one operation after another.

    autocast: products and convolutions in bfloat16, weights and sums in float32. channels_last: images and weights with
    the channels innermost, as tensor cores want them. fused: the optimizer as one kernel. compile: a backend of
    torch.compile ("inductor", …) for the whole step. graph: the step as one CUDA graph, after a few plain ones, with a
    fused optimizer.
    """

    autocast: bool = False
    channels_last: bool = False
    fused: bool = False
    compile: str | None = None
    graph: bool = False

    @classmethod
    def on(cls, device: torch.device | str, dtype: str = "float32", layout: str = "plain") -> "Execution":
        """What is sensible on a device: as wished on a CPU, channels last and a fused optimizer on a GPU.

        dtype: "float32", or "bfloat16" for autocast where the device multiplies in it (else float32, as `computed`
        says). layout: "plain" or "channels-last". Compiling and graphs cost a start that short runs do not earn back,
        so they are asked for by name. Raises ValueError for another dtype.

        >>> Execution.on("cpu", layout="channels-last").computed
        'float32, channels-last'
        """
        if dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
        gpu = torch.device(device).type != "cpu"
        autocast = dtype == "bfloat16" and has_bfloat16(device)
        return cls(autocast=autocast, channels_last=gpu or layout == "channels-last", fused=gpu)

    @property
    def computed(self) -> str:
        """Precision and layout in words, for a record."""
        return f"{'bfloat16' if self.autocast else 'float32'}, {'channels-last' if self.channels_last else 'plain'}"

    @property
    def rate_on_device(self) -> bool:
        """Whether the learning rate must be a tensor, so that a compiled or captured step sees it change."""
        return self.compile is not None or self.graph

    def precision(self, device: torch.device) -> torch.autocast:
        """The context in which the network is evaluated."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.autocast, cache_enabled=False)


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether a device multiplies bfloat16 by itself, without emulating it; a GPU that is not here is not doubted."""
    if torch.device(device).type == "cuda":
        return not torch.cuda.is_available() or gpu_has_bfloat16(torch.cuda.get_device_capability(device))
    return processor_has_bfloat16(_processor())


def gpu_has_bfloat16(capability: tuple[int, int]) -> bool:
    """The same of a GPU, from its compute capability (major, minor).

    >>> gpu_has_bfloat16((7, 5)), gpu_has_bfloat16((8, 0))  # a T4, an A100
    (False, True)
    """
    return tuple(capability) >= AMPERE


def processor_has_bfloat16(told: str) -> bool:
    """The same of a processor, from the text in which Linux tells its flags ("flags" on x86, "Features" on ARM).

    >>> processor_has_bfloat16("flags : fpu avx2 avx512_bf16"), processor_has_bfloat16("flags : fpu avx2")
    (True, False)
    """
    lines = [line.partition(":") for line in told.splitlines()]
    flags = {flag for key, _, words in lines if key.strip() in ("flags", "Features") for flag in words.split()}
    return bool(flags & BFLOAT16_FLAGS)


@functools.cache
def _processor() -> str:
    """What Linux tells of the processor; nothing on another system, where float32 is the safe answer."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


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
