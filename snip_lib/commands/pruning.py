"""`python -m snip_lib prune`: the masks of one network, the book's or the user's own."""

import argparse
import importlib
import sys
from pathlib import Path

from torch import nn

from snip_lib import data, init, models
from snip_lib.data import DataSet
from snip_lib.pruning import Masks, prune
from snip_lib.seeds import generator


def prune_to_file(given: argparse.Namespace) -> Masks:
    """Score, choose and save; print what is kept of each parameter. Errors say which option is meant."""
    if given.out.suffix != ".safetensors":
        raise ValueError(f"--out {given.out}: the file's name ends in .safetensors")
    if not given.out.parent.is_dir():
        raise ValueError(f"--out {given.out}: there is no folder {given.out.parent}")
    dataset = data.load(given.data)
    model = network(given.network, dataset, scheme=given.init, seed=given.seed)
    masks = masks_of(model, dataset, given)
    masks.save(given.out)
    width = max(map(len, masks))
    for name, share in masks.density().items():
        kept, total = int(masks[name].sum()), masks[name].numel()
        print(f"{name:<{width}}  {kept:>10,} of {total:>10,} kept  {100 * share:6.2f} %")
    print(f"{masks.kept:,} of {masks.total:,} connections are kept; masks written to {given.out}")
    return masks


def network(name: str, dataset: DataSet, *, scheme: str | None, seed: int) -> nn.Module:
    """A network of ours by name, or what "module:function" returns when it is called, imported from here."""
    if ":" not in name:
        return models.build(
            name,
            init=scheme or "vs-l",
            generator=generator(seed, "score weights"),
            input_shape=dataset.input_shape,
            classes=dataset.classes,
        )
    module, function = name.split(":", 1)
    sys.path.insert(0, str(Path.cwd()))
    try:
        made = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{name!r} cannot be called: {error}") from error
    finally:
        sys.path.pop(0)
    if not isinstance(made, nn.Module):
        raise ValueError(f"{name!r} returned {type(made).__name__}, which is no nn.Module")
    return made if scheme is None else init.initialize_(made, scheme, generator=generator(seed, "score weights"))


def masks_of(model: nn.Module, dataset: DataSet, given: argparse.Namespace) -> Masks:
    """The masks of a model by the command's criterion, sparsity and mini-batch."""
    x, y = data.pruning_batch(dataset, given.batch, seed=given.seed)
    try:
        return prune(
            model,
            x,
            y,
            sparsity=given.sparsity,
            criterion=given.criterion,
            batch_norm=given.batch_norm,
            generator=generator(given.seed, "criterion"),
        )
    except RuntimeError as error:
        shape = " x ".join(map(str, dataset.input_shape))
        raise ValueError(f"{given.network} cannot take {shape} images of {dataset.name}: {error}") from error
