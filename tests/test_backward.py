"""Gradients that arise inside a backward function: the scores of the plain network, and nothing left in `.grad`."""

import warnings

import oracles
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import snip_lib as sl
from snip_lib.scoring import backward

N, WIDTH, CLASSES = 10, 6, 3
LABELS = torch.arange(N) % CLASSES


class Recomputed(torch.autograd.Function):
    """What reversible networks do: recompute in the backward pass, and run a backward pass of one's own there."""

    @staticmethod
    def forward(ctx, x, block):
        ctx.block = block
        ctx.save_for_backward(x)
        return block(x).detach()

    @staticmethod
    def backward(ctx, gradient):
        x = ctx.saved_tensors[0].detach().requires_grad_()
        with torch.enable_grad():
            ctx.block(x).backward(gradient)
        return x.grad, None


class StraightThrough(torch.autograd.Function):
    """An ordinary custom function: what it is given is all it has a gradient for."""

    @staticmethod
    def forward(ctx, x):
        return x.round(decimals=2)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


HIDING = {
    "reentrant checkpointing": lambda block, x: checkpoint(block, x, use_reentrant=True),
    "segments": lambda block, x: checkpoint_sequential(block, 2, x, use_reentrant=True),
    "reversible": lambda block, x: Recomputed.apply(x, block),
    "other checkpointing": lambda block, x: checkpoint(block, x, use_reentrant=False),
}
PLACES = ("first", "middle", "last", "all")
pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True")  # torch's, of the first


class Net(nn.Module):
    """Three blocks; those at `places` go through `hiding`, in the plain network none."""

    def __init__(self, hiding=None, place=None):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Dropout())
        self.middle = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.BatchNorm1d(WIDTH), nn.Tanh())
        self.last = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, CLASSES))
        self.hiding, self.place = hiding, place
        source = torch.Generator().manual_seed(0)
        for p in self.parameters():
            nn.init.normal_(p, generator=source)

    def forward(self, x):
        for name in ("first", "middle", "last"):
            block = getattr(self, name)
            x = self.hiding(block, x) if self.place in (name, "all") else block(x)
        return x


def batch(seed=1):
    return torch.randn(N, WIDTH, generator=torch.Generator().manual_seed(seed)), LABELS


def same(found, expected):
    assert list(found) == list(expected)
    for name in expected:
        torch.testing.assert_close(found[name], expected[name])
    return True


@pytest.fixture(autouse=True)
def nothing_is_called_unreached():
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*does not reach")
        yield


@pytest.mark.parametrize("needs", [False, True], ids=["plain inputs", "inputs that need a gradient"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", HIDING)
def test_a_hidden_block_has_the_scores_of_the_plain_network(how, place, needs):
    expected = sl.connection_gradient(Net(), *batch())
    reference = oracles.gradient_of_c(Net().eval(), *batch())
    assert same(expected, {name: reference[name] for name in expected})
    model, (x, y) = Net(HIDING[how], place), batch()
    x.requires_grad_(needs)
    assert same(sl.connection_gradient(model, x, y), expected)
    assert x.grad is None
    assert all(p.grad is None for p in model.parameters())
    plain = sl.snip(Net(), x, y, sparsity=0.5)
    assert sl.snip(model, x, y, sparsity=0.5) == plain


@pytest.mark.parametrize("how", HIDING)
def test_batches_and_masks_reach_into_the_hidden_block(how):
    batches = [(x[:n], y[:n]) for n, (x, y) in ((10, batch(1)), (3, batch(2)), (5, batch(3)))]
    at = sl.Masks({name: torch.rand_like(p) < 0.5 for name, p in Net().named_parameters() if p.ndim > 1})
    model, plain = Net(HIDING[how], "all"), Net()
    assert same(sl.connection_gradient(model, batches, at=at), sl.connection_gradient(plain, batches, at=at))
    whole = tuple(torch.cat(parts) for parts in zip(*batches, strict=True))  # 18 examples, each counted once
    assert same(sl.connection_gradient(model, batches), sl.connection_gradient(plain, *whole))


@pytest.mark.parametrize("place", ["first", "middle"])
@pytest.mark.parametrize("how", HIDING)
def test_gradients_and_hooks_of_the_user_stay_and_stay_silent(how, place):
    """`.grad` is the same tensor with the same numbers; a hook that would step an optimizer is not called."""
    model, (x, y), called = Net(HIDING[how], place), batch(), []
    x.requires_grad_()
    x.grad = torch.ones_like(x)
    for p in model.parameters():
        p.grad = torch.full_like(p, 7)
        p.register_post_accumulate_grad_hook(called.append)
    before = [p.grad for p in model.parameters()]
    sl.connection_gradient(model, [(x, y), (x, y)])
    assert not called
    assert all(p.grad is grad and bool((grad == 7).all()) for p, grad in zip(model.parameters(), before, strict=True))
    assert bool((x.grad == 1).all())
    cross_entropy(model(x), y).backward()  # the hooks are still there
    assert len(called) == sum(1 for _ in model.parameters()) or place == "middle"
    assert called


def test_a_held_model_is_scored_as_it_is():
    """The hooks of `hold` mask the gradients of training, and no scores."""
    model, (x, y) = Net(HIDING["reversible"], "middle"), batch()
    masks = sl.Masks({name: torch.rand_like(p) < 0.5 for name, p in model.named_parameters() if p.ndim > 1})
    plain = Net()
    masks.apply_(plain)
    with masks.hold(model, torch.optim.SGD(model.parameters(), 0.1)):
        assert same(sl.connection_gradient(model, x, y), sl.connection_gradient(plain, x, y))
        cross_entropy(model(x), y).backward()
        assert not model.middle[0].weight.grad[~masks["middle.0.weight"]].any()


@pytest.mark.parametrize("how", HIDING)
def test_a_weight_used_inside_and_outside_gets_both_parts(how):
    def tied(*args):
        model = Net(*args)
        model.last[0].weight = model.first[0].weight
        return model

    for place in ("first", "last"):
        assert same(
            sl.connection_gradient(tied(HIDING[how], place), *batch()), sl.connection_gradient(tied(), *batch())
        )


def test_an_error_in_the_inner_pass_leaves_nothing_behind():
    class Fails(Recomputed):
        @staticmethod
        def backward(ctx, gradient):
            Recomputed.backward(ctx, gradient)
            raise RuntimeError("half-way")

    model = Net(lambda block, x: Fails.apply(x, block), "middle")
    model.first[0].weight.grad = kept = torch.ones(WIDTH, WIDTH)
    with pytest.raises(RuntimeError, match="half-way"):
        sl.snip(model, *batch(), sparsity=0.5)
    assert model.first[0].weight.grad is kept
    assert kept.unique().tolist() == [1]
    assert model.middle[0].weight.grad is None


def test_a_function_that_hides_nothing_changes_nothing():
    """Its backward is the identity, so the scores are those of the loss's slope at the rounded values."""
    model = nn.Sequential(nn.Linear(WIDTH, CLASSES))
    x, y = batch()
    output = model(x)
    rounded = output.detach().round(decimals=2).requires_grad_()
    cross_entropy(rounded, y).backward()
    expected = torch.autograd.grad(output, model[0].weight, rounded.grad)[0] * model[0].weight.detach()
    model.append(type("Through", (nn.Module,), {"forward": lambda _, x: StraightThrough.apply(x)})())
    torch.testing.assert_close(sl.connection_gradient(model, x, y)["0.weight"], expected)


def test_inputs_in_a_dictionary_reach_a_checkpointed_first_block():
    class Named(Net):
        def forward(self, x):
            return super().forward(x["pixels"])

    x, y = batch()
    model = Named(HIDING["reentrant checkpointing"], "first")
    assert same(sl.connection_gradient(model, {"pixels": x, "n": N}, y), sl.connection_gradient(Net(), x, y))


def test_a_model_may_write_into_its_inputs_when_they_are_made_to_need_a_gradient():
    class Centred(Net):
        def forward(self, x):
            return super().forward(x.clone().sub_(1) if self.place is None else x.sub_(1))

    x, y = batch()
    expected = sl.connection_gradient(Centred(), x, y)
    model = Centred(HIDING["reentrant checkpointing"], "first")
    model.unused = nn.Linear(2, 2).requires_grad_(False)
    found = sl.connection_gradient(model, [(x.clone(), y)])
    assert list(found) == list(expected)


def test_a_graph_is_walked_once_whatever_its_paths():
    """2^60 paths through 60 nodes."""
    value = torch.ones(1, requires_grad=True)
    for _ in range(60):
        value = value + value
    assert sum(1 for _ in backward._nodes(value)) == 61


def test_what_is_used_without_gradients_is_said_to_be_unreached():
    class Extractor(Net):
        def forward(self, x):
            with torch.no_grad():
                x = self.first(x)
            return self.last(self.middle(x))

    with pytest.raises(UserWarning, match="does not reach first.0.weight, first.0.bias: scored 0"):
        sl.connection_gradient(Extractor(), *batch())


class Frozen(nn.Module):
    """Its first block is checkpointed, and what that is given needs no gradient, whatever the inputs are."""

    def __init__(self, first):
        super().__init__()
        self.first, self.block, self.last = first, nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        return self.last(checkpoint(self.block, self.first(x), use_reentrant=True).relu())


class Rows:
    """Inputs in an object of the user's own, in which no tensors are looked for."""

    def __init__(self, x):
        self.x = x


class FirstOf(nn.Module):
    def forward(self, rows):
        return rows.x


UNRECORDED = {
    "tokens": (lambda: nn.Sequential(nn.Embedding(9, WIDTH), nn.Flatten()), torch.arange(N)[:, None] % 9),
    "a frozen embedding": (lambda: nn.Sequential(nn.Embedding(9, WIDTH), nn.Flatten()), torch.arange(N)[:, None] % 9),
    "a detached part": (lambda: Detached(), torch.arange(N * WIDTH).view(N, WIDTH) / 10.0),
    "an object": (FirstOf, Rows(torch.arange(N * WIDTH).view(N, WIDTH) / 10.0)),
}


class Detached(nn.Module):
    def forward(self, x):
        return x.detach()


@pytest.mark.parametrize("what", UNRECORDED)
def test_a_checkpoint_that_records_no_gradient_is_said_with_its_remedy(what):
    """Training would leave the block as it is, too, and the remedy that the warning names gives it its scores."""
    first, x = UNRECORDED[what]
    torch.manual_seed(0)
    model = Frozen(first().requires_grad_(False))
    with pytest.warns(UserWarning, match="where block.weight is used: in a checkpoint, pass use_reentrant=False"):
        found = sl.connection_gradient(model, [(x, LABELS)])
    assert not found["block.weight"].any()
    assert not any(module._forward_pre_hooks for module in model.modules())
    plain = nn.Sequential(model.first, model.block, nn.ReLU(), model.last)
    expected = sl.connection_gradient(plain, [(x, LABELS)])
    assert torch.equal(found["last.weight"], expected["3.weight"])
    assert expected["1.weight"].any()
