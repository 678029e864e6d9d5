"""dL/dw of a model's loss, wherever in the backward pass it arises, averaged over batches; nothing is left in `.grad`.

`torch.autograd.grad` returns the gradients and stores none, but it sees only what the graph shows. A custom autograd
function (reentrant checkpointing, a reversible block) may run a backward pass of its own inside the outer one, and what
that finds it adds to `.grad`. Where the graph holds such a function, all gradients are taken from `.grad`, which is set
aside before and put back afterwards.
"""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from snip_lib import given, kinds
from snip_lib.scoring.mean import mean_over

Loss = Callable[[object, object], Tensor]
Weights = Mapping[str, Tensor]
Gradient = dict[str, Tensor | None]  # None where the loss does not reach


def mean_gradient(
    model: nn.Module,
    batches: given.Batches,
    loss: Loss,
    weights: Weights,
    *,
    examples: given.Examples | None = None,
) -> tuple[Gradient, set[str]]:
    """dL/dw by name over all batches, weighted by their numbers of examples; None where the loss does not reach.

    Beside it the names of those that it does not reach because their modules ran while no gradient was recorded.
    """
    passes = _Passes(model, loss, weights)
    return mean_over(batches, passes.gradient, examples), passes.unrecorded


def demand_gradient(value: Tensor) -> None:
    """ValueError when a loss, or what stands for it, depends on no parameter at all."""
    if not value.requires_grad:
        raise ValueError("the loss depends on no parameter: was it computed under no_grad, or detached?")


class _Passes:
    """One forward and one backward pass for each batch."""

    def __init__(self, model: nn.Module, loss: Loss, weights: Weights):
        self.model, self.loss, self.weights = model, loss, weights
        self.searched: set[str] = set()  # which weights were not found either with inputs that need a gradient
        self.needing = False  # whether some were, and only so
        self.unrecorded: set[str] = set()

    def gradient(self, x: object, y: object) -> Gradient:
        """dL/dw on a batch. ValueError when the loss depends on no parameter.

        A custom function that is given nothing that needs a gradient, as the checkpointed first block of a network, is
        not in the graph. So where weights are missing, inputs that need a gradient are tried, once. What is missing
        then may be used where no gradient is recorded: such a function inside the network, given none, or no_grad.
        """
        value = self._value(needing(x) if self.needing else x, y)
        grads = self._backward(value)
        missing = {name for name, grad in grads.items() if grad is None}
        if missing - self.searched and not self.needing:
            leaves = needing(x)
            with self._watched(missing):
                again = self._value(leaves, y)
            if leaves is not x and has_own_backward(again):
                value, grads, self.needing = again, self._backward(again), True
            self.searched |= missing
            self.unrecorded -= {name for name, grad in grads.items() if grad is not None}
        demand_gradient(value)
        return grads

    @contextlib.contextmanager
    def _watched(self, names: Iterable[str]) -> Iterator[None]:
        """Note which of these weights are of modules that run while no gradient is recorded."""
        model, handles = kinds.bare(self.model), []
        for name in names:
            noted = functools.partial(self._note, name)
            handles.append(model.get_submodule(name.rpartition(".")[0]).register_forward_pre_hook(noted))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _note(self, name: str, *_: object) -> None:
        if not torch.is_grad_enabled():
            self.unrecorded.add(name)

    def _value(self, x: object, y: object) -> Tensor:
        return given.one_number(self.loss(given.forward(self.model, x), y))

    def _backward(self, value: Tensor) -> Gradient:
        if not value.requires_grad:
            return dict.fromkeys(self.weights)
        if not has_own_backward(value):
            # unused inputs are None, and gradients may share memory, so they are never written to
            found = torch.autograd.grad(value, list(self.weights.values()), allow_unused=True)
            return {name: _dense(grad) for name, grad in zip(self.weights, found, strict=True)}
        leaves = {node.variable for node in _nodes(value) if hasattr(node, "variable")}
        with _grad_set_aside({*leaves, *self.model.parameters(), *self.weights.values()}):
            torch.autograd.backward(value)
            return {name: _dense(weight.grad) for name, weight in self.weights.items()}


def has_own_backward(value: Tensor) -> bool:
    """Whether a custom autograd function takes part, which may run another backward pass inside."""
    return any(isinstance(node, BackwardCFunction) for node in _nodes(value))


def _nodes(value: Tensor) -> Iterator[object]:
    """The nodes of the graph that ends in `value`, each once."""
    seen, ahead = set(), [value.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in seen:
            seen.add(node)
            ahead += [before for before, _ in node.next_functions]
            yield node


@contextlib.contextmanager
def _grad_set_aside(leaves: Iterable[Tensor]) -> Iterator[None]:
    """No leaf has a `.grad`, and no hook waits for one (it might step an optimizer); at the end all are back."""
    found = [(leaf, leaf.grad, leaf._post_accumulate_grad_hooks or {}) for leaf in leaves]
    hooks = [dict(waiting) for *_, waiting in found]
    try:
        for leaf, _, waiting in found:
            leaf.grad = None
            waiting.clear()
        yield
    finally:
        for (leaf, grad, waiting), held in zip(found, hooks, strict=True):
            leaf.grad = grad
            waiting.update(held)


def needing(x: object) -> object:
    """x with floating-point tensors that need a gradient, as far as it holds some that do not; else x itself."""
    if isinstance(x, Tensor):
        # a copy, because a model may write into what it is given, but not into a leaf
        return x.detach().requires_grad_().clone() if x.is_floating_point() and not x.requires_grad else x
    if isinstance(x, Mapping):
        parts = {key: needing(each) for key, each in x.items()}
        return parts if any(parts[key] is not x[key] for key in x) else x
    if type(x) in (list, tuple):
        parts = type(x)(needing(each) for each in x)
        return parts if any(a is not b for a, b in zip(parts, x, strict=True)) else x
    return x


def _dense(grad: Tensor | None) -> Tensor | None:
    """A gradient in full, also of an embedding that gives only the rows that were looked up."""
    return grad if grad is None or grad.layout == torch.strided else grad.to_dense()
