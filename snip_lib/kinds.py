"""Kinds of modules and of parameters: what is a weight, a bias, a scale, a token; which layers recur, drop, normalise.

Of torch's own layers the type says what a parameter is. A module of a user's own has bare parameters, and then their
names and shapes say it.
"""

import re
from typing import Literal

from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim.swa_utils import AveragedModel

NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
RECURRENT = (nn.RNNBase, nn.RNNCellBase)
LAYERS = (nn.Linear, nn.Bilinear, nn.modules.conv._ConvNd, *RECURRENT, nn.MultiheadAttention)
WRAPPERS = (nn.parallel.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)  # which say `.module`
INSIDE = ("_orig_mod", "_fsdp_wrapped_module")  # where other wrappers keep the model
DROPOUTS = (nn.modules.dropout._DropoutNd, nn.RReLU)

# Types of other libraries, by the names that they have there.
NORMALISATION_NAMES = re.compile(r"Norm(\dd)?$")  # LlamaRMSNorm, LayerNorm2d …
DROPOUT_NAMES = re.compile(r"^(StochasticDepth|DropPath|Drop(out|Block)\w*)$")

# Words, between underscores, in the names of bare parameters.
TOKENS = {"token", "tokens", "cls", "pos", "position", "positional", "positions", "embed", "embeds", "embedding"}
TOKENS |= {"embeddings", "table", "latent", "latents", "prompt", "prompts", "codebook"}
SCALES = {"scale", "scales", "gamma", "beta", "alpha", "gain", "temperature", "temp", "tau", "slope", "slopes"}
BIASES = {"bias", "biases"}
WEIGHTS = {"weight", "weights", "kernel", "kernels", "w", "filter", "filters", "matrix"}

Role = Literal["weight", "bias", "scale", "token"]


def role(module: nn.Module, name: str, parameter: Tensor) -> Role:
    """What a parameter of `module` is. Connections, and what is added to them, are its weights and biases alone.

    "weight": entries that multiply what comes in, one a connection. "bias": added to it. "scale": of a normalisation or
    a layer, slopes, temperatures; the shifts of a normalisation too. "token": looked up or put in, as position tables
    and class tokens are. name: its last part counts.

    >>> role(nn.PReLU(), "weight", nn.PReLU().weight), role(nn.Module(), "vit.pos_embedding", nn.Parameter())
    ('scale', 'token')
    """
    if is_normalisation(module) or isinstance(module, nn.PReLU):
        return "scale"
    if isinstance(module, EMBEDDINGS):
        return "token"
    if isinstance(module, nn.MultiheadAttention) and parameter.ndim > 2:  # bias_k and bias_v: a key and a value more
        return "token"
    if isinstance(module, LAYERS):
        return "weight" if parameter.ndim >= 2 else "bias"
    return _bare(name.rpartition(".")[2].lower(), parameter)


def is_normalisation(module: nn.Module) -> bool:
    """Whether a module normalises: one of torch's, or of another library by the name of its type."""
    return isinstance(module, NORMALISATIONS) or bool(NORMALISATION_NAMES.search(type(module).__name__))


def is_dropout(module: nn.Module) -> bool:
    """Whether a module does something at random in training mode: one of torch's, or stochastic depth."""
    return isinstance(module, DROPOUTS) or bool(DROPOUT_NAMES.search(type(module).__name__))


def is_part(module: nn.Module, name: str) -> bool:
    """Whether a parameter is only a part that a parametrised weight is computed from; name: in full.

    Of torch.nn.utils.parametrize (weight norm, spectral norm, orthogonal …), of the older torch.nn.utils.weight_norm
    and spectral_norm, or of torch.nn.utils.prune.
    """
    if "parametrizations" in name.split("."):
        return True
    whole = re.fullmatch(r"(.+)_(g|v|orig)", name.rpartition(".")[2])
    return bool(whole) and whole[1] not in module._parameters and isinstance(getattr(module, whole[1], None), Tensor)


def _bare(name: str, parameter: Tensor) -> Role:
    words = set(name.split("_"))
    if words & TOKENS:
        return "token"
    if words & SCALES:
        return "scale"
    if words & BIASES or (parameter.ndim < 2 and re.fullmatch(r"b\d*", name.split("_")[0])):
        return "bias"
    if parameter.ndim < 2:
        return "scale"
    if words & WEIGHTS or parameter.ndim == 2:
        return "weight"
    if max(parameter.shape, default=0) == parameter.numel():  # one a channel, or one a head
        return "scale"
    return "token" if parameter.shape[0] == 1 else "weight"  # the same for all examples of a batch


def bare(model: nn.Module) -> nn.Module:
    """The model inside wrappers that share its parameters and put a word before their names.

    They are those of torch.compile (`_orig_mod.`), of FullyShardedDataParallel, and of DataParallel,
    DistributedDataParallel and AveragedModel (`module.`).
    """
    while True:
        names = (*INSIDE, "module") if isinstance(model, WRAPPERS) else INSIDE
        inner = [each for name in names if isinstance(each := getattr(model, name, None), nn.Module)]
        if not inner:
            return model
        model = inner[0]


def has_shape(name: str, parameter: Tensor) -> None:
    """ValueError for a parameter that has no shape yet, as those of lazy modules."""
    if is_lazy(parameter):
        raise ValueError(f"{name!r} has no shape yet: run a batch through the model first")
