"""Holding: all or nothing, with the optimizers, wrappers, losses and copies that users bring."""

import copy
import io
import math
import pickle

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.pruning import holding

X, Y = torch.randn(20, 12, generator=torch.Generator().manual_seed(1)), torch.arange(20) % 4


def network(dtype=torch.float32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4)).to(dtype)


def masks_for(model):
    g = torch.Generator().manual_seed(2)
    return sl.Masks({name: torch.rand(p.shape, generator=g) < 0.3 for name, p in model.named_parameters()})


def sgd(parameters, **options):
    return torch.optim.SGD(parameters, **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1} | options)


def pruned(model, masks):
    return torch.cat([model.get_parameter(name).detach()[~mask] for name, mask in masks.items()])


def backward(model):
    model.zero_grad()
    cross_entropy(model(X.to(next(model.parameters()).dtype)), Y).backward()


def hooks(model, *optimizers):
    """How many hooks of any kind the model's parts and the optimizers carry."""
    found = sum(len(p._post_accumulate_grad_hooks or ()) for p in model.parameters())
    for module in model.modules():
        found += len(module._load_state_dict_pre_hooks) + len(module._load_state_dict_post_hooks)
    return found + sum(len(optimizer._optimizer_step_post_hooks) for optimizer in optimizers)


class Wrapper:
    """What Accelerate, schedulers and many others are: no torch optimizer, but with one inside."""

    def __init__(self, inner, attribute):
        setattr(self, attribute, inner)
        self.inner = inner

    def step(self):
        self.inner.step()


class Lookahead(Wrapper):
    """Moves the weights once more after its optimizer's step, towards those it remembers."""

    def __init__(self, inner):
        super().__init__(inner, "optimizer")
        self.slow = [p.detach().clone() for group in inner.param_groups for p in group["params"]]

    @torch.no_grad()
    def step(self):
        self.inner.step()
        for p, slow in zip((p for group in self.inner.param_groups for p in group["params"]), self.slow, strict=True):
            p.add_(slow, alpha=0.5)


class Uninitialized(torch.optim.Optimizer):
    """A subclass that forwards everything and never calls the constructor of its base, as Accelerate's."""

    def __init__(self, inner):
        self.optimizer = inner

    @property
    def param_groups(self):
        return self.optimizer.param_groups

    def step(self, closure=None):
        return self.optimizer.step(closure)


def with_old_momentum(optimizer):
    """The same optimizer, remembering dense steps: without masks its next step moves every weight."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            optimizer.state[p]["momentum_buffer"] = torch.ones_like(p)
    return optimizer


# Which optimizers


@pytest.mark.parametrize(
    "wrap",
    [
        lambda o: o,
        lambda o: [o],
        lambda o: (o, o),
        lambda o: Wrapper(o, "optimizer"),
        lambda o: Wrapper(o, "base_optimizer"),
        lambda o: Wrapper(Wrapper(o, "optimizer"), "base_optimizer"),
        lambda o: [Wrapper(o, "optimizer")],
        Lookahead,
        Uninitialized,
    ],
)
def test_optimizers_lists_and_wrappers_hold_and_let_go(wrap):
    model = network()
    inner = with_old_momentum(sgd(model.parameters()))
    given, masks = wrap(inner), masks_for(model)
    held = masks.hold(model, given)
    outer = given[0] if isinstance(given, (list, tuple)) else given
    for _ in range(3):
        backward(model)
        assert not any(model.get_parameter(name).grad[~mask].any() for name, mask in masks.items())
        outer.step()
        assert not pruned(model, masks).any()
    held.release()
    assert hooks(model, inner) == 0
    assert "step" not in vars(outer) or outer is inner  # torch's schedulers, too, put a step into the instance
    backward(model)
    outer.step()
    assert pruned(model, masks).any()


def test_two_optimizers_mask_their_own_parameters_each():
    model = network()
    masks = masks_for(model)
    first, second = (with_old_momentum(sgd(model[i].parameters())) for i in (0, 2))
    with masks.hold(model, [first, second]):
        backward(model)
        first.step()
        second.step()
        assert not pruned(model, masks).any()
    assert hooks(model, first, second) == 0


def test_parameters_given_to_the_optimizer_later_are_held():
    model = network()
    masks, optimizer = masks_for(model), sgd(model[2].parameters())
    with masks.hold(model, optimizer):
        optimizer.add_param_group({"params": list(model[0].parameters())})
        with_old_momentum(optimizer)
        backward(model)
        optimizer.step()
        assert not pruned(model, masks).any()


def strangers():
    model, other = network(), network()
    mine, stale = sgd(model.parameters()), sgd(other.parameters())
    norms = nn.Sequential(*model, nn.BatchNorm1d(4))
    return {
        "no optimizer": (model, Wrapper(mine, "o"), TypeError, "optimizer must be a torch.optim.Optimizer.*Wrapper"),
        "a list with none": (model, [mine, None], TypeError, "optimizer must be .* got NoneType"),
        "an empty list": (model, [], TypeError, "optimizer must be"),
        "parameters": (model, model.parameters(), TypeError, "optimizer must be"),
        "another model's": (model, stale, ValueError, "trains no parameter of this model"),
        "one of two another model's": (model, [mine, stale], ValueError, "trains no parameter of this model"),
        "wrapped, another model's": (model, Wrapper(stale, "optimizer"), ValueError, "trains no parameter of this"),
        "of what is not pruned": (norms, sgd(norms[3].parameters()), ValueError, "none of the parameters that the"),
    }


@pytest.mark.parametrize("kind", strangers())
def test_an_optimizer_that_does_not_belong_is_refused_and_nothing_is_left(kind):
    model, optimizer, error, message = strangers()[kind]
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(error, match=message):
        masks_for(network()).hold(model, optimizer)
    assert hooks(model) == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_failure_half_way_leaves_nothing(monkeypatch):
    """Whatever fails while hooks are set, those set before are taken away."""
    model = network()
    optimizer = sgd(model.parameters())

    def refuse(*_):
        raise MemoryError

    monkeypatch.setattr(nn.Module, "register_load_state_dict_post_hook", refuse)
    with pytest.raises(MemoryError):
        masks_for(model).hold(model, optimizer)
    assert hooks(model, optimizer) == 0


# What comes while training


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["sgd", "adam", "operations"])
def test_pruned_weights_are_0_whatever_the_gradients_are(dtype, bad, kind):
    model = network(dtype)
    masks = masks_for(model)
    optimizer = torch.optim.Adam(model.parameters()) if kind == "adam" else sgd(model.parameters())
    held = masks.hold(model, None if kind == "operations" else optimizer)
    backward(model)
    for p in model.parameters():
        p.grad.fill_(bad)  # after the hooks, as a scaler or a user's own line might
    if kind == "operations":
        held.mask_gradients_()
        assert not any(model.get_parameter(name).grad[~mask].any() for name, mask in masks.items())
        with torch.no_grad():
            for p in model.parameters():
                p.fill_(bad)
        held.mask_weights_()
    else:
        optimizer.step()
    assert not pruned(model, masks).any()
    kept = torch.cat([model.get_parameter(name).detach()[mask] for name, mask in masks.items()])
    assert not kept.isfinite().any()  # what is kept shows what happened


def test_kept_weights_and_gradients_stay_the_same_to_the_bit():
    values = torch.tensor([1.5, -0.0, 1e-45, -3e38, math.inf, math.nan, -math.nan, 0.0])
    weights, factor = values.clone(), torch.ones(8, dtype=torch.int32)
    holding._zero_([weights], [factor])
    assert torch.equal(weights.view(torch.int32), values.view(torch.int32))
    holding._zero_([weights], [factor * 0])
    assert torch.equal(weights.view(torch.int32), torch.zeros(8, dtype=torch.int32))  # +0.0, never -0.0


def test_a_gradient_that_another_hook_has_taken_away():
    """PyTorch's tutorial on stepping within the backward pass: each parameter's hook steps and drops the gradient."""
    model = network()
    masks, optimizers = masks_for(model), {p: sgd([p]) for p in model.parameters()}

    def step_now(parameter):
        optimizers[parameter].step()
        parameter.grad = None

    for p in model.parameters():
        p.register_post_accumulate_grad_hook(step_now)
    with masks.hold(model, sgd(model.parameters())):
        for _ in range(3):
            cross_entropy(model(X), Y).backward()
            assert not pruned(model, masks).any()
    with masks.hold(model, list(optimizers.values())):  # each steps while others' weights are still needed
        for _ in range(3):
            cross_entropy(model(X), Y).backward()
            assert not pruned(model, masks).any()


def test_what_is_frozen_when_it_is_held_may_be_unfrozen():
    model = network()
    masks, optimizer = masks_for(model), sgd(model.parameters())
    model[0].requires_grad_(False)
    with masks.hold(model, optimizer):
        assert not model[0].weight.requires_grad
        model[0].requires_grad_(True)
        backward(model)
        for name, mask in masks.items():
            assert not model.get_parameter(name).grad[~mask].any()  # what clipping and momentum see
            assert model.get_parameter(name).grad[mask].any()


def test_sparse_gradients():
    model = nn.Embedding(30, 8, sparse=True)
    masks, optimizer = masks_for(model), torch.optim.SparseAdam(model.parameters())
    with masks.hold(model, optimizer):
        for _ in range(3):
            model.zero_grad()
            model(torch.tensor([1, 5, 5])).square().sum().backward()
            assert model.weight.grad.is_sparse
            assert not model.weight.grad.to_dense()[~masks["weight"]].any()
            optimizer.step()
            assert not pruned(model, masks).any()


def test_a_model_moved_to_another_precision_stays_held():
    model = network()
    masks, optimizer = masks_for(model), sgd(model.parameters())
    with masks.hold(model, optimizer):
        for dtype in (torch.float64, torch.bfloat16):
            model.to(dtype)
            optimizer.state.clear()
            backward(model)
            with_old_momentum(optimizer).step()
            assert not pruned(model, masks).any()


# Loading, copying


def test_loaded_weights_are_masked_before_the_next_forward_pass():
    for load in (
        lambda model, state: model.load_state_dict(state),
        lambda model, state: nn.ModuleDict({"inner": model}).load_state_dict(
            {f"inner.{k}": v for k, v in state.items()}
        ),
        lambda model, state: model[0].load_state_dict({k[2:]: v for k, v in state.items() if k.startswith("0.")}),
        lambda model, state: model.load_state_dict({"0.weight": state["0.weight"]}, strict=False),
    ):
        model = network()
        dense, masks = copy.deepcopy(model.state_dict()), masks_for(model)
        held = masks.hold(model, sgd(model.parameters()))
        load(model, dense)
        assert not pruned(model, masks).any()
        held.release()
        load(model, dense)
        assert pruned(model, masks).any()


def test_assigning_other_parameters_is_refused_before_anything_is_loaded():
    model = network()
    masks, optimizer, fresh = masks_for(model), sgd(model.parameters()), network().state_dict()
    with masks.hold(model, optimizer) as held:
        before = copy.deepcopy(model.state_dict())
        with pytest.raises(RuntimeError, match=r"assign=True\) would replace parameters that are held"):
            model.load_state_dict(fresh, assign=True)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
        held.release()
        model.load_state_dict(fresh, assign=True)
    assert pruned(model, masks).any()


def test_a_parameter_that_was_replaced_is_said_at_the_next_step():
    model = network()
    masks, optimizer = masks_for(model), sgd(model.parameters())
    with masks.hold(model, optimizer):
        model[0].weight = nn.Parameter(torch.ones(16, 12))
        backward(model)
        with pytest.raises(RuntimeError, match="the model's '0.weight' was replaced, so it is not held any more"):
            optimizer.step()


@pytest.mark.parametrize("kind", ["deepcopy", "pickle", "torch.save", "averaged"])
@pytest.mark.parametrize("optimizer", [sgd, torch.optim.AdamW])
def test_the_hold_goes_along_with_a_copy_of_the_model(kind, optimizer):
    model = network()
    masks = masks_for(model)
    model[2].bias.requires_grad_(False)
    held, file = masks.hold(model, sgd([p for p in model.parameters() if p.requires_grad])), io.BytesIO()
    if kind == "torch.save":
        torch.save(model, file)
        file.seek(0)
    twin = {
        "deepcopy": lambda: copy.deepcopy(model),
        "pickle": lambda: pickle.loads(pickle.dumps(model)),
        "torch.save": lambda: torch.load(file, weights_only=False),
        "averaged": lambda: torch.optim.swa_utils.AveragedModel(model).module,
    }[kind]()
    assert [p.requires_grad for p in twin.parameters()] == [p.requires_grad for p in model.parameters()]
    theirs = optimizer(twin.parameters(), lr=0.1)
    for _ in range(3):
        backward(twin)
        theirs.step()
        assert not pruned(twin, masks).any()
    twin.load_state_dict(network().state_dict())
    assert not pruned(twin, masks).any()
    assert not pruned(model, masks).any()
    held.release()
    assert hooks(model) == 0
    assert hooks(copy.deepcopy(model)) == 0


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_the_two_operations_compile_into_a_step(backend):
    torch._dynamo.reset()  # what was compiled before in this process must not matter, nor this to what comes after
    model = network()
    masks, optimizer = masks_for(model), with_old_momentum(sgd(model.parameters()))
    held = masks.hold(model)
    assert hooks(model, optimizer) == 0

    @torch.compile(backend=backend)
    def masked():
        held.mask_gradients_()
        optimizer.step()
        held.mask_weights_()

    for _ in range(2):
        backward(model)
        masked()
        assert not pruned(model, masks).any()
        assert not any(model.get_parameter(name).grad[~mask].any() for name, mask in masks.items())
