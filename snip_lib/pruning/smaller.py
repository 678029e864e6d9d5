"""A network of the same layers with fewer units, from which of them stay."""

import copy
from collections import OrderedDict

from torch import Tensor, nn

Places = dict[str, tuple[Tensor, ...]]  # name of a module -> which of its units stay and, of a layer, which inputs


def smaller(module: nn.Module, name: str, places: Places) -> nn.Module:
    """A copy of a layer, or a sequence of them, of which `places` tells what stays; name: that of the module itself."""
    if isinstance(module, nn.Sequential):
        inner = ((n, smaller(child, f"{name}.{n}".lstrip("."), places)) for n, child in module._modules.items())
        return nn.Sequential(OrderedDict(inner)).train(module.training)
    if name not in places:
        return copy.deepcopy(module)
    new = _empty(module, *(int(place.count_nonzero()) for place in places[name]))
    for own, parameter in module.named_parameters():
        new.register_parameter(own, nn.Parameter(cut(parameter.detach(), places[name]), parameter.requires_grad))
    for own, buffer in module.named_buffers():
        new.register_buffer(own, cut(buffer, places[name]) if buffer.ndim else buffer.clone())
    return new.train(module.training)


def _empty(module: nn.Module, units: int, inputs: int = 0) -> nn.Module:
    """A layer of the same kind and other size, without values."""
    if isinstance(module, nn.Linear):
        return nn.Linear(inputs, units, module.bias is not None, device="meta")
    if isinstance(module, nn.Conv2d):
        shape = module.kernel_size, module.stride, module.padding, module.dilation, 1, module.bias is not None
        return nn.Conv2d(inputs, units, *shape, module.padding_mode, device="meta")
    return type(module)(units, module.eps, module.momentum, module.affine, module.track_running_stats, device="meta")


def cut(tensor: Tensor, places: tuple[Tensor, ...]) -> Tensor:
    """A copy of a tensor of a layer without the units, and, of a weight, the inputs, that do not stay."""
    for dim, place in enumerate(places[: tensor.ndim]):
        tensor = tensor.index_select(dim, place.to(tensor.device).nonzero()[:, 0])
    return tensor if places else tensor.clone()
