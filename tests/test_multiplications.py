"""Multiplications against torch's own counter of operations, and against a convolution written out as one matrix."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import snip_lib as sl
from snip_lib.pruning import multiplications


@pytest.mark.parametrize("network", [name for name, it in sl.models.NETWORKS.items() if not it.recurrent])
def test_the_whole_network_as_torch_counts_it(network):
    model = sl.models.build(network, generator=0).eval()
    x = torch.zeros(2, *sl.models.INPUT_SHAPES[network])
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(x[:1])
    assert 2 * sum(multiplications(model, x).values()) == counter.get_total_flops()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_recurrent_layer_uses_every_connection_once_a_row(cell):
    model = sl.models.build(f"{cell}-s", generator=0)
    counted = multiplications(model, torch.zeros(1, *sl.models.INPUT_SHAPES[f"{cell}-s"]))
    weights = {name: p.numel() for name, p in model.named_parameters() if p.ndim > 1}
    assert counted == {name: n * (1 if name == "fc.weight" else 28) for name, n in weights.items()}


def test_under_masks_as_many_as_the_written_out_matrix_keeps():
    """Without padding, a convolution is a matrix whose entries are its taps: column i is what the input e_i gives."""
    layer = nn.Conv2d(2, 3, 3, stride=2, bias=False)
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(12, 2))
    mask = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.4
    masks = sl.Masks({"0.weight": mask})
    with torch.no_grad():
        layer.weight.fill_(1)
        masks.apply_(model)
        matrix = layer(torch.eye(50).view(50, 2, 5, 5)).flatten(1)
    x = torch.zeros(1, 2, 5, 5)
    assert multiplications(model, x, masks) == {"0.weight": int(matrix.count_nonzero()), "2.weight": 24}
    assert multiplications(model, x)["0.weight"] == 4 * layer.weight.numel()


def test_a_layer_that_computes_twice_counts_twice():
    layer = nn.Linear(4, 4)
    assert multiplications(nn.Sequential(layer, layer), torch.zeros(1, 4)) == {"0.weight": 32}


def test_the_model_is_left_as_it_was():
    model = sl.models.build("resnet-20", generator=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    multiplications(model, torch.ones(1, 3, 32, 32))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_other_layers_and_masks_are_refused():
    with pytest.raises(TypeError, match="'0.in_proj_weight' is of a MultiheadAttention"):
        multiplications(nn.Sequential(nn.MultiheadAttention(4, 2)), torch.zeros(1, 4))
    with pytest.raises(ValueError, match="do not fit the model"):
        multiplications(nn.Linear(2, 2), torch.zeros(1, 2), sl.Masks({"w": torch.ones(2, 2, dtype=torch.bool)}))
