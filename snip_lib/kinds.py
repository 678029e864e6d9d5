"""Kinds of modules, by what their parameters do: which normalise, which look up a vector, which recur."""

from torch import nn

NORMALISATIONS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
EMBEDDINGS = (nn.Embedding, nn.EmbeddingBag)
RECURRENT = (nn.RNNBase, nn.RNNCellBase)


def bare(model: nn.Module) -> nn.Module:
    """The model inside wrappers that share its parameters and put a word before their names.

    They are those of torch.compile (`_orig_mod.`) and of DataParallel and DistributedDataParallel (`module.`).
    """
    while True:
        if isinstance(model, nn.parallel.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model
