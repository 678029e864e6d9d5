"""Holding a mask through training, so that the optimizer trains L(c * w) (Algorithm 1, lines 6 and 7).

There are two operations: gradients are masked before the optimizer sees them, weights after it has moved them. In a
user's loop hooks call them at the right moments; the library's own step calls them itself, because a compiled or
captured step has to contain them.

Both multiply bits, not numbers: 0 * nan is nan, and a weight that was driven to nan or infinity could never be zero
again. Read as an integer, a float times 1 is itself and times 0 is the integer 0, whose bits are those of +0.0. It
costs what the product of floats costs (masked_fill_ several times as much).
"""

import contextlib
import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # bytes of a number -> the integer to read it as
INSIDE = ("optimizer", "base_optimizer", "_optimizer", "optim")  # where wrappers keep the optimizer that they wrap


class Held:
    """Pruned weights stay exactly 0: gradients are masked as they arrive, weights after each step of the optimizer.

    Clipping, momentum and adaptive steps so see the gradient that training L(c * w) gives, and weight decay or old
    momentum cannot revive a pruned weight. Ends with `release()` or the end of a `with` block. A compiled or captured
    step calls `mask_gradients_` and `mask_weights_` itself (pass no optimizer to `hold`, so that nothing is hooked).

    While an optimizer is hooked, `load_state_dict` masks what it loads, and refuses `assign=True`, which would put
    other parameters in the place of those that the optimizer trains. A copy of the model (`copy.deepcopy`, a pickle)
    masks its own gradients, which keeps its pruned weights at 0 under a new optimizer; release before copying to train
    the copy densely.
    """

    def __init__(self, model: nn.Module, masks: Mapping[str, Tensor], optimizers: Sequence[object] = ()):
        """Made by `Masks.hold`, which checks that they belong together. When it fails, no hook is left behind."""
        places = [(model.get_submodule(name.rpartition(".")[0]), name) for name in masks]
        self.parameters = [module._parameters[name.rpartition(".")[2]] for module, name in places]
        self.factors = [_factor(masks[name], p) for (_, name), p in zip(places, self.parameters, strict=True)]
        self._guards: dict[nn.Module, _Guard] = {}
        for (module, name), *held in zip(places, self.parameters, self.factors, strict=True):
            self._guards.setdefault(module, _Guard()).held[name] = tuple(held)
        self._hooks = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.callback(self.release)
            if optimizers:
                self._hook(model, optimizers)
            undo.pop_all()

    def mask_gradients_(self) -> None:
        """Set the gradients of pruned weights to 0, in place."""
        pairs = [(p.grad, f) for p, f in zip(self.parameters, self.factors, strict=True) if p.grad is not None]
        _zero_([grad for grad, _ in pairs], [factor for _, factor in pairs])

    def mask_weights_(self) -> None:
        """Set the pruned weights to 0, in place."""
        _zero_(self.parameters, self.factors)

    def release(self) -> None:
        """Stop holding; the weights stay as they are."""
        self._hooks.close()

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _hook(self, model: nn.Module, optimizers: Sequence[object]) -> None:
        handles = [
            optimizer.register_step_post_hook(self._after_step) for optimizer in optimizers if _hookable(optimizer)
        ]
        handles += [hook_gradient(p, f) for p, f in zip(self.parameters, self.factors, strict=True)]
        self._hooks.callback(lambda: [handle.remove() for handle in handles])
        for wrapper in optimizers:
            if not _hookable(wrapper) and callable(getattr(wrapper, "step", None)):
                self._follow(wrapper)
        for module in {model, *self._guards}:
            handles.append(module.register_load_state_dict_pre_hook(refuse_assign))
        for module, guard in self._guards.items():
            handles.append(module.register_load_state_dict_post_hook(guard))

    def _follow(self, wrapper: object) -> None:
        """Mask after the step of a wrapper too: Lookahead, for one, moves the weights once more after its optimizer."""
        step = wrapper.step

        @functools.wraps(step)
        def masked(*args, **kwargs):
            result = step(*args, **kwargs)
            self.mask_weights_()
            return result

        wrapper.step = masked
        self._hooks.callback(vars(wrapper).pop, "step", None)

    def _after_step(self, optimizer: Optimizer, *_: object) -> None:
        """Mask what this optimizer trains: others may step inside a backward pass that still needs its weights."""
        for module, guard in self._guards.items():
            guard.check(module)
        trained = {p for group in optimizer.param_groups for p in group["params"]}
        pairs = [pair for pair in zip(self.parameters, self.factors, strict=True) if pair[0] in trained]
        _zero_([parameter for parameter, _ in pairs], [factor for _, factor in pairs])


class _Guard:
    """A hook that a module carries while parameters of its own are held: it masks what `load_state_dict` has loaded.

    It is copied with its module, and the copy's parameters get hooks of their own.
    """

    def __init__(self, held: dict[str, tuple[nn.Parameter, Tensor]] | None = None):
        """held: full name -> parameter and factor."""
        self.held = held or {}

    def __call__(self, module: nn.Module, *_: object) -> None:
        self.check(module)
        _zero_(*map(list, zip(*self.held.values(), strict=True)))

    def check(self, module: nn.Module) -> None:
        """RuntimeError when a parameter of the module is not the one that is held any more."""
        for name, (parameter, _) in self.held.items():
            if module._parameters.get(name.rpartition(".")[2]) is not parameter:
                raise RuntimeError(
                    f"the model's {name!r} was replaced, so it is not held any more: release(), make the optimizer "
                    "anew, and hold again"
                )

    def __reduce__(self):
        return _copied_guard, (self.held,)


def _copied_guard(held: dict[str, tuple[nn.Parameter, Tensor]]) -> _Guard:
    """The guard of a copy of a module, of whose parameters the gradients are masked too."""
    for parameter, factor in held.values():
        hook_gradient(parameter, factor)
    return _Guard(held)


def refuse_assign(module: nn.Module, state: object, prefix: str, metadata: Mapping, *_: object) -> None:
    """A hook before loading: RuntimeError when parameters would be replaced, before anything is loaded."""
    if metadata.get("assign_to_params_buffers", False):
        raise RuntimeError(
            "load_state_dict(assign=True) would replace parameters that are held: load without assign, or release() "
            "first, make the optimizer anew, and hold again"
        )


def hook_gradient(parameter: nn.Parameter, factor: Tensor) -> torch.utils.hooks.RemovableHandle:
    """Mask the gradient of a parameter whenever it has been accumulated, also of one that is frozen for now."""

    def mask(parameter: nn.Parameter) -> None:
        # A hook before this one may have stepped already and have taken the gradient away: then the weight is masked.
        _zero_([parameter if parameter.grad is None else parameter.grad], [factor])

    frozen = not parameter.requires_grad
    parameter.requires_grad_(True)  # torch hooks no other, but the hook outlasts being frozen
    try:
        return parameter.register_post_accumulate_grad_hook(mask)
    finally:
        parameter.requires_grad_(not frozen)


def optimizers_in(given: object) -> list[object]:
    """The optimizers that `given` is, lists or wraps (as .optimizer or .base_optimizer), the wrappers among them.

    Raises TypeError when there is none.
    """
    if isinstance(given, (list, tuple)) and given:
        return list(dict.fromkeys(found for each in given for found in optimizers_in(each)))
    inner = [thing for name in INSIDE if (thing := getattr(given, name, None)) not in (None, given)]
    found = [given] if _hookable(given) else []
    for thing in inner:
        with contextlib.suppress(TypeError):
            found += optimizers_in(thing)
    if not found:
        raise TypeError(
            f"optimizer must be a torch.optim.Optimizer, a list of them, or a wrapper with one as .optimizer; got "
            f"{type(given).__name__}: pass the optimizer inside it"
        )
    return list(dict.fromkeys([given, *found]))


def check_together(model: nn.Module, names: Sequence[str], optimizers: Sequence[object]) -> None:
    """ValueError when an optimizer trains nothing of `model`, or all of them nothing of the parameters by `names`."""
    parameters = dict(model.named_parameters())
    trained = [{p for group in o.param_groups for p in group["params"]} for o in optimizers if _hookable(o)]
    if not all(some & set(parameters.values()) for some in trained):
        raise ValueError("the optimizer trains no parameter of this model: make it from model.parameters()")
    if not any(parameters[name] in some for some in trained for name in names):
        raise ValueError("the optimizer trains none of the parameters that the masks are for: nothing would be held")


def _hookable(thing: object) -> bool:
    """Whether it is an optimizer that calls hooks after a step; subclasses that skip its __init__ do not."""
    return isinstance(thing, Optimizer) and "_optimizer_step_post_hooks" in vars(thing)


def _factor(mask: Tensor, parameter: nn.Parameter) -> Tensor:
    """The mask as integers 0 and 1, of the parameter's size in bits and its order in memory."""
    return torch.empty_like(parameter.detach(), dtype=BITS[parameter.element_size()]).copy_(mask)


@torch.no_grad()
def _zero_(tensors: Sequence[Tensor], factors: Sequence[Tensor]) -> None:
    """Multiply the bits of floats by integers 0 and 1, in place."""
    bits, ones = [], []
    for tensor, factor in zip(tensors, factors, strict=True):
        if tensor.is_sparse:  # a gradient of few rows; what is left of nan in it, masking the weights takes away
            tensor.copy_(tensor.coalesce() * factor)
            continue
        bits.append(tensor.view(BITS[tensor.element_size()]))
        # a model that was moved, or gradients in another precision than their weights
        ones.append(
            factor if factor.dtype == bits[-1].dtype and factor.device == tensor.device else factor.to(bits[-1])
        )
    if bits:
        torch._foreach_mul_(bits, ones)
