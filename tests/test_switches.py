"""Scores at c = mask (Equation 5 at other values than 1): finite differences in c, and what `at` refuses."""

import contextlib
import copy

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import snip_lib as sl

N, CLASSES = 5, 3
LABELS = torch.arange(N) % CLASSES


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(3, 2, num_layers=2, batch_first=True, bidirectional=True, dropout=0.5)
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.out = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, CLASSES)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.out(torch.tanh(self.b(torch.tanh(self.a(x)))))


def convolutional():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Tanh(), nn.Flatten(), nn.Linear(8, CLASSES))


MODELS = {"convolution": (convolutional, (1, 4, 4)), "lstm": (Reader, (3, 3)), "tied": (Tied, (4,))}


def case(kind, seed=0):
    """A network in float64 with weights away from 0, a batch, and masks that prune about half."""
    build, shape = MODELS[kind]
    source, model = torch.Generator().manual_seed(seed), build().double()
    for p in model.parameters():
        nn.init.normal_(p, generator=source)
    at = {name: torch.rand(p.shape, generator=source) < 0.5 for name, p in sl.prunable_parameters(model).items()}
    return model, torch.randn(N, *shape, dtype=torch.float64, generator=source), sl.Masks(at)


@torch.no_grad()
def loss_at(model, weights, x, c):
    return float(cross_entropy(functional_call(model, {name: c[name] * weights[name] for name in c}, (x,)), LABELS))


def by_differences(model, x, at, step=1e-5):
    """dL(c * w)/dc at c = mask, one switch after the other a little up and down."""
    model = copy.deepcopy(model).eval()
    weights = {name: p.detach() for name, p in sl.prunable_parameters(model).items()}
    c = {name: at[name].double() if name in at else torch.ones_like(w) for name, w in weights.items()}
    slopes = {name: torch.empty_like(w) for name, w in weights.items()}
    for name, switches in c.items():
        for j, value in enumerate(switches.flatten().tolist()):
            switches.view(-1)[j] = value + step
            up = loss_at(model, weights, x, c)
            switches.view(-1)[j] = value - step
            slopes[name].view(-1)[j] = (up - loss_at(model, weights, x, c)) / (2 * step)
            switches.view(-1)[j] = value
    return slopes


@pytest.mark.parametrize("kind", MODELS)
def test_the_derivative_at_a_mask_is_that_of_finite_differences(kind):
    model, x, at = case(kind)
    found = sl.connection_gradient(model, x, LABELS, at=at)
    expected = by_differences(model, x, at)
    assert list(found) == list(expected)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-9)
    pruned = torch.cat([found[name][~mask] for name, mask in at.items()])
    assert (pruned != 0).double().mean() > 0.8  # a pruned connection has a score of its own
    plain = sl.connection_gradient(model, x, LABELS)
    assert not all(torch.allclose(found[name], plain[name]) for name in found)


def test_masks_of_some_parameters_leave_the_others_whole():
    model, x, at = case("tied")
    some = {"a.weight": at["a.weight"]}
    found, expected = sl.connection_gradient(model, x, LABELS, at=some), by_differences(model, x, some)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-9)


def test_masks_hold_for_parameters_that_are_not_scored_too():
    """Frozen, or left out by `prunable`: the forward pass sees c * w all the same."""
    model, x, at = case("convolution")
    expected = by_differences(model, x, at)
    found = sl.connection_gradient(model, x, LABELS, at=at, prunable=lambda module, *_: isinstance(module, nn.Linear))
    model[0].requires_grad_(False)
    frozen = sl.connection_gradient(model, x, LABELS, at=at)
    assert list(found) == list(frozen) == ["4.weight", "4.bias"]
    for name in found:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(frozen[name], expected[name], rtol=1e-6, atol=1e-9)
    assert not model[0].weight.requires_grad


def test_masks_that_keep_everything_change_nothing():
    for kind in MODELS:
        model, x, at = case(kind)
        whole = {name: torch.ones_like(mask) for name, mask in at.items()}
        at_one, plain = (sl.connection_gradient(model, x, LABELS, **o) for o in ({"at": whole}, {}))
        assert all(torch.equal(at_one[name], plain[name]) for name in plain)


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager")])
def test_a_wrapped_model_is_scored_at_a_mask_too(wrap):
    model, x, at = case("convolution")
    model, wrapped = model.eval(), wrap(model)
    wrapped(x)  # compiled with the weights of its own
    names = dict(zip(sl.prunable_parameters(model), sl.prunable_parameters(wrapped), strict=True))
    found = sl.connection_gradient(wrapped, x, LABELS, at={names[name]: mask for name, mask in at.items()})
    for name, slopes in by_differences(model, x, at).items():
        torch.testing.assert_close(found[names[name]], slopes, rtol=1e-6, atol=1e-9)


def state(model):
    """The parameters' identity, version, memory and numbers, and the lists that recurrent modules keep of them."""
    found = [(n, id(p), p._version, p.data_ptr(), p.grad, p.detach().clone()) for n, p in model.named_parameters()]
    lists = [[id(w) for w in m._flat_weights] for m in model.modules() if isinstance(m, nn.RNNBase)]
    return [entry[:5] for entry in found], lists, [entry[5] for entry in found]


def fails(*_):
    raise RuntimeError("half-way")


@pytest.mark.parametrize("loss", [None, fails])
@pytest.mark.parametrize("kind", MODELS)
def test_no_parameter_is_written_to_or_replaced(kind, loss):
    model, x, at = case(kind)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = state(model)
    failing = pytest.raises(RuntimeError, match="half-way") if loss else contextlib.nullcontext()
    with torch.inference_mode(loss is None), failing:
        sl.connection_gradient(model, x, LABELS, at=at, loss=loss)
    after = state(model)
    assert before[:2] == after[:2]
    assert all(torch.equal(a, b) for a, b in zip(before[2], after[2], strict=True))
    cross_entropy(model(x), LABELS).backward()
    optimizer.step()  # the optimizer's tensors are still the model's
    assert not torch.equal(before[2][0], next(model.parameters()))


# What is refused


def with_weights(at, change):
    return {name: change(mask) if mask.ndim > 1 else mask for name, mask in at.items()}


REFUSED = {
    "no mapping": (lambda at: [*at.values()], TypeError, "at must be masks, name -> boolean tensor, got list"),
    "numbers": (lambda at: with_weights(at, torch.Tensor.float), TypeError, "'0.weight' must be a boolean tensor, got"),
    "lists": (lambda at: {"0.weight": [True]}, TypeError, "'0.weight' must be a boolean tensor, got <class 'list'>"),
    "another name": (lambda at: {"5.weight": at["0.weight"]}, ValueError, "fit the model, which has no parameter '5.w"),
    "another shape": (
        lambda at: {"4.weight": at["0.weight"]},
        ValueError,
        r"fit the model, whose '4.weight' has shape \(3, 8\), the mask \(2, 1, 3, 3\)",
    ),
}


@pytest.mark.parametrize("how", REFUSED)
@pytest.mark.parametrize("function", [sl.connection_gradient, sl.connection_sensitivity])
def test_masks_that_do_not_fit_are_refused(function, how):
    change, error, message = REFUSED[how]
    model, x, at = case("convolution")
    with pytest.raises(error, match=message):
        function(model, x, LABELS, at=change(at))


@pytest.mark.parametrize("how", ["applied", "held", "applied and trained"])
@pytest.mark.parametrize("kind", MODELS)
def test_weights_that_are_0_already_are_refused_with_the_reason(kind, how):
    model, x, at = case(kind)
    if how == "applied":
        at.apply_(model)
    else:
        optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
        with at.hold(model, optimizer):
            for _ in range(2 * (how != "held")):
                optimizer.zero_grad()
                cross_entropy(model(x), LABELS).backward()
                optimizer.step()
    with pytest.raises(ValueError, match="at: the weights that it prunes are 0 in the model already.*before apply_"):
        sl.connection_gradient(model, x, LABELS, at=at)


@pytest.mark.filterwarnings("ignore::snip_lib.ZeroScoreWarning")
def test_zeros_that_a_network_begins_with_are_not_taken_for_pruned_ones():
    """Biases of 0 and an identity score 0 and are pruned first, which no earlier pruning did."""
    model, x, _ = case("tied")
    for layer in (model.a, model.out):
        nn.init.zeros_(layer.bias)
    with torch.no_grad():
        model.a.weight.copy_(torch.eye(4))
    for sparsity in (0.05, 0.25, 0.45, 0.6):  # at 0.49 the zeros alone go, and nothing tells that from pruning
        at = sl.snip(model, x, LABELS, sparsity=sparsity)
        expected = by_differences(model, x, at)
        for name, g in sl.connection_gradient(model, x, LABELS, at=at).items():
            torch.testing.assert_close(g, expected[name], rtol=1e-6, atol=1e-9)
