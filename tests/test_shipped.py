"""The networks that ship with their weights: what they are said to be, and what is said where they cannot be had."""

import numpy as np
import pytest
import torch

from snip_lib import data, keep_count, models, tables
from snip_lib.models import shipped
from snip_lib.runner import job
from snip_lib.tables.words import row_of

TOTAL = 266_610
every_one = pytest.mark.parametrize("sparsity", shipped.SPARSITIES)


def run_of(sparsity):
    return row_of("controls", {"mask": "snip", "sparsity": sparsity}, "laptop").run


def error(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) != y).double().mean().item()


@every_one
def test_a_network_that_ships_has_as_many_weights_as_it_says_and_no_bias(sparsity):
    model = models.trained(sparsity).model
    assert not model.training
    left = {name: int(value.count_nonzero()) for name, value in model.named_parameters()}
    assert sum(left.values()) == keep_count(TOTAL, sparsity)
    assert not any(count for name, count in left.items() if name.endswith("bias"))


@every_one
def test_it_is_a_run_of_the_book_and_does_as_well_as_its_record(sparsity):
    net = models.trained(sparsity)
    assert net.run == run_of(sparsity).name
    recorded = tables.errors("controls", {"mask": "snip", "sparsity": sparsity})[0]
    assert 100 * net.test_error == pytest.approx(recorded, abs=0.4)  # other digits of another machine
    digits = data.load("digits")
    seen = error(net.model, digits.test_x, digits.test_y)
    assert abs(seen - net.test_error) < 4 * (net.test_error / 1_000) ** 0.5  # four deviations of a thousand digits


@every_one
def test_on_the_full_set_it_errs_as_often_as_it_says_with_the_mask_that_its_run_makes(sparsity):
    if not data.available("mnist"):
        pytest.skip(f"MNIST is not in {data.root()}")
    net, full = models.trained(sparsity), data.load("mnist", download=False)
    assert error(net.model, full.test_x, full.test_y) == pytest.approx(net.test_error, abs=2e-4)
    masks, _ = job.prune(run_of(sparsity), full)
    for name, parameter in net.model.named_parameters():
        assert torch.equal(parameter != 0, masks[name]), name


def test_what_is_packed_is_what_was_there():
    model = models.build("lenet-300-100", generator=3)
    kept = shipped.packed(model)
    for name, parameter in model.named_parameters():
        again = np.zeros(parameter.numel(), dtype=np.float32)
        again[kept[f"{name} at"]] = kept[f"{name} value"]
        assert np.array_equal(again.reshape(parameter.shape), parameter.detach().numpy())


def test_another_sparsity_is_refused():
    with pytest.raises(ValueError, match=r"with 0\.5 pruned ships; there are 0\.9, 0\.95, 0\.98, 0\.99"):
        models.trained(0.5)


@pytest.mark.parametrize(("content", "said"), [(None, "is not there"), (b"PK", "is damaged"), (b"", "is damaged")])
def test_a_file_that_is_missing_or_damaged_is_one_line(tmp_path, monkeypatch, content, said):
    monkeypatch.setenv("SNIP_BOOK_DATA", str(tmp_path))
    (tmp_path / "models").mkdir()
    if content is not None:
        (tmp_path / "models" / "lenet-300-100-98.npz").write_bytes(content)
    with pytest.raises(data.DataError, match=said) as caught:
        models.trained(0.98)
    assert "\n" not in str(caught.value)
