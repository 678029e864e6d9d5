"""For `Masks.effective`: which kept connections count at all, as they lie on a path from an input to an output.

A path needs both ends: its first unit must be reached from the inputs, its last must reach an output. Rather than walk
through the network, for which its wiring would have to be known, the network itself is run with other numbers, of which
a positive one means "reached" and 0 means "not":

- forward: the inputs are ones, the weights are the masks (1 kept, 0 pruned), and every layer is replaced by a stand-in
  that cuts what it gives back to 0 or 1. A sum of products of such numbers is positive exactly when some unit that is
  reached is joined by a kept weight, so after the layer a unit holds 1 exactly when a path leads to it from the inputs.
- backward: the gradient of the sum of the outputs is cut to 0 or 1 in the same places. It is positive at a unit exactly
  when a path leads from it to an output, by the same argument read from the other end.
- a weight's own gradient is then (the unit before it is reached) times (the unit after it reaches an output): autograd
  multiplies the two for every weight of every layer, also through the network's own additions, splits and reshapings.

Nothing may cancel, so no number is ever negative; and nothing may vanish or overflow through depth, hence the cuts.

Units are a convolution's channels, each as a whole, and the units of a linear or recurrent layer; a kernel joins two
channels when it keeps a tap. Biases and shifts start no path. A recurrent layer is unrolled over its steps. Its unit is
alive when the candidate state (the LSTM's g, the GRU's n) is reached: a gate only scales a state, so the weights into a
gate count where the state that it scales is alive.
"""

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import conv2d, linear


class _Cut(torch.autograd.Function):
    """1 where positive, both on the way forward and for the gradient on the way back."""

    @staticmethod
    def forward(ctx, value: Tensor) -> Tensor:
        return (value > 0).to(value.dtype)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        return (gradient > 0).to(gradient.dtype)


cut = _Cut.apply


def effective(masks: Mapping[str, Tensor], model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """The masks without the weights that no path from input to output uses, and without the biases of unused units.

    x: inputs (n, …), looked at for their shape. Masks of normalisation layers come back as they are. Raises TypeError
    naming the first layer whose paths are not known.
    """
    parameters = dict(model.named_parameters())
    # A parameter without a mask is kept whole. Values are what the stand-ins compute with, and what gets a gradient.
    kept = {n: masks.get(n, p.new_ones(p.shape)).to(p.device, torch.bool) for n, p in parameters.items()}
    values = {n: _value(kept[n]).to(p.dtype).requires_grad_() for n, p in parameters.items()}
    with _stand_ins(model), torch.enable_grad():
        output = functional_call(model, values, (torch.ones_like(x[:1]),))
        grads = torch.autograd.grad(output.sum(), list(values.values()), allow_unused=True)
    used = dict(zip(values, grads, strict=True))
    # The gradient of a pruned weight may be positive too (it *would* join two live units), hence `k &`.
    live = {n: torch.zeros_like(k) if used[n] is None else k & (used[n] > 0) for n, k in kept.items()}
    # Biases had no part in it: one is used when its unit is fed by a weight that is.
    for prefix, module in model.named_modules():
        own = [name for name, _ in module.named_parameters(prefix, recurse=False)]
        if STAND_INS.get(type(module)) is _skipped:
            live |= {name: kept[name] for name in own}
        elif weights := [live[name] for name in own if live[name].ndim >= 2]:
            fed = _fed(module, weights)
            live |= {name: live[name] & fed for name in own if live[name].ndim == 1}
    return {name: live[name] for name in masks}


def _value(kept: Tensor) -> Tensor:
    """What a mask lets through: no bias, and every tap of a kernel that keeps one, as channels count as a whole."""
    if kept.ndim < 2:
        return torch.zeros_like(kept)
    joined = kept.flatten(2).any(2) if kept.ndim > 2 else kept
    return joined.reshape(*joined.shape, *[1] * (kept.ndim - 2)).expand(kept.shape).contiguous()


def _fed(module: nn.Module, weights: list[Tensor]) -> Tensor:
    """For each row of the weights whether a live connection comes into its unit, by whichever gate."""
    fed = torch.stack([weight.flatten(1).any(1) for weight in weights]).any(0)
    if isinstance(module, nn.RNNBase):
        gates = len(fed) // module.hidden_size
        fed = fed.view(gates, -1).any(0).repeat(gates)
    return fed


@contextlib.contextmanager
def _stand_ins(model: nn.Module) -> Iterator[None]:
    """Let every layer of `model` run as its stand-in, for as long as the block lasts."""
    replaced = []
    try:
        for name, module in model.named_modules():
            if type(module) in STAND_INS:
                _check(name, module)
                module.forward = partial(STAND_INS[type(module)], module)
                replaced.append(module)
            elif not (type(module) in TRANSPARENT or type(module).__module__.startswith("snip_lib.models")):
                raise TypeError(
                    "effective() knows this library's networks, and sequences of linear, convolution, batch norm, "
                    f"ReLU and pooling layers; {name or 'the model'} is {type(module).__name__}, whose paths it does "
                    "not know"
                )
        yield
    finally:
        for module in replaced:
            del module.forward


def _check(name: str, module: nn.Module) -> None:
    if isinstance(module, nn.RNNBase) and not (
        module.num_layers == 1 and module.batch_first and not module.bidirectional and not module.proj_size
    ):
        raise TypeError(f"effective() knows recurrent layers of one layer and direction, batch first; {name} is not")


def _linear(module: nn.Linear, x: Tensor) -> Tensor:
    return cut(linear(x, module.weight, module.bias))


def _convolution(module: nn.Conv2d, x: Tensor) -> Tensor:
    """A matrix of channels: maps are reached as a whole, and no convolution algorithm's rounding can reach further."""
    # The sizes of the maps that come out, from a convolution of tensors without values (device "meta").
    shapes = (torch.empty_like(t, device="meta") for t in (x, module.weight))
    size = conv2d(*shapes, None, module.stride, module.padding, module.dilation, module.groups).shape[2:]
    channels = cut(x.sum((2, 3), keepdim=True))
    joined = module.weight.sum((2, 3), keepdim=True)
    return cut(conv2d(channels, joined, module.bias, groups=module.groups)).expand(-1, -1, *size)


def _lstm(module: nn.LSTM, x: Tensor) -> tuple[Tensor, None]:
    state = cell = x.new_zeros(len(x), module.hidden_size)
    states = []
    for row in x.unbind(1):
        i, f, g, o = sum(_products(module, row, state)).chunk(4, dim=1)
        cell = cut((1 + f) * cell + (1 + i) * g)  # a gate is positive whatever reaches it
        state = cut((1 + o) * cell)
        states.append(state)
    return torch.stack(states, dim=1), None


def _gru(module: nn.GRU, x: Tensor) -> tuple[Tensor, None]:
    state = x.new_zeros(len(x), module.hidden_size)
    states = []
    for row in x.unbind(1):
        (r, z, n), (r_, z_, n_) = (product.chunk(3, dim=1) for product in _products(module, row, state))
        candidate = cut(n + (1 + r + r_) * n_)  # the reset scales what comes from the state, after the product
        state = cut((1 + z + z_) * (candidate + state))
        states.append(state)
    return torch.stack(states, dim=1), None


def _products(module: nn.RNNBase, row: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """What the input and the state send to all gates, each (n, gates * hidden)."""
    of_row = linear(row, module.weight_ih_l0, getattr(module, "bias_ih_l0", None))
    return of_row, linear(state, module.weight_hh_l0, getattr(module, "bias_hh_l0", None))


def _skipped(module: nn.Module, x: Tensor) -> Tensor:
    return x


STAND_INS = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.LSTM: _lstm,
    nn.GRU: _gru,
    nn.BatchNorm1d: _skipped,
    nn.BatchNorm2d: _skipped,
    nn.Dropout: _skipped,
    nn.Dropout2d: _skipped,
}
# Layers on which a positive input gives a positive output, and a zero a zero: run as they are.
TRANSPARENT = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.Tanh,
    nn.MaxPool2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
    nn.Identity,
    nn.Sequential,
)
