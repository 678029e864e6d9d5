"""The state of a model while it is scored: losses of training mode, stored statistics of any norm, scripts."""

import oracles
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, dropout

import snip_lib as sl

N, CLASSES = 8, 3
LABELS = torch.arange(N) % CLASSES
X = torch.randn(N, 6, generator=torch.Generator().manual_seed(0))
PICTURES = torch.randn(N, 3, 8, 8, generator=torch.Generator().manual_seed(1))


class Detector(nn.Module):
    """As torchvision's detectors: a dictionary of losses in training mode, detections otherwise."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(0.9), nn.Linear(5, CLASSES))

    def forward(self, x):
        output = self.body(x)
        return {"loss": output.square().mean()} if self.training else [output.argmax(1)]


class Auxiliary(nn.Module):
    """As GoogLeNet: a second head in training mode."""

    def __init__(self):
        super().__init__()
        self.body, self.out, self.aux = nn.Linear(6, 5), nn.Linear(5, CLASSES), nn.Linear(5, CLASSES)

    def forward(self, x):
        h = self.body(x).relu()
        return (self.out(h), self.aux(h)) if self.training else self.out(h)


def both(output, y):
    if isinstance(output, tuple):
        return cross_entropy(output[0], y) + 0.3 * cross_entropy(output[1], y)
    return cross_entropy(output, y)


def test_a_loss_of_training_mode_alone_can_be_scored():
    model, loss = Detector().eval(), lambda output, _: output["loss"]
    with pytest.raises(TypeError):
        sl.connection_gradient(model, X, LABELS, loss=loss)
    found = sl.connection_gradient(model, X, LABELS, loss=loss, mode="train")
    model.body.eval()
    expected = oracles.gradient_of_c(model.body, X, LABELS, lambda output, _: output.square().mean())
    for name, g in found.items():
        torch.testing.assert_close(g, expected[name.removeprefix("body.")])
    assert not any(module.training for module in model.modules())
    masks = sl.snip(model, X, LABELS, sparsity=0.5, loss=loss, mode="train")
    assert masks.kept == oracles.kappa(masks.total, 0.5)


def test_an_auxiliary_head_is_scored_in_training_mode_and_named_otherwise():
    model = Auxiliary()
    with pytest.warns(UserWarning, match=r"does not reach aux.weight, aux.bias: scored 0; .*pass mode='train'"):
        sl.connection_gradient(model, X, LABELS, loss=both)
    expected = oracles.gradient_of_c(model.train(), X, LABELS, both)
    found = sl.connection_gradient(model, X, LABELS, loss=both, mode="train")
    assert expected["aux.weight"].any()
    for name, g in found.items():
        torch.testing.assert_close(g, expected[name])


class StochasticDepth(nn.Module):
    """Of a user's own, under the name that torchvision has for it."""

    def forward(self, x):
        return dropout(x, 0.9, self.training)


RANDOM = {
    "dropout": lambda: nn.Dropout(0.9),
    "alpha dropout": lambda: nn.AlphaDropout(0.9),
    "channels": lambda: nn.Sequential(nn.Unflatten(1, (5, 1)), nn.Dropout1d(0.9), nn.Flatten()),
    "slopes": nn.RReLU,
    "stochastic depth": StochasticDepth,
    "recurrent": lambda: Last(nn.LSTM(5, 5, num_layers=2, dropout=0.9)),
    "attention": lambda: Last(nn.MultiheadAttention(5, 1, dropout=0.9), times=3),
    "transformer": lambda: nn.TransformerEncoderLayer(5, 1, 5, dropout=0.9),
}


class Last(nn.Module):
    def __init__(self, module, times=1):
        super().__init__()
        self.module, self.times = module, times

    def forward(self, x):
        return self.module(*[x] * self.times)[0]


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("kind", RANDOM)
def test_nothing_is_dropped_in_either_mode(kind, mode):
    model = nn.Sequential(nn.Linear(6, 5), RANDOM[kind](), nn.Linear(5, CLASSES))
    rates = [vars(m).get("dropout") for m in model.modules()]
    first, second = (sl.connection_gradient(model, X, LABELS, mode=mode) for _ in range(2))
    plain = sl.connection_gradient(model.eval(), X, LABELS)
    for name in plain:
        assert torch.equal(first[name], second[name])
        torch.testing.assert_close(first[name], plain[name])
    assert [vars(m).get("dropout") for m in model.modules()] == rates


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "training"}, "mode must be one of eval, train, got 'training'; did you mean 'train'"),
        ({"mode": None}, "mode must be one of eval, train, got None"),
        ({"batch_norm": "identiti"}, "did you mean 'identity'"),
    ],
)
def test_an_unknown_state_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        sl.connection_gradient(Auxiliary(), X, LABELS, **options)


# Statistics

NORMS = {
    "batch": lambda: nn.BatchNorm2d(4),
    "synchronised": lambda: nn.SyncBatchNorm(4),
    "instance, tracked": lambda: nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
    "instance": lambda: nn.InstanceNorm2d(4, affine=True),
    "group": lambda: nn.GroupNorm(2, 4),
    "layer": lambda: nn.LayerNorm((4, 6, 6)),
}


def with_norm(kind):
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), NORMS[kind](), nn.Flatten(), nn.Linear(144, CLASSES))


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("statistics", ["identity", "batch"])
@pytest.mark.parametrize("kind", NORMS)
def test_scores_do_not_depend_on_stored_statistics(kind, statistics, mode):
    model, options = with_norm(kind), {"batch_norm": statistics, "mode": mode}
    fresh = sl.connection_gradient(model, PICTURES, LABELS, **options)
    for name, buffer in model.named_buffers():
        if "running" in name:
            buffer.fill_(9)
    later = sl.connection_gradient(model, PICTURES, LABELS, **options)
    assert all(torch.equal(fresh[name], later[name]) for name in fresh)
    assert all(bool((b == 9).all()) for name, b in model.named_buffers() if "running" in name)


@pytest.mark.parametrize("kind", NORMS)
def test_identity_is_a_fresh_network_in_evaluation_mode(kind):
    model = with_norm(kind)
    expected = oracles.gradient_of_c(model.eval(), PICTURES, LABELS)
    for name, g in sl.connection_gradient(model.train(), PICTURES, LABELS).items():
        torch.testing.assert_close(g, expected[name])


@pytest.mark.parametrize("kind", ["batch", "instance, tracked", "instance"])
def test_running_statistics_are_those_of_evaluation_mode(kind):
    model = with_norm(kind)
    model(PICTURES)
    expected = oracles.gradient_of_c(model.eval(), PICTURES, LABELS)
    for name, g in sl.connection_gradient(model.train(), PICTURES, LABELS, batch_norm="running").items():
        torch.testing.assert_close(g, expected[name])


# Scripts


@pytest.mark.filterwarnings("ignore:.*torch.jit")
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("make", [torch.jit.script, lambda m: torch.jit.trace(m.eval(), X)])
def test_a_scripted_model_is_refused_and_left_as_it_was(make, inside):
    model = make(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, CLASSES)))
    model = nn.Sequential(model, nn.Linear(CLASSES, CLASSES)) if inside else model
    modes, buffers = [m.training for m in model.modules()], [b.clone() for b in model.buffers()]
    with pytest.raises(TypeError, match="the model is scripted or traced.*score the model that it was made from"):
        sl.snip(model, X, LABELS, sparsity=0.5)
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), buffers, strict=True))


def test_what_forward_writes_into_plain_attributes_stays_as_documented():
    class Counting(nn.Linear):
        steps = 0

        def forward(self, x):
            self.steps += 1
            return super().forward(x)

    model = Counting(6, CLASSES)
    sl.connection_gradient(model, X, LABELS)
    assert model.steps == 1
    assert "Not what its forward pass writes into plain attributes" in sl.connection_gradient.__doc__
    assert "two threads" in sl.connection_gradient.__doc__
