"""Each criterion beside an independent computation, entry by entry, in float64; and what each of them promises."""

import copy
import itertools
from fractions import Fraction

import oracles
import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.pruning import schedules

pytestmark = pytest.mark.filterwarnings("ignore::snip_lib.LayerCollapseWarning", "ignore::snip_lib.ZeroScoreWarning")


def small_vgg():
    g = torch.Generator().manual_seed(1)
    layers = []
    for before, after in ((1, 6), (6, 8)):
        conv, norm = nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after, eps=1e-3)
        layers += [conv, norm, nn.ReLU(), nn.MaxPool2d(4)]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 10))
    sl.init.initialize_(model, "vs-l", generator=g)
    for module in model:
        if isinstance(module, nn.BatchNorm2d):  # scales and shifts as after some training, positive and negative
            module.weight.data.normal_(1, 0.5, generator=g)
            module.bias.data.normal_(0, 0.3, generator=g)
    return model.double().eval()


def lenet():
    return sl.models.build("lenet-300-100", generator=1).double().eval()


NETWORKS = {"lenet-300-100": lenet, "small vgg": small_vgg}


@pytest.fixture(scope="module", params=NETWORKS)
def subject(request):
    """A network, some images as it takes them, and their labels."""
    data = sl.data.load("digits")
    x, y = sl.data.pruning_batch(data, 12, seed=1)
    model = NETWORKS[request.param]()
    if request.param == "small vgg":
        x = x.reshape(12, 1, 28, 28)[..., 6:22, 6:22]
    return model, x.double(), y


def expected(name, model, u, x, y, trained=None):
    """What a criterion's score is, c ∘ w = u, by the oracles alone."""
    w = oracles.layers(model)
    if name == "random":
        g = torch.Generator().manual_seed(7)
        return {n: torch.rand(p.shape, generator=g) for n, p in w.items()}
    slope = {
        "magnitude": lambda: {n: p.sign() for n, p in w.items()},
        "snip": lambda: oracles.gradient(model, u, x, y),
        "signed": lambda: {n: -g for n, g in oracles.gradient(model, u, x, y).items()},
        "gradient": lambda: {n: g.abs() / p for (n, g), p in zip(gradients(model, u, x, y), w.values(), strict=True)},
        "grasp": lambda: oracles.hessian_gradient(model, u, x, y, trained=trained),
        "obd": lambda: {n: h * w[n] / 2 for n, h in oracles.curvature(model, u, x, y).items()},
        "synflow": lambda: {n: f * w[n].sign() for n, f in oracles.synaptic_flow(model, u, x).items()},
    }[name]()
    scores = {n: w[n] * slope[n] for n in w}
    return {n: s.abs() for n, s in scores.items()} if name == "snip" else scores


def gradients(model, u, x, y):
    return oracles.gradient(model, u, x, y).items()


def jaccard(found, masks):
    return sl.Masks(found).jaccard(sl.Masks(masks))


@pytest.mark.parametrize("name", [n for n in sl.criteria.CRITERIA if n != "gradient"])
def test_masks_are_those_of_an_independent_computation(subject, name):
    model, x, y = subject
    scores = sl.criteria.named(name)(model, x, y, generator=7)
    oracle = expected(name, model, oracles.layers(model), x, y)
    assert list(scores) == list(oracle)
    for n, score in scores.items():
        torch.testing.assert_close(score, oracle[n], rtol=1e-9, atol=1e-18)
    for sparsity in (0.5, 0.9, 0.98):
        kappa = oracles.kappa(sum(s.numel() for s in oracle.values()), sparsity)
        masks = sl.prune(model, x, y, sparsity=sparsity, criterion=name, generator=7)
        assert jaccard(masks, oracles.highest(oracle, kappa)) == 1


def test_the_gradient_alone_is_that_of_backward(subject):
    model, x, y = copy.deepcopy(subject[0]), *subject[1:]
    cross_entropy(model(x), y).backward()
    oracle = {n: model.get_parameter(n).grad.abs() for n in oracles.layers(model)}
    scores = sl.criteria.gradient(subject[0], x, y)
    assert all(torch.allclose(scores[n], oracle[n], rtol=1e-9, atol=1e-18) for n in oracle)
    kappa = oracles.kappa(sum(s.numel() for s in oracle.values()), 0.9)
    masks = sl.prune(subject[0], x, y, sparsity=0.9, criterion="gradient")
    assert jaccard(masks, oracles.highest(oracle, kappa)) == 1


@pytest.mark.parametrize("name", ["snip", "signed", "grasp", "obd", "synflow"])
def test_at_masks_the_network_is_the_pruned_one_and_pruned_connections_have_scores(subject, name):
    model, x, y = subject
    w = oracles.layers(model)
    at = sl.keep_top(
        {n: torch.rand(p.shape, generator=torch.Generator().manual_seed(3)) for n, p in w.items()}, sparsity=0.4
    )
    u = {n: p * at[n] for n, p in w.items()}
    scores = sl.criteria.named(name)(model, x, y, at=at)
    oracle = expected(name, model, u, x, y, trained=at)
    assert all(torch.allclose(scores[n], oracle[n], rtol=1e-8, atol=1e-18) for n in oracle)
    assert any((scores[n][~at[n]] != 0).any() for n in scores)


# Finite differences


def changed(model, name, index, by):
    u = {n: p.clone() for n, p in oracles.layers(model).items()}
    u[name].view(-1)[index] += by
    return u


def some(model, seed=0):
    """A few entries of each tensor that is not zero."""
    g = torch.Generator().manual_seed(seed)
    w = oracles.layers(model)
    return [(n, int(i)) for n, p in w.items() if p.any() for i in torch.randint(p.numel(), (4,), generator=g)]


def test_grasp_is_the_change_of_the_gradients_norm(subject):
    """By central differences of ½ ‖∇L‖² in one weight, at temperature 200."""
    model, x, y = subject
    scores = sl.criteria.grasp(model, x, y)

    def half_norm(u):
        g = torch.func.grad(lambda u: cross_entropy(functional_call(model, u, (x,)) / 200, y))(u)
        return sum(each.square().sum() for each in g.values()) / 2

    for name, i in some(model):
        ends = [half_norm(changed(model, name, i, step)) for step in (1e-6, -1e-6)]
        found = (ends[0] - ends[1]) / 2e-6 * oracles.layers(model)[name].view(-1)[i]
        torch.testing.assert_close(scores[name].view(-1)[i], found, rtol=1e-4, atol=1e-13)


def test_obd_is_the_second_difference_of_the_loss_where_the_network_is_piecewise_linear(subject):
    model, x, y = subject
    scores = sl.criteria.obd(model, x, y)
    for name, i in some(model):
        up, here, down = (
            cross_entropy(functional_call(model, changed(model, name, i, step), (x,)), y) for step in (1e-5, 0, -1e-5)
        )
        found = (up - 2 * here + down) / 1e-10 / 2 * oracles.layers(model)[name].view(-1)[i] ** 2
        torch.testing.assert_close(scores[name].view(-1)[i], found, rtol=1e-2, atol=1e-7)


def test_obd_is_the_hessians_diagonal_with_relu_and_not_with_tanh():
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(9, 4, generator=g, dtype=torch.float64), torch.arange(9) % 3
    for bend, equal in ((nn.ReLU(), True), (nn.Tanh(), False)):
        model = nn.Sequential(nn.Linear(4, 5), bend, nn.Linear(5, 3)).double()
        sl.init.initialize_(model, "vs-l", generator=1)
        w = oracles.layers(model)
        full = hessian(lambda u, model=model: cross_entropy(functional_call(model, u, (x,)), y))(w)
        diagonal = {n: full[n][n].reshape(p.numel(), -1).diagonal().view_as(p) * p**2 / 2 for n, p in w.items()}
        scores = sl.criteria.obd(model, x, y)
        assert all(torch.allclose(scores[n], diagonal[n], rtol=1e-8) for n in w) == equal


def test_synflow_is_exactly_what_the_flow_loses_without_a_connection(subject):
    model, x, _ = subject
    scores = sl.criteria.synflow(model, x)
    twin = copy.deepcopy(model).eval()
    for p in twin.parameters():
        p.data.abs_()
    ones = torch.ones_like(x[:1])
    whole = twin(ones).sum().item()
    for name, i in some(model):
        weights = twin.get_parameter(name).data.view(-1)
        kept = weights[i].item()
        weights[i] = 0
        assert scores[name].view(-1)[i].item() == pytest.approx(whole - twin(ones).sum().item(), rel=1e-6)
        weights[i] = kept


# Synaptic flow


def test_synaptic_flow_is_conserved(subject):
    """Theorem 1 and 2: into a unit flows what flows out; each layer's weights sum to R where nothing is shifted."""
    model = copy.deepcopy(subject[0])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.zeros_(module.bias)
    scores = sl.criteria.synflow(model, subject[1])
    sums = [s.sum().item() for s in scores.values() if s.ndim > 1]
    assert sums == pytest.approx([sums[0]] * len(sums), rel=1e-12)
    weights = [s for s in scores.values() if s.ndim > 1]
    for first, second in itertools.pairwise(weights):
        into, out = first.flatten(1).sum(1), second.transpose(0, 1).flatten(1).sum(1)
        if len(into) == len(out):
            torch.testing.assert_close(into, out, rtol=1e-12, atol=0)


def test_a_hundred_rounds_of_synflow_follow_the_formula_and_empty_no_layer():
    """At 99.9 % one round leaves nothing of the two large layers (Tanaka et al., section 6)."""
    model, seen = sl.models.build("lenet-300-100", generator=0), []
    x = torch.zeros(1, 1, 28, 28)

    def watched(*arguments, **options):
        if options["at"] is not None:
            seen.append(options["at"].kept)
        return sl.criteria.synflow(*arguments, **options)

    masks = sl.prune(model, x, sparsity=0.999, criterion=watched, rounds=100)
    seen.append(masks.kept)
    assert seen == [schedules.kept_after(266_610, Fraction(1, 1000), t, rounds=100) for t in range(1, 101)]
    assert masks.empty_layers() == []
    assert masks == sl.prune(model, x, sparsity=0.999, criterion="synflow", rounds=100)
    assert sl.prune(model, x, sparsity=0.999, criterion="synflow").empty_layers() == ["fc1.weight", "fc2.weight"]


def test_synflow_takes_the_shape_of_x_alone(subject):
    model, x, y = subject
    first = sl.criteria.synflow(model, x, y)
    for other in (x[:1] * 0, [(x[:3], y[:3])], torch.full_like(x, torch.nan)):
        again = sl.criteria.synflow(model, other)
        assert all(torch.equal(first[n], again[n]) for n in first)
    with pytest.raises(ValueError, match="batch_norm must be 'identity', got 'batch'"):
        sl.criteria.synflow(model, x, y, batch_norm="batch")


def test_synflow_is_finite_where_float32_is_not():
    deep = nn.Sequential(*(nn.Linear(50, 50, bias=False) for _ in range(60)))
    for layer in deep:
        nn.init.constant_(layer.weight, -1.0)
    assert not deep(torch.ones(1, 50)).isfinite().all()
    scores = sl.criteria.synflow(deep, torch.ones(1, 50))
    assert all(torch.allclose(s, torch.full_like(s, 50.0**59), rtol=1e-12) for s in scores.values())


# What they share


@pytest.mark.parametrize("name", ["gradient", "grasp", "obd", "signed"])
def test_several_batches_are_one(subject, name):
    model, x, y = subject
    score = sl.criteria.named(name)
    whole, parts = score(model, x, y), score(model, [(x[:3], y[:3]), (x[3:], y[3:])])
    assert all(torch.allclose(whole[n], parts[n], rtol=1e-9, atol=1e-18) for n in whole)
    again = score(model, iter([(x[:3], y[:3]), (x[3:], y[3:])]))
    assert all(torch.equal(parts[n], again[n]) for n in parts)


@pytest.mark.parametrize("name", ["gradient", "grasp", "obd", "synflow", "signed"])
def test_a_parameter_that_is_not_reached_scores_nothing(name):
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return self.used(x)

    model = Idle()
    with pytest.warns(UserWarning, match="does not reach idle.weight, idle.bias: scored 0"):
        scores = sl.criteria.named(name)(model, torch.ones(2, 3), torch.tensor([0, 1]))
    assert not scores["idle.weight"].any()
    assert scores["used.weight"].any()


@pytest.mark.parametrize("network", ["gru-s", "resnet-20"])
@pytest.mark.parametrize("name", ["gradient", "grasp", "obd", "synflow", "signed"])
def test_networks_that_recur_and_that_branch_are_scored_and_left_as_they_were(network, name):
    model = sl.models.build(network, generator=0)
    x, y = torch.randn(2, *sl.models.INPUT_SHAPES[network], generator=torch.Generator().manual_seed(0)), torch.arange(2)
    before, modes = copy.deepcopy(model.state_dict()), [m.training for m in model.modules()]
    scores = sl.criteria.named(name)(model, x, y)
    assert all(s.isfinite().all() for s in scores.values())
    assert all(s.any() for s in scores.values() if s.ndim > 1)
    assert all(torch.equal(v, before[n]) for n, v in model.state_dict().items())
    assert modes == [m.training for m in model.modules()]
    assert all(p.grad is None for p in model.parameters())


def test_the_temperature_of_grasp_is_the_outputs_divisor(subject):
    model, x, y = subject
    cold = sl.criteria.grasp(model, x, y, temperature=1)
    divided = sl.criteria.grasp(model, x, y, loss=lambda z, y: cross_entropy(z / 50, y), temperature=4)
    warm = sl.criteria.grasp(model, x, y)
    assert all(torch.allclose(divided[n], warm[n], rtol=1e-9, atol=1e-18) for n in warm)
    assert not all(torch.allclose(cold[n], warm[n], rtol=0.1) for n in warm)


@pytest.mark.parametrize("name", ["gradient", "grasp", "obd"])
def test_a_batch_without_labels_or_examples_is_refused(name):
    model, score = nn.Linear(3, 2), sl.criteria.named(name)
    with pytest.raises(TypeError, match="labels are missing"):
        score(model, torch.ones(2, 3))
    with pytest.raises(ValueError, match="an empty batch"):
        score(model, torch.ones(0, 3), torch.ones(0).long())
    with pytest.raises(ValueError, match="labels from 0 to 2, but the model has 2 classes"):
        score(model, torch.ones(2, 3), torch.tensor([0, 2]))


def test_obd_refuses_what_ties_the_examples_together(subject):
    with pytest.raises(ValueError, match="batch_norm='batch' ties the examples together"):
        sl.criteria.obd(*subject, batch_norm="batch")
