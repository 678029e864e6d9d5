"""Connection sensitivity (Equations 3 to 6) against independent computations, and what scoring must leave alone."""

import copy
import doctest
import inspect

import oracles
import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

import snip_lib as sl
from snip_lib import kinds, words
from snip_lib.scoring import sensitivity

CLASSES = 3
LABELS = torch.arange(7) % CLASSES


def inputs(*shape, seed=1):
    return torch.randn(len(LABELS), *shape, generator=torch.Generator().manual_seed(seed))


def drawn(model, seed=0):
    """The model with every parameter and statistic, normalisation's too, drawn away from its special values."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.5 * torch.randn(p.shape, generator=g))
        for name, buffer in model.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(0.5 + torch.rand(buffer.shape, generator=g))
    return model


class OwnCell(nn.Module):
    """A recurrent cell as a user writes it: bare parameters, one of them used at every step, and a scalar."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.empty(4 + 5, 5))
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.out = nn.Linear(5, CLASSES)

    def forward(self, x):  # (n, steps, 4)
        state = x.new_zeros(len(x), 5)
        for step in x.unbind(1):
            state = torch.tanh(self.gain * torch.cat([step, state], 1) @ self.kernel)
        return self.out(state)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.out(self.attention(x, x, x, need_weights=False)[0].mean(1))


class Experts(nn.Module):
    """Layers kept in a ModuleList."""

    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(4, CLASSES) for _ in range(3))

    def forward(self, x):
        return sum(torch.tanh(expert(x)) for expert in self.experts)


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.rnn = kind(4, 5, num_layers=2, dropout=0.5, batch_first=True)
        self.out = nn.Linear(5, CLASSES)

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.encode = nn.Linear(4, 4, bias=False)
        self.decode = nn.Linear(4, 4, bias=False)
        self.decode.weight = self.encode.weight
        self.out = nn.Linear(4, CLASSES)

    def forward(self, x):
        return self.out(self.decode(torch.tanh(self.encode(x))))


class Added(nn.Module):
    """Two weights whose gradients are one and the same tensor."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.empty(4, CLASSES))
        self.b = nn.Parameter(torch.empty(4, CLASSES))

    def forward(self, x):
        return x @ (self.a + self.b)


def convolutional():
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.Dropout(), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def strided():
    """Parameters that do not lie in memory in the order of their indices."""
    model = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Flatten(), nn.Linear(64, CLASSES))
    model = model.to(memory_format=torch.channels_last)
    model[2].weight = nn.Parameter(torch.empty(64, CLASSES).t())
    assert not any(model[i].weight.is_contiguous() for i in (0, 2))
    return model


MODELS = {
    "convolution and dropout": (convolutional, (2, 6, 6)),
    "own cell": (OwnCell, (5, 4)),
    "attention": (Attention, (5, 4)),
    "module list": (Experts, (4,)),
    "lstm": (lambda: Recurrent(nn.LSTM), (5, 4)),
    "gru": (lambda: Recurrent(nn.GRU), (5, 4)),
    "tied": (Tied, (4,)),
    "shared gradient": (Added, (4,)),
    "not contiguous": (strided, (2, 6, 6)),
}


@pytest.mark.parametrize("kind", MODELS)
def test_equals_an_explicit_c_in_any_module(kind):
    build, shape = MODELS[kind]
    model, x = drawn(build()), inputs(*shape)
    expected = oracles.gradient_of_c(copy.deepcopy(model).eval(), x, LABELS)
    everything = {"prunable": lambda *_: True}  # scales too
    gradient = sl.connection_gradient(model.train(), x, LABELS, **everything)
    assert list(gradient) == list(expected) == [name for name, _ in model.named_parameters()]
    for name in expected:
        torch.testing.assert_close(gradient[name], expected[name])
    total = sum(g.abs().sum() for g in expected.values())
    for name, score in sl.connection_sensitivity(model, x, LABELS, **everything).items():
        torch.testing.assert_close(score, expected[name].abs() / total)


@pytest.mark.parametrize("wrap", [nn.DataParallel, lambda m: torch.compile(m, backend="eager")])
def test_a_wrapper_changes_the_names_alone(wrap):
    model, x = drawn(nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, CLASSES))), inputs(4)
    wrapped, plain = sl.connection_gradient(wrap(model), x, LABELS), sl.connection_gradient(model, x, LABELS)
    assert [name.removeprefix("module.").removeprefix("_orig_mod.") for name in wrapped] == list(plain)
    for a, b in zip(wrapped.values(), plain.values(), strict=True):
        torch.testing.assert_close(a, b)


def test_three_ways_in_float64():
    """|w dL/dw|, dL/dc and finite differences of the loss in c (the limit in Equation 5) agree."""
    model = drawn(nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, CLASSES))).double()
    x, delta = inputs(6).double(), 1e-6
    cross_entropy(model(x), LABELS).backward()
    product = {name: p.grad * p.detach() for name, p in model.named_parameters()}
    explicit = oracles.gradient_of_c(model, x, LABELS)
    differences = {name: torch.empty_like(g) for name, g in explicit.items()}
    weights = {name: p.detach() for name, p in model.named_parameters()}
    for name, w in weights.items():
        for j in range(w.numel()):
            step = torch.zeros_like(w)
            step.view(-1)[j] = delta
            moved = (functional_call(model, weights | {name: (1 + s) * w}, (x,)) for s in (step, -step))
            up, down = (cross_entropy(output, LABELS) for output in moved)
            differences[name].view(-1)[j] = (up - down) / (2 * delta)
    gradient = sl.connection_gradient(model, x, LABELS)
    for name, g in gradient.items():
        assert g.dtype == torch.float64
        torch.testing.assert_close(g, product[name], rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(g, explicit[name], rtol=1e-12, atol=1e-15)
        torch.testing.assert_close(g, differences[name], rtol=1e-6, atol=1e-9)


def test_sensitivity_is_positive_and_sums_to_one():
    scores = sl.connection_sensitivity(drawn(convolutional()), inputs(2, 6, 6), LABELS)
    assert all((score >= 0).all() for score in scores.values())
    assert sum(score.double().sum() for score in scores.values()) == pytest.approx(1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_scores_have_the_precision_of_the_model(dtype):
    model, x = drawn(Experts()), inputs(4)
    expected = sl.connection_gradient(model, x, LABELS)
    gradient = sl.connection_gradient(copy.deepcopy(model).to(dtype), x.to(dtype), LABELS)
    for name, g in gradient.items():
        assert g.dtype == dtype
        torch.testing.assert_close(g.float(), expected[name], rtol=0.1, atol=0.02)
    masks = sl.snip(copy.deepcopy(model).to(dtype), x.to(dtype), LABELS, sparsity=0.3)
    assert masks.kept == oracles.kappa(masks.total, 0.3)


# Several batches


@pytest.mark.parametrize("build", [convolutional, Added])
def test_batches_are_averaged_with_their_signs_by_examples(build):
    model = drawn(build()).double()
    x = inputs(*((2, 6, 6) if build is convolutional else (4,))).double()
    expected = oracles.gradient_of_c(copy.deepcopy(model).eval(), x, LABELS)
    batches = list(zip(x.split([1, 4, 2]), LABELS.split([1, 4, 2]), strict=True))
    for iterable in (batches, iter(batches), DataLoader(TensorDataset(x, LABELS), batch_size=3, shuffle=True)):
        gradient = sl.connection_gradient(model, iterable)
        for name in expected:
            torch.testing.assert_close(gradient[name], expected[name])


class Switch(nn.Module):
    """Which layer an example goes through is decided by its batch."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.unused = (nn.Linear(4, CLASSES) for _ in range(3))

    def forward(self, x):
        return self.left(x) if x[0, 0] > 0 else self.right(x)


def test_a_batch_that_misses_a_parameter_counts_as_zero_for_it():
    model = drawn(Switch())
    x = inputs(4)
    x[:, 0] = torch.tensor([1.0, 1, 1, -1, -1, 1, 1])
    parts = [3, 2, 2]
    expected = {name: torch.zeros_like(p) for name, p in model.named_parameters()}
    for a, b in zip(x.split(parts), LABELS.split(parts), strict=True):
        for name, g in oracles.gradient_of_c(model, a, b).items():
            expected[name] += g * len(a) / len(x)
    with pytest.warns(UserWarning, match=r"does not reach unused.weight, unused.bias: scored 0"):
        gradient = sl.connection_gradient(model, zip(x.split(parts), LABELS.split(parts), strict=True))
    for name in expected:
        torch.testing.assert_close(gradient[name], expected[name])
    assert not gradient["unused.weight"].any()


# Batch norm, dropout, recurrent modules

AFFINE = {"scaled": True, "plain": False}
TRACKED = {"tracked": True, "untracked": False}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("tracked", TRACKED)
@pytest.mark.parametrize("affine", AFFINE)
@pytest.mark.parametrize("kind", ["identity", "batch", "running"])
def test_batch_norm_as_asked_for(kind, affine, tracked, dtype):
    norm = nn.BatchNorm2d(4, eps=1e-3, affine=AFFINE[affine], track_running_stats=TRACKED[tracked])
    model = drawn(nn.Sequential(nn.Conv2d(2, 4, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(64, CLASSES))).to(dtype)
    x = inputs(2, 6, 6).to(dtype)
    if kind == "running" and tracked == "untracked":
        with pytest.raises(ValueError, match=r"batch_norm='running'.*without stored statistics"):
            sl.connection_gradient(model, x, LABELS, batch_norm=kind)
        return
    h = model[0](x)
    mean, variance = {
        "identity": lambda: (torch.zeros(4, dtype=dtype), torch.ones(4, dtype=dtype)),
        "batch": lambda: (h.mean((0, 2, 3)), h.var((0, 2, 3), correction=0)),
        "running": lambda: (norm.running_mean, norm.running_var),
    }[kind]()
    h = (h - mean[:, None, None]) / (variance[:, None, None] + 1e-3).sqrt()
    if norm.affine:
        h = norm.weight[:, None, None] * h + norm.bias[:, None, None]
    cross_entropy(model[4](h.relu().flatten(1)), LABELS).backward()
    gradient = sl.connection_gradient(model, x, LABELS, batch_norm=kind)
    assert list(gradient) == ["0.weight", "0.bias", "4.weight", "4.bias"]
    for name, g in gradient.items():
        p = model.get_parameter(name)
        torch.testing.assert_close(g, p.grad * p.detach(), rtol=1e-4, atol=1e-6)


def test_recurrent_modules_score_in_training_mode_without_dropout():
    model = Recurrent(nn.LSTM).eval()
    model.rnn.register_forward_pre_hook(lambda rnn, _: seen.append((rnn.training, rnn.dropout, model.out.training)))
    seen = []
    sl.connection_gradient(model, inputs(5, 4), LABELS)
    assert seen == [(True, 0.0, False)]
    assert (model.rnn.training, model.rnn.dropout) == (False, 0.5)


# What is scored


def test_frozen_and_normalising_parameters_are_neither_scored_nor_counted():
    model = nn.Sequential(
        nn.Embedding(9, 4), nn.Flatten(), nn.LayerNorm(8), nn.Linear(8, 4), nn.BatchNorm1d(4), nn.Linear(4, CLASSES)
    )
    model[3].bias.requires_grad_(False)
    assert list(sl.prunable_parameters(model)) == ["3.weight", "5.weight", "5.bias"]
    masks = sl.snip(drawn(model), torch.arange(14).view(7, 2) % 9, LABELS, sparsity=0.5)
    assert list(masks) == ["3.weight", "5.weight", "5.bias"]
    assert masks.total == 8 * 4 + 4 * CLASSES + CLASSES


def test_a_tied_tensor_counts_once_under_its_first_name():
    scores = sl.connection_sensitivity(drawn(Tied()), inputs(4), LABELS)
    assert list(scores) == ["encode.weight", "out.weight", "out.bias"]


def test_prunable_is_asked_about_module_name_and_parameter():
    model = drawn(convolutional())
    scores = sl.connection_sensitivity(
        model, inputs(2, 6, 6), LABELS, prunable=lambda module, name, p: isinstance(module, nn.Conv2d) and p.ndim > 1
    )
    assert list(scores) == ["0.weight"]
    assert list(sl.prunable_parameters(model, lambda module, name, p: name == "5.bias")) == ["5.bias"]


def test_own_loss_gets_whatever_the_model_returns():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(4, CLASSES)

        def forward(self, x):
            return {"logits": self.body(x), "inputs": x}

    def loss(output, y):
        return (output["logits"].sum(1) - y).square().mean()

    model, x = drawn(Two()), inputs(4)
    expected = oracles.gradient_of_c(model, x, LABELS, loss)
    for name, g in sl.connection_gradient(model, x, LABELS, loss=loss).items():
        torch.testing.assert_close(g, expected[name])
    with pytest.raises(TypeError, match=r"the model returned a dict \(logits, inputs\).*pass loss="):
        sl.connection_gradient(model, x, LABELS)


# Left as found


class Awkward(nn.Module):
    """A module with a trace for everything that scoring could leave behind."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(4, 5, num_layers=2, dropout=0.3, batch_first=True)
        self.norm = nn.BatchNorm1d(5)
        self.frozen = nn.BatchNorm1d(5, track_running_stats=False).eval()
        self.out = nn.Sequential(nn.Dropout(), nn.Linear(5, CLASSES))
        self.out[1].bias.requires_grad_(False)
        self.register_buffer("calls", torch.zeros(1))
        self.register_buffer("mean", torch.zeros(5))
        self.register_buffer("last", torch.zeros(5), persistent=False)
        self.register_buffer("nothing", None)

    def forward(self, x):
        h = self.frozen(self.norm(self.rnn(x)[0][:, -1]))
        self.calls += 1
        self.mean.mul_(0.9).add_(h.mean(0), alpha=0.1)  # in place, and with a graph
        self.last = h.detach().mean(0)
        self.out.register_buffer("late", h.detach())
        torch.rand(3)
        return self.out(h)


def awkward():
    model = drawn(Awkward())
    cross_entropy(model(inputs(5, 4, seed=5)), LABELS).backward()
    model.mean.detach_()
    model.out._buffers.clear()
    model.out[1].register_forward_hook(lambda *_: None)
    model.rnn.weight_hh_l0.register_hook(lambda g: g)
    return model


def state_of(model):
    """Everything that must not change: which objects there are, and copies of their values."""
    tensors = dict(model.named_parameters()) | {f"{n}.grad": p.grad for n, p in model.named_parameters()}
    for prefix, module in model.named_modules():
        tensors |= {f"{prefix}:{name}": buffer for name, buffer in module._buffers.items()}
    identity = {name: (id(t), None if t is None else (t._version, t.requires_grad)) for name, t in tensors.items()}
    modules = {
        name: (m.training, getattr(m, "dropout", None), len(m._forward_hooks), len(m._forward_pre_hooks))
        for name, m in model.named_modules()
    }
    hooks = {n: (p._backward_hooks, p._post_accumulate_grad_hooks) for n, p in model.named_parameters()}
    values = {name: t.detach().clone() for name, t in tensors.items() if t is not None}
    return identity, modules, hooks, values, torch.get_rng_state()


def fails(*_):
    raise RuntimeError("half-way")


def nth(function, wanted):
    """`function`, which fails when it is called for the `wanted`-th time."""
    calls = iter(range(1, 100))
    return lambda *args: fails() if next(calls) == wanted else function(*args)


GOOD = (inputs(5, 4), LABELS)
LOADER = DataLoader(TensorDataset(*GOOD), batch_size=4, shuffle=True)
SCORINGS = {
    "identity": lambda m: sl.connection_gradient(m, *GOOD),
    "batch": lambda m: sl.connection_gradient(m, *GOOD, batch_norm="batch"),
    "loader": lambda m: sl.snip(m, LOADER, sparsity=0.5),
    "random loss": lambda m: sl.connection_gradient(m, *GOOD, loss=lambda o, y: (o * torch.rand(1)).sum()),
    "no grad": torch.no_grad()(lambda m: sl.connection_gradient(m, *GOOD)),
    "inference mode": torch.inference_mode()(lambda m: sl.connection_gradient(m, *GOOD)),
    "loss fails": lambda m: sl.snip(m, *GOOD, sparsity=0.5, loss=fails),
    "second batch fails": lambda m: sl.connection_gradient(m, [GOOD, GOOD], loss=nth(cross_entropy, 2)),
    "labels out of range": lambda m: sl.connection_gradient(m, GOOD[0], LABELS + 1),
    "no such statistics": lambda m: sl.connection_gradient(m, *GOOD, batch_norm="running"),
}


@pytest.mark.parametrize("how", SCORINGS)
def test_scoring_leaves_the_model_as_it_was_found(how):
    model = awkward()
    before = state_of(model)
    try:
        SCORINGS[how](model)
        failed = False
    except (RuntimeError, ValueError):
        failed = True
    assert failed == (how.endswith("fails") or how in ("labels out of range", "no such statistics"))
    after = state_of(model)
    assert before[:3] == after[:3]
    torch.testing.assert_close(before[3:], after[3:], rtol=0, atol=0)


def test_scoring_ignores_what_the_buffers_hold():
    """Twice the same scores, though every forward pass writes into batch norm's statistics and other buffers."""
    model = awkward()
    first, second = (sl.connection_gradient(model, *GOOD) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


# Errors


def linear():
    return drawn(nn.Linear(4, CLASSES))


def dead():
    model = drawn(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, CLASSES)))
    with torch.no_grad():
        model[0].bias.fill_(-1e3)  # no hidden unit is ever on
        model[2].bias.zero_()
    return model


X = inputs(4)
ERRORS = {
    "empty batch": (linear, (X[:0], LABELS[:0]), {}, ValueError, "an empty batch"),
    "no batches": (linear, ([],), {}, ValueError, "no batches"),
    "an empty one among batches": (linear, ([(X, LABELS), (X[:0], LABELS[:0])],), {}, ValueError, "an empty batch"),
    "label too high": (linear, (X, LABELS + 1), {}, ValueError, "labels from 1 to 3, but the model has 3 classes"),
    "label negative": (linear, (X, LABELS - 1), {}, ValueError, "labels from -1 to 1"),
    "no labels": (linear, (X,), {}, TypeError, "labels are missing"),
    "labels twice": (linear, ([(X, LABELS)], LABELS), {}, TypeError, "y must be left out"),
    "a bare pair": (linear, ((X, LABELS),), {}, TypeError, r"x is one \(x, y\) pair"),
    "all frozen": (lambda: linear().requires_grad_(False), (X, LABELS), {}, ValueError, "nothing to prune"),
    "all refused": (linear, (X, LABELS), {"prunable": lambda *_: False}, ValueError, "nothing to prune"),
    "no parameter": (nn.ReLU, (X, LABELS), {}, ValueError, "nothing to prune"),
    "batch norm": (linear, (X, LABELS), {"batch_norm": "train"}, ValueError, "identity, batch, running, got 'train'"),
    "one logit": (
        lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
        (X, LABELS),
        {},
        TypeError,
        r"of shape \(7,\).*loss=",
    ),
    "detached": (linear, (X, LABELS), {"loss": lambda o, y: o.detach().sum()}, ValueError, "depends on no parameter"),
    "not finite": (linear, (X / 0, LABELS), {}, ValueError, "scores of 'weight' are not finite"),
    "dead": (dead, (X, LABELS), {}, ValueError, "all scores are 0: .* saturated or dead"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_errors_say_what_to_do(case):
    build, data, options, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        sl.connection_sensitivity(build(), *data, **options)
    with pytest.raises(error, match=message):
        sl.snip(build(), *data, sparsity=0.5, **options)


def arguments(function, *, without=()):
    return [str(p) for p in inspect.signature(function).parameters.values() if p.name not in without]


def test_the_three_functions_take_the_same_arguments():
    """Masks to score at are for scores alone: `snip` prunes once, and in rounds `prune` does."""
    assert arguments(sl.connection_sensitivity) == arguments(sl.connection_gradient)
    assert arguments(sl.snip, without=["sparsity"]) == arguments(sl.connection_gradient, without=["at"])


def test_every_argument_reaches_the_scores_from_each_of_the_three():
    model, x = drawn(Experts()), inputs(4)
    at = {"experts.0.weight": torch.eye(CLASSES, 4).bool()}
    scores = sl.connection_sensitivity(model, x, LABELS, at=at)
    gradient = sl.connection_gradient(model, x, LABELS, at=at)
    total = sum(g.abs().sum() for g in gradient.values())
    assert all(torch.allclose(score, gradient[name].abs() / total) for name, score in scores.items())
    with pytest.raises(TypeError, match="unexpected keyword argument 'sparsity'"):
        sl.connection_sensitivity(model, x, LABELS, sparsity=0.5)


def test_the_examples_in_the_documentation_run():
    for module in (sensitivity, words, kinds):
        assert doctest.testmod(module).failed == 0


def test_scores_of_few_bits_are_divided_by_a_sum_of_more():
    """What is off is the rounding of each score, which is as often up as down, and not that of their sum."""
    for seed in range(5):
        layer = sl.init.initialize_(nn.Linear(300, 400, bias=False), "vs-l", generator=seed).to(torch.bfloat16)
        x = torch.randn(50, 300, generator=torch.Generator().manual_seed(seed)).to(torch.bfloat16)
        scores = sl.connection_sensitivity(layer, x, torch.arange(50))
        assert abs(float(scores["weight"].double().sum()) - 1) < 6e-4
