"""How many multiplications a network needs, whole and under masks: some connections are used more often than others."""

from collections import Counter
from functools import partial

import torch
from torch import Tensor, nn

from snip_lib import given, kinds
from snip_lib.pruning.masks import Masks
from snip_lib.scoring.modes import scoring

KNOWN = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *kinds.RECURRENT)


def multiplications(model: nn.Module, x: Tensor, masks: Masks | None = None) -> dict[str, int]:
    """How often each weight tensor multiplies a signal while one input passes: name of the parameter -> number.

    x: inputs (n, …), looked at for their shape. Without masks, the numbers of the whole network; a tensor that has no
    mask counts as whole. A linear layer uses each connection once, a convolution once for every pixel of its output
    (border pixels too, where some products meet the padding), a recurrent layer once a row. Biases, batch norm and
    pooling do not count. The tensors come in the order in which they compute. Raises ValueError when the masks do not
    fit the model, and TypeError naming a weight in a layer of another kind.

    >>> import torch, snip_lib as sl
    >>> multiplications(sl.models.build("lenet-5-caffe", generator=0), torch.zeros(1, 1, 28, 28))
    {'conv1.weight': 288000, 'conv2.weight': 1600000, 'fc1.weight': 400000, 'fc2.weight': 5000}
    """
    counts = {} if masks is None else {name: masks.counts()[name] for name in masks.parameters_of(model)}
    model = kinds.bare(model)
    kept, uses, hooks = {}, Counter(), []
    for prefix, module in model.named_modules():
        own = _weights(prefix, module)
        kept |= {name: counts.get(name, weight.numel()) for name, weight in own.items()}
        if own:
            hooks.append(module.register_forward_hook(partial(_count, uses, list(own))))
    try:
        with torch.inference_mode(False), torch.no_grad(), scoring(model, "identity"):
            given.forward(model, x[:1])
    finally:
        for hook in hooks:
            hook.remove()
    return {name: uses[name] * kept[name] for name in [*uses, *(kept.keys() - uses)]}


def _weights(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """The weights of a layer itself, by their full names."""
    own = module.named_parameters(prefix, recurse=False)
    found = {name: each for name, each in own if each.ndim >= 2 and kinds.role(module, name, each) == "weight"}
    if found and not isinstance(module, KNOWN):
        raise TypeError(
            f"multiplications() knows linear, convolutional and recurrent layers; {next(iter(found))!r} is of a "
            f"{type(module).__name__}, and how often that uses a connection it does not know"
        )
    return found


def _count(uses: Counter, names: list[str], module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
    """Add to `uses` how often one call of a layer, on one input, uses each of its connections."""
    if isinstance(module, nn.RNNBase):
        times = inputs[0].numel() // module.input_size
    elif isinstance(module, nn.RNNCellBase):
        times = 1
    else:
        times = output.numel() // len(module.weight)  # over the units or channels that come out
    uses.update(dict.fromkeys(names, times))
