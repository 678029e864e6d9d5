"""What is a weight, a bias, a scale, a token: in pruning and in initialization alike."""

import warnings

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune, spectral_norm, weight_norm

import snip_lib as sl
from snip_lib import kinds

# Of torch's own layers


@pytest.mark.parametrize(
    ("build", "roles"),
    [
        (lambda: nn.Linear(3, 2), {"weight": "weight", "bias": "bias"}),
        (lambda: nn.Linear(3, 1), {"weight": "weight", "bias": "bias"}),
        (lambda: nn.Bilinear(3, 2, 1), {"weight": "weight", "bias": "bias"}),
        (lambda: nn.Conv1d(1, 1, 3), {"weight": "weight", "bias": "bias"}),
        (lambda: nn.ConvTranspose3d(1, 2, 1), {"weight": "weight", "bias": "bias"}),
        (lambda: nn.LSTM(3, 4, proj_size=2), dict.fromkeys(["weight_ih_l0", "weight_hh_l0", "weight_hr_l0"], "weight")),
        (lambda: nn.GRUCell(3, 4), {"weight_ih": "weight", "bias_hh": "bias"}),
        (
            lambda: nn.MultiheadAttention(4, 2, add_bias_kv=True),
            {"in_proj_weight": "weight", "in_proj_bias": "bias", "bias_k": "token", "bias_v": "token"},
        ),
        (lambda: nn.BatchNorm2d(3), {"weight": "scale", "bias": "scale"}),
        (lambda: nn.InstanceNorm1d(3, affine=True), {"weight": "scale", "bias": "scale"}),
        (lambda: nn.LayerNorm((2, 3)), {"weight": "scale", "bias": "scale"}),
        (lambda: nn.RMSNorm((2, 3)), {"weight": "scale"}),
        (lambda: nn.GroupNorm(1, 3), {"weight": "scale"}),
        (nn.PReLU, {"weight": "scale"}),
        (lambda: nn.PReLU(8), {"weight": "scale"}),
        (lambda: nn.Embedding(5, 3), {"weight": "token"}),
        (lambda: nn.EmbeddingBag(5, 3), {"weight": "token"}),
    ],
)
def test_the_type_of_a_layer_says_what_its_parameters_are(build, roles):
    layer = build()
    assert {name: kinds.role(layer, name, layer.get_parameter(name)) for name in roles} == roles


# Of modules of a user's own

BARE = {
    "kernel": ((9, 5), "weight"),
    "w1": ((9, 5), "weight"),
    "query": ((8, 8), "weight"),
    "text_projection": ((8, 8), "weight"),
    "weight": ((1, 8, 4, 3, 3), "weight"),  # of a modulated convolution
    "experts": ((4, 8, 8), "weight"),
    "b": ((5,), "bias"),
    "b1": ((5,), "bias"),
    "q_bias": ((5,), "bias"),
    "expert_biases": ((4, 5), "bias"),
    "gain": ((), "scale"),
    "logit_scale": ((4, 1, 1), "scale"),
    "layer_scale": ((8, 1, 1), "scale"),
    "temperature": ((1,), "scale"),
    "gamma": ((8,), "scale"),
    "lengths": ((1, 1, 8), "scale"),
    "decay": ((8,), "scale"),
    "class_token": ((1, 1, 8), "token"),
    "cls_token": ((1, 1, 8), "token"),
    "pos_embedding": ((1, 50, 8), "token"),
    "pos_embed": ((1, 50, 8), "token"),
    "positional_embedding": ((77, 8), "token"),
    "relative_position_bias_table": ((169, 3), "token"),
    "rel_pos_h": ((27, 8), "token"),
    "mask_tokens": ((4, 8), "token"),
    "constant": ((1, 8, 4, 4), "token"),
}


@pytest.mark.parametrize("name", BARE)
def test_name_and_shape_say_what_a_bare_parameter_is(name):
    shape, role = BARE[name]
    assert kinds.role(nn.Module(), f"block.0.{name}", nn.Parameter(torch.ones(shape))) == role


class Own(nn.Module):
    """All of `BARE`, and a normalisation as other libraries write it."""

    def __init__(self):
        super().__init__()
        for name, (shape, _) in BARE.items():
            self.register_parameter(name, nn.Parameter(torch.full(shape, 7.0)))
        self.norm = type("LlamaRMSNorm", (nn.Module,), {})()
        self.norm.weight = nn.Parameter(torch.full((8,), 7.0))


def test_initialization_and_pruning_agree():
    """Weights are drawn, biases 0, the rest as it was; weights and biases can be pruned, the rest cannot."""
    model = Own()
    sl.init.initialize_(model, "vs-l", generator=0)
    roles = {name: role for name, (_, role) in BARE.items()} | {"norm.weight": "scale"}
    for name, role in roles.items():
        values = model.get_parameter(name).detach()
        assert bool((values == 7).all()) == (role in ("scale", "token")), name
        assert (not values.any()) == (role == "bias"), name
    assert set(sl.prunable_parameters(model)) == {name for name, r in roles.items() if r in ("weight", "bias")}


def test_slopes_are_no_biases():
    model = nn.Sequential(nn.Linear(12, 8), nn.PReLU(8), nn.Linear(8, 4), nn.PReLU())
    sl.init.initialize_(model, "vs-h", generator=0)
    assert model[1].weight.tolist() == [0.25] * 8
    assert model[3].weight.tolist() == [0.25]
    assert list(sl.prunable_parameters(model)) == ["0.weight", "0.bias", "2.weight", "2.bias"]


TABLES = ("token", "pos_embedding", "table", "layer_scale", "logit_scale", "rel_pos")
VISION = {
    "vit_b_16": {"image_size": 32},
    "swin_t": {},
    "swin_v2_t": {},
    "convnext_tiny": {},
    "maxvit_t": {"input_size": (224, 224)},
}


@pytest.mark.parametrize("name", VISION)
def test_tables_tokens_and_scales_of_known_networks_stay_as_they_were(name):
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None, num_classes=4, **VISION[name])
    special = [n for n, _ in model.named_parameters() if any(word in n for word in TABLES)]
    assert special
    names = list(sl.prunable_parameters(model))
    modules = dict(model.named_modules())
    assert names == [n for n, _ in model.named_parameters() if isinstance(modules[n.rpartition(".")[0]], kinds.LAYERS)]
    assert not set(special) & set(names)
    before = {n: model.get_parameter(n).detach().clone() for n in special}
    sl.init.initialize_(model, "rn", std=0.1, generator=0)
    assert all(torch.equal(model.get_parameter(n), before[n]) for n in special)


# Parametrised weights


class Halved(nn.Module):
    def forward(self, x):
        return x / 2


def by_parametrize(layer):
    parametrize.register_parametrization(layer, "weight", Halved())
    return layer


def pruned(layer):
    prune.l1_unstructured(layer, "weight", 0.5)
    return layer


PARTS = {
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "one's own": by_parametrize,
    "old weight norm": weight_norm,
    "old spectral norm": spectral_norm,
    "torch's pruning": pruned,
}
X, Y = torch.randn(20, 12, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("inside", [lambda: nn.Linear(12, 12), lambda: nn.Conv1d(1, 1, 3)])
@pytest.mark.parametrize("kind", PARTS)
def test_parts_of_a_parametrised_weight_are_no_connections(kind, inside):
    """Neither pruned nor drawn in silence: weight norm's loss was nan after `apply_` for 17 of 30 seeds."""
    layer = PARTS[kind](inside())
    model = nn.Sequential(layer, nn.Tanh(), nn.Linear(12, 4))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    for refuse in (
        lambda: sl.snip(model, X, Y, sparsity=0.6),
        lambda: sl.connection_gradient(model, X, Y),
        lambda: sl.init.initialize_(model, "vs-l", generator=0),
    ):
        with pytest.raises(ValueError, match=r"'0\..*' is (only )?a part (of|that) a parametrised weight"):
            refuse()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert list(sl.prunable_parameters(model, lambda m, n, p: n.startswith("2."))) == ["2.weight", "2.bias"]


def test_a_weight_made_whole_again_is_one():
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(12, 12)), nn.Tanh(), nn.Linear(12, 4))
    parametrize.remove_parametrizations(model[0], "weight")
    masks = sl.snip(model, X, Y, sparsity=0.6)
    assert "0.weight" in masks
    assert nn.functional.cross_entropy(masks.apply_(model)(X), Y).isfinite()


def test_a_layer_with_no_shape_yet_is_refused():
    with pytest.raises(ValueError, match="'0.weight' has no shape yet: run a batch through the model first"):
        sl.snip(nn.Sequential(nn.LazyLinear(4)), X, Y, sparsity=0.5)


# Gradients of few rows


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("build", [nn.Embedding, nn.EmbeddingBag])
def test_embeddings_with_sparse_gradients_are_scored_like_dense_ones(build, batches):
    def model(sparse):
        torch.manual_seed(0)
        layers = [build(30, 8, sparse=sparse), nn.Flatten() if build is nn.Embedding else nn.Identity()]
        return nn.Sequential(*layers, nn.Linear(40 if build is nn.Embedding else 8, 4))

    words = torch.randint(0, 30, (16, 5), generator=torch.Generator().manual_seed(0))
    data = [(words, Y[:16]), (words[:3].flip(1), Y[:3])][:batches]
    everything = {"prunable": lambda *_: True}
    plain, found = (sl.connection_gradient(model(sparse), data, **everything) for sparse in (False, True))
    for name in plain:
        torch.testing.assert_close(found[name], plain[name])
    masks = [sl.snip(model(sparse), data, sparsity=0.7, **everything) for sparse in (False, True)]
    assert masks[0] == masks[1]


# Where warnings point


@pytest.mark.parametrize(
    "call",
    [
        lambda *a: sl.connection_gradient(*a),
        lambda *a: sl.connection_sensitivity(*a),
        lambda *a: sl.snip(*a, sparsity=0.5),
        lambda *a: sl.prune(*a, sparsity=0.5, rounds=2),
    ],
)
def test_warnings_point_at_the_line_that_called_the_library(call):
    class Unused(nn.Linear):
        def __init__(self):
            super().__init__(12, 4)
            self.more = nn.Linear(3, 3)

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call(Unused(), X, Y)
    found = [w for w in found if "does not reach more.weight, more.bias" in str(w.message)]
    assert found
    assert {w.filename for w in found} == {__file__}
