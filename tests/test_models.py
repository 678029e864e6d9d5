"""The networks: counts against the paper's table, layers against arithmetic and equations, pruning and training."""

import doctest
import json
import math

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, cross_entropy, relu

import snip_lib as sl
from snip_lib.models.recurrent import RowReader
from snip_lib.models.wrn import PreActivationBlock

TABLES = json.loads((sl.data.book_data() / "paper" / "tables.json").read_text(encoding="utf-8"))
TABLE2 = {row[0]: dict(zip(TABLES["table2"]["columns"], row, strict=True)) for row in TABLES["table2"]["rows"]}
PARAMS = {name: row["counted_params"] for name, row in TABLE2.items()} | dict(TABLES["lenets"]["rows"])
CONVOLUTIONAL = [name for name, network in sl.models.NETWORKS.items() if network.data == "cifar10"]
LARGER = ["alexnet-s", "alexnet-b", "vgg-c", "vgg-d", "vgg-like"]  # of the paper's appendix on Tiny-ImageNet
RECURRENT = ["lstm-s", "lstm-b", "gru-s", "gru-b"]


def layout(name, shape=None, classes=10):
    """The network without weights: enough for counts and shapes."""
    with torch.device("meta"):
        return sl.models.named(name)(shape or sl.models.INPUT_SHAPES[name], classes)


def count(model):
    return sum(p.numel() for p in sl.prunable_parameters(model).values())


def batch(name, size):
    sample = sl.data.load("digits" if sl.models.INPUT_SHAPES[name][0] == 1 else "cifar10-sample")
    return sl.data.pruning_batch(sample, size, seed=0)


def weight_shapes(model):
    return {n.removesuffix(".weight"): tuple(p.shape) for n, p in model.named_parameters() if p.ndim > 1}


def test_all_fourteen_networks_of_the_paper_are_here():
    assert len(PARAMS) == 14
    assert set(sl.models.NETWORKS) == {
        *PARAMS,
        "lenet-5-relu",
        "resnet-20",
        "resnet-18",
        "plain-10",
        "plain-30",
        "plain-100",
    }


@pytest.mark.parametrize("name", PARAMS)
def test_counts_equal_the_table(name):
    model = layout(name)
    assert count(model) == PARAMS[name]
    if name in TABLE2:
        assert sl.keep_count(count(model), TABLE2[name]["sparsity"] / 100) == TABLE2[name]["counted_kept"]


@pytest.mark.parametrize(("name", "total"), [("resnet-20", 272_474), ("resnet-18", 11_173_962)])
def test_residual_networks_of_later_papers_have_their_known_sizes(name, total):
    assert sum(p.numel() for p in layout(name).parameters()) == total


@pytest.mark.parametrize("name", sl.models.NETWORKS)
def test_scoring_pruning_and_training(name):
    """On real images: scoring changes nothing, the mask is exact, and pruned weights stay 0 under Adam and SGD."""
    x, y = batch(name, 4)
    model = sl.models.build(name, generator=0)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    flags = [p.requires_grad for p in model.parameters()]
    masks = sl.snip(model, x, y, sparsity=TABLE2.get(name, {"sparsity": 95})["sparsity"] / 100)
    assert masks.kept == TABLE2.get(name, {}).get("counted_kept", sl.keep_count(count(model), 0.95))
    assert masks.total == PARAMS.get(name, count(model))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert flags == [p.requires_grad for p in model.parameters()]
    assert all(p.grad is None for p in model.parameters())
    assert all(module.training for module in model.modules())
    for optimizer in (torch.optim.Adam(model.parameters(), lr=1e-3), torch.optim.SGD(model.parameters(), 0.01, 0.9)):
        with masks.hold(model, optimizer):
            step(model, optimizer, x, y)
    for key, mask in masks.items():
        parameter = model.get_parameter(key)
        assert parameter.isfinite().all()
        assert not parameter[~mask].any()
        if mask.ndim > 1 and name != "plain-100":  # whose pruned layers let no gradient through
            assert (parameter != before[key])[mask].any(), key  # what is kept is trained


def step(model, optimizer, x, y):
    optimizer.zero_grad()
    loss = cross_entropy(model(x), y)
    assert loss.isfinite()
    loss.backward()
    optimizer.step()


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_64_by_64_images_of_200_classes(name):
    small, large = layout(name), layout(name, (3, 64, 64), 200)
    strides = [next(m.stride[0] for m in model.modules() if isinstance(m, nn.Conv2d)) for model in (small, large)]
    assert strides[1] == 2 * strides[0]
    last = list(sl.prunable_parameters(small).values())[-2]  # nothing but the last layer grows
    assert count(large) - count(small) == 190 * (last.shape[1] + 1)
    assert large(torch.zeros(4, 3, 64, 64, device="meta")).shape == (4, 200)


def test_each_network_stands_beside_the_set_that_it_is_trained_on():
    on_digits = {"lenet-300-100", "lenet-5-caffe", "lenet-5-relu", *RECURRENT, "plain-10", "plain-30", "plain-100"}
    for name, network in sl.models.NETWORKS.items():
        assert network.data == ("mnist" if name in on_digits else "cifar10")
        source = sl.data.SOURCES[network.data]
        assert (network.input_shape, network.classes) == (source.shape, 10) == (sl.models.INPUT_SHAPES[name], 10)
        with torch.device("meta"):
            made, called = network.make(source.shape, 7), network(source.shape, 7)
        assert weight_shapes(made) == weight_shapes(called) == weight_shapes(layout(name, classes=7))


def test_a_network_takes_shape_and_classes_from_its_set(monkeypatch):
    network = sl.models.Network(sl.models.NETWORKS["alexnet-s"].make, data="tiny-imagenet")
    monkeypatch.setitem(sl.models.NETWORKS, "alexnet-t", network)
    made = sl.models.build("alexnet-t", generator=0)
    assert (made.conv1.stride, made.fc3.out_features) == ((4, 4), 200)
    assert sl.models.build("alexnet-t", generator=0, classes=5).fc3.out_features == 5


@pytest.mark.parametrize(("name", "stride"), list(zip(LARGER, (4, 4, 2, 2, 2), strict=True)))
def test_the_networks_of_the_appendix_are_pruned_and_trained_on_large_pictures(name, stride):
    """On the sample that stands for Tiny-ImageNet, with 200 outputs: exact masks, held through a step."""
    pictures = sl.data.load("tiny-imagenet-sample")
    x, y = sl.data.pruning_batch(pictures, 4, seed=0)
    model = sl.models.build(name, generator=0, input_shape=(3, 64, 64), classes=200)
    assert model.conv1.stride == (stride, stride)
    others = {m.stride for m in model.modules() if isinstance(m, nn.Conv2d) and m is not model.conv1}
    assert others == {(stride // 2, stride // 2)}
    masks = sl.snip(model, x, y, sparsity=0.9)
    assert masks.kept == sl.keep_count(count(model), 0.9)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9)
    with masks.hold(model, optimizer):
        step(model, optimizer, x, y)
    assert not any(model.get_parameter(key)[~mask].any() for key, mask in masks.items())


@pytest.mark.parametrize("name", LARGER)
def test_counts_with_200_classes(name):
    """The counts of Table 2 and 190 outputs more; the paper states none for 200 classes."""
    units = {"alexnet-s": 1024, "alexnet-b": 2048}.get(name, 512)
    assert count(layout(name, (3, 64, 64), 200)) == PARAMS[name] + 190 * (units + 1)


def test_examples_of_the_docstrings_run():
    assert doctest.testmod(sl.models).failed == 0


def test_vgg_and_alexnet_have_the_layers_of_the_authors_code():
    channels = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    for name, thin, linear in (("vgg-c", (7, 10, 13), 3), ("vgg-d", (), 3), ("vgg-like", (), 2)):
        expected = {
            f"conv{i}": (channels[i], channels[i - 1], *[1 if i in thin else 3] * 2) for i in range(1, len(channels))
        }
        expected |= {f"fc{i}": (512 if i < linear else 10, 512) for i in range(1, linear + 1)}
        assert weight_shapes(layout(name)) == expected
    for name, units in (("alexnet-s", 1024), ("alexnet-b", 2048)):
        assert list(weight_shapes(layout(name)).values()) == [
            (96, 3, 11, 11),
            (256, 96, 5, 5),
            (384, 256, 3, 3),
            (384, 384, 3, 3),
            (256, 384, 3, 3),
            (units, 256),
            (units, units),
            (10, units),
        ]


@pytest.mark.parametrize(("depth", "widen"), [(16, 8), (16, 10), (22, 8)])
def test_wide_residual_networks_by_arithmetic(depth, widen):
    model = layout(f"wrn-{depth}-{widen}")
    shapes = weight_shapes(model)
    assert sum(shape[2:] == (3, 3) for shape in shapes.values()) == depth - 3  # and 3 projections: depth in all
    assert sum(shape[2:] == (1, 1) for shape in shapes.values()) == 3
    weights, biases, inputs = 9 * 3 * 16, 16, 16
    for width in (16 * widen, 32 * widen, 64 * widen):
        convolutions = (depth - 4) // 3
        weights += inputs * width * (9 + 1) + 9 * width * width * (convolutions - 1)
        biases, inputs = biases + width * (convolutions + 1), width
    assert count(model) == weights + biases + 10 * (inputs + 1)


@pytest.mark.parametrize("name", PARAMS)
def test_each_batch_norm_follows_tensorflows_defaults_and_precedes_a_relu(name):
    model = layout(name)
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert all((m.eps, m.momentum) == (1e-3, 0.01) for m in norms)
    expected = {"alexnet": 7, "vgg-c": 15, "vgg-d": 15, "vgg-like": 14, "wrn-16": 13, "wrn-22": 19}
    assert len(norms) == next((n for start, n in expected.items() if name.startswith(start)), 0)
    if name.startswith(("alexnet", "vgg")):
        layers = [type(m).__name__ for m in model]
        for i, layer in enumerate(layers):
            if layer.startswith("BatchNorm"):
                assert layers[i - 1] in ("Conv2d", "Linear")
                assert layers[i + 1] == "ReLU"
        assert layers[-1] == "Linear"


def test_lenet_5_caffe_has_no_relu_after_its_convolutions():
    layers = [type(m).__name__ for m in layout("lenet-5-caffe")]
    assert layers == ["Conv2d", "MaxPool2d", "Conv2d", "MaxPool2d", "Flatten", "Linear", "ReLU", "Linear"]


def test_the_ported_lenet_5_is_the_same_where_its_added_relus_change_nothing():
    plain = sl.models.build("lenet-5-caffe", generator=0)
    ported = sl.models.build("lenet-5-relu", generator=0)
    assert {n: p.shape for n, p in ported.named_parameters()} == {n: p.shape for n, p in plain.named_parameters()}
    assert [type(m).__name__ for m in ported][:6] == ["Conv2d", "ReLU", "MaxPool2d"] * 2
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(plain(images), ported(images))
    for layer in (plain.conv1, plain.conv2, ported.conv1, ported.conv2):  # nothing is negative, nothing is cut
        layer.weight.data.abs_()
    assert torch.equal(plain(images), ported(images))


@pytest.mark.parametrize("project", [True, False])
def test_a_pre_activation_block_by_its_equations(project):
    block = PreActivationBlock(4, 6 if project else 4, 2 if project else 1, project=project).double()
    for parameter in block.parameters():
        nn.init.normal_(parameter, generator=torch.Generator().manual_seed(parameter.numel()))
    x = torch.randn(5, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def normed(values, bn):
        return relu(batch_norm(values, None, None, bn.weight, bn.bias, training=True, eps=1e-3))

    stride = 2 if project else 1
    active = normed(x, block.bn1)
    hidden = normed(conv2d(active, block.conv1.weight, block.conv1.bias, stride, 1), block.bn2)
    expected = conv2d(hidden, block.conv2.weight, block.conv2.bias, 1, 1)
    expected += conv2d(active, block.shortcut.weight, block.shortcut.bias, 2) if project else x
    assert torch.allclose(block(x), expected)


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
def test_recurrent_networks_by_their_equations(cell):
    """Row by row through the projection and the cell, the GRU's reset after the product, as the docstring says."""
    model = RowReader((2, 5, 3), 4, cell=cell, units=6).double()
    source = torch.Generator().manual_seed(0)
    trained = [p for p in model.parameters() if p.requires_grad]
    for parameter in trained:
        nn.init.normal_(parameter, generator=source)
    x = torch.randn(7, 2, 5, 3, dtype=torch.float64, generator=source)
    state = memory = torch.zeros(7, 6, dtype=torch.float64)
    kernel, recurrent, bias = model.cell.weight_ih_l0, model.cell.weight_hh_l0, model.cell.bias_ih_l0
    for row in range(5):
        pixels = torch.cat([x[:, 0, row], x[:, 1, row]], dim=1)
        inputs = (pixels @ model.project.weight.T + model.project.bias) @ kernel.T + bias
        if cell is nn.LSTM:
            i, f, g, o = (inputs + state @ recurrent.T).split(6, dim=1)
            memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
            state = o.sigmoid() * memory.tanh()
        else:
            (r, z, n), (r_state, z_state, n_state) = inputs.split(6, 1), (state @ recurrent.T).split(6, 1)
            z = (z + z_state).sigmoid()
            state = (1 - z) * (n + (r + r_state).sigmoid() * n_state).tanh() + z * state
    assert torch.allclose(model(x), state @ model.fc.weight.T + model.fc.bias)


@pytest.mark.parametrize("name", RECURRENT)
def test_the_second_bias_is_a_frozen_zero_that_nothing_scores_or_trains(name):
    model = sl.models.build(name, generator=0)
    second = model.cell.bias_hh_l0
    assert not second.requires_grad
    assert "cell.bias_hh_l0" not in sl.prunable_parameters(model)
    data = sl.data.load("digits")
    recipe = sl.Recipe(iterations=2, batch_size=8, learning_rate=0.1, evaluations=1)
    tiny = type(data)(
        **vars(data) | {f"{part}_{c}": getattr(data, f"{part}_{c}")[:16] for part in ("valid", "test") for c in "xy"}
    )
    sl.train(model, tiny, recipe, seed=0)
    assert not second.any()


def test_a_forget_bias_is_a_constant_that_drawing_anew_and_training_keep():
    with torch.device("meta"):
        model = RowReader((1, 28, 28), 10, cell=nn.LSTM, units=8, forget_bias=1.0)
    model = sl.init.initialize_(model.to_empty(device="cpu"), "vs-l", generator=0)
    x, y = batch("lstm-s", 8)
    step(model, torch.optim.SGD(model.parameters(), 0.1), x, y)
    assert model.cell.bias_hh_l0.tolist() == [0] * 8 + [1] * 8 + [0] * 16
    plain = sl.init.initialize_(RowReader((1, 28, 28), 10, cell=nn.LSTM, units=8), "vs-l", generator=0)
    assert count(model) == count(plain)
    with torch.no_grad():
        plain.cell.bias_ih_l0[8:16] = 1
        sl.init.initialize_(model, "vs-l", generator=0)
    assert torch.allclose(model(x), plain(x))
    with pytest.raises(ValueError, match="only an LSTM"):
        RowReader((1, 28, 28), 10, cell=nn.GRU, units=8, forget_bias=1.0)


def test_recurrent_weights_are_drawn_with_the_fans_of_the_concatenated_kernel():
    for name, gates in (("lstm-b", 4), ("gru-b", 3)):
        for scheme, variance in (("vs-l", 1 / 512), ("vs-x", 2 / (512 + gates * 256)), ("vs-h", 2 / 512)):
            cell = sl.models.build(name, generator=0, init=scheme).cell
            for weight in (cell.weight_ih_l0, cell.weight_hh_l0):
                assert weight.std().item() == pytest.approx(math.sqrt(variance), rel=0.02)


@pytest.mark.parametrize("name", ["lenet-5-caffe", "vgg-like", "wrn-16-8", "lstm-s"])
def test_a_seed_fixes_every_weight_whatever_the_global_state(name):
    first = sl.models.build(name, generator=3)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    second = sl.models.build(name, generator=torch.Generator().manual_seed(3))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert all(b.isfinite().all() for b in second.buffers())
    other = sl.models.build(name, generator=4)
    assert not any(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True) if a.ndim > 1)


@pytest.mark.parametrize("name", sl.models.NETWORKS)
def test_other_images_than_the_papers(name):
    assert layout(name, (2, 28, 30), 7)(torch.zeros(3, 2, 28, 30, device="meta")).shape == (3, 7)


def test_what_cannot_be_built_is_said():
    with pytest.raises(ValueError, match="did you mean 'vgg-like'"):
        sl.models.build("vgg-lik", generator=0)
    with pytest.raises(ValueError, match=r"\(channels, height, width\)"):
        sl.models.build("vgg-d", generator=0, input_shape=(32, 32))
    with pytest.raises(ValueError, match="at least 16x16, got 8x8"):
        sl.models.build("lenet-5-caffe", generator=0, input_shape=(1, 8, 8))
    with pytest.raises(ValueError, match="classes"):
        sl.models.build("lenet-300-100", generator=0, classes=0)


@pytest.mark.parametrize("name", sl.models.NETWORKS)
def test_what_the_table_says_of_a_network_is_what_it_is_made_of(name):
    network, modules = sl.models.NETWORKS[name], list(layout(name).modules())
    kinds = (nn.RNNBase, nn.modules.conv._ConvNd, nn.modules.batchnorm._BatchNorm)
    made_of = tuple(any(isinstance(module, kind) for module in modules) for kind in kinds)
    assert (network.recurrent, network.convolves, network.normalises) == made_of
