"""The controls of *The silent choices*, taken from the page's own cells, against what they must leave alone."""

from pathlib import Path

import nbformat
import pytest
import torch

import snip_lib as sl

PAGE = Path(__file__).resolve().parent.parent / "book/initialization/silent-choices.ipynb"
NETWORK, SEED, SIZE = "resnet-20", 1, 8


@pytest.fixture(scope="module")
def page():
    """What the page's cells of helpers define."""
    cells = {cell.id: cell.source for cell in nbformat.read(PAGE, as_version=4).cells}
    names = {"sl": sl, "torch": torch, "photos": sl.data.load("cifar10-sample")}
    for cell in ("setup", "sums", "score", "parts"):
        helpers = cells[cell].split("\nSPARSITIES")[0].split("\nrows = ")[0]
        exec(helpers, names)
    return names


@pytest.fixture(scope="module")
def modes(page):
    return page["three"](NETWORK, SEED, SIZE)


def apart(first, second):
    """The largest difference of two g, as a part of the largest g."""
    return max(((first[n] - second[n]).abs().max() / first[n].abs().max()).item() for n in first if first[n].any())


def test_no_part_of_the_statistics_is_the_identity(page, modes):
    assert apart(modes["identity"], page["scored"](NETWORK, SEED, SIZE)) < 1e-4


@pytest.mark.parametrize("part", [{"centre": True}, {"scale": "unit"}, {"scale": "layer"}])
def test_each_part_does_something(page, modes, part):
    assert apart(modes["identity"], page["scored"](NETWORK, SEED, SIZE, **part)) > 0.01


def test_centred_units_are_centred(page):
    seen = []

    def look(norm, inputs, outputs):
        seen.append(outputs.transpose(0, 1).flatten(1).mean(1).abs().max().item())

    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, i, o: look(module, i, o) if "BatchNorm" in type(module).__name__ else None
    )
    try:
        page["scored"](NETWORK, SEED, SIZE, centre=True)
    finally:
        handle.remove()
    norms = sum("BatchNorm" in type(m).__name__ for m in sl.models.build(NETWORK, generator=0).modules())
    assert len(seen) == 2 * norms
    assert max(seen) < 1e-4


def test_only_the_batchs_statistics_hold_the_sums_at_zero(page, modes):
    sums = {
        mode: max(page["unbalanced"](g, name) for name in ("group1.0.conv1", "group3.1.conv2"))
        for mode, g in modes.items()
    }
    assert sums["batch"] < 0.002
    assert min(sums["identity"], sums["stored"]) > 0.01


def test_one_number_a_unit_scores_nothing_or_is_refused():
    model = sl.models.build("vgg-like", generator=0)
    x, y = sl.data.pruning_batch(sl.data.load("cifar10-sample"), 10, seed=0)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        sl.connection_gradient(model, x[:1], y[:1], batch_norm="batch")
