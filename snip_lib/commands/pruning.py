"""`python -m snip_lib prune`: the masks of one network, the book's or the user's own."""

import argparse

from torch import Tensor, nn

from snip_lib import data, init, models, schemes
from snip_lib.commands import own
from snip_lib.data import DataSet
from snip_lib.pruning import Masks, prune
from snip_lib.seeds import generator


def prune_to_file(given: argparse.Namespace) -> Masks:
    """Score, choose and save; print what is kept of each parameter. Errors say which option is meant."""
    _check(given)
    with own.importable():  # to the last line: what the user's code left running could end the process before it
        x, y, dataset = batch(given)
        model = network(given, dataset)
        masks = masks_of(model, x, y, given)
        masks.save(given.out)
        _print(masks, given.out)
    return masks


def batch(given: argparse.Namespace) -> tuple[Tensor, Tensor, DataSet | None]:
    """The examples that are scored: of a data set of ours, which is returned too, or the user's own, all of them."""
    if ":" in given.data:
        return *own.batch(given.data), None
    dataset = data.load(given.data)
    return *data.pruning_batch(dataset, given.batch, seed=given.seed), dataset


def network(given: argparse.Namespace, dataset: DataSet | None) -> nn.Module:
    """A network of ours by name, or the user's; drawn anew where `--init` says so."""
    draw = {"std": given.std, "generator": generator(given.seed, "score weights")}
    if dataset is not None and ":" not in given.network:
        shape, classes = dataset.input_shape, dataset.classes
        return models.build(given.network, init=given.init or "vs-l", input_shape=shape, classes=classes, **draw)
    made = own.model(given.network)
    if given.init is None:
        return made
    with own.guarded(f"{given.network!r} cannot be drawn by --init {given.init}"):
        return init.initialize_(made, given.init, **draw)


def masks_of(model: nn.Module, x: Tensor, y: Tensor, given: argparse.Namespace) -> Masks:
    """The masks of a model by the command's criterion, sparsity and mini-batch."""
    what = "images" if ":" not in given.data and x.ndim == 4 else f"{str(x.dtype).removeprefix('torch.')} inputs"
    shape = " x ".join(map(str, x.shape[1:])) or "single"
    other = "; --data module:function gives it other inputs" if ":" in given.network and ":" not in given.data else ""
    said = f"{given.network} could not be pruned on {shape} {what} of {given.data}"
    with own.guarded(said, end=other), own.giving_logits(model):
        return prune(
            model,
            x,
            y,
            sparsity=given.sparsity,
            criterion=given.criterion,
            batch_norm=given.batch_norm,
            generator=generator(given.seed, "criterion"),
        )


def _print(masks: Masks, out: object) -> None:
    width = max(map(len, masks))
    for name, share in masks.density().items():
        kept, total = int(masks[name].sum()), masks[name].numel()
        print(f"{name:<{width}}  {kept:>10,} of {total:>10,} kept  {100 * share:6.2f} %")
    print(f"{masks.kept:,} of {masks.total:,} connections are kept; masks written to {out}")


def _check(given: argparse.Namespace) -> None:
    """Raise ValueError for options that do not go together, before anything is computed."""
    if ":" in given.data and ":" not in given.network:
        raise ValueError(f"--data {given.data}: a network of the book is scored on one of {', '.join(data.NAMES)}")
    if given.init is None and given.std is not None:
        raise ValueError(f"--std goes with --init {' or '.join(schemes.NEED_STD)}")
    if given.init is not None and schemes.needs_std(given.init) and given.std is None:
        raise ValueError(f"--init {given.init} needs --std, the standard deviation of the weights")
    if given.init is not None:
        schemes.canonical(given.init, given.std)
