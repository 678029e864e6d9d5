"""Neighbours of inputs that failed once: other wrappers, optimizers, copies and states of torch of the same kind."""

import copy
import io

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import snip_lib as sl

X, Y = torch.randn(20, 12, generator=torch.Generator().manual_seed(0)), torch.arange(20) % 4
pytestmark = pytest.mark.filterwarnings("ignore::snip_lib.ZeroScoreWarning")
OF_DATA = ("snip", "gradient", "grasp", "obd", "synflow", "signed")


def mlp(seed=1):
    return sl.init.initialize_(nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 4)), "vs-l", generator=seed)


def pruned_are_zero(model, masks):
    parameters = dict(model.named_parameters())
    return all(not parameters[name][~mask].any() for name, mask in masks.items())


def train(model, optimizer, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(model(X), Y).backward()
        optimizer.step()


class Sharded(nn.Module):
    """As FullyShardedDataParallel keeps the model."""

    def __init__(self, model):
        super().__init__()
        self._fsdp_wrapped_module = model

    def forward(self, x):
        return self._fsdp_wrapped_module(x)


WRAPPERS = {
    "an average": AveragedModel,
    "data parallel": nn.DataParallel,
    "sharded": Sharded,
    "compiled": lambda model: torch.compile(model, backend="eager"),
    "two": lambda model: nn.DataParallel(torch.compile(model, backend="eager")),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_inside_a_wrapper_parameters_have_the_models_own_names(name):
    """Scored, scored at masks, pruned, held: as without it, and the masks fit both."""
    plain, wrapped = mlp(), WRAPPERS[name](mlp())
    masks = sl.snip(plain, X, Y, sparsity=0.7)
    assert sl.snip(wrapped, X, Y, sparsity=0.7) == masks
    for criterion in ("snip", "grasp", "synflow", "magnitude"):
        options = {"sparsity": 0.7, "criterion": criterion, "rounds": 2, "revive": True}
        assert sl.prune(wrapped, X, Y, **options) == sl.prune(plain, X, Y, **options)
    assert masks.effective(wrapped, X) == masks.effective(plain, X)
    optimizer = torch.optim.SGD(wrapped.parameters(), lr=0.1, momentum=0.9)
    masks.hold(wrapped, optimizer)
    train(wrapped, optimizer)
    assert [int((p != 0).sum()) <= int(masks[n].sum()) for n, p in masks.parameters_of(wrapped).items()] == [True] * 4


def test_a_moving_average_of_a_held_model_stays_sparse_and_is_trained_by_nobody():
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    masks.hold(model, optimizer)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in range(3):
        train(model, optimizer, 1)
        average.update_parameters(model)
    assert pruned_are_zero(average.module, masks)
    assert not torch.equal(average.module[0].weight, model[0].weight)
    copied = copy.deepcopy(average)
    assert pruned_are_zero(copied.module, masks)


OPTIMIZERS = {
    "fused Adam": lambda p: torch.optim.AdamW(p, weight_decay=0.1, fused=True),
    "foreach AMSGrad": lambda p: torch.optim.Adam(p, amsgrad=True, foreach=True),
    "RMSprop": lambda p: torch.optim.RMSprop(p, momentum=0.9, centered=True),
    "Adagrad from 1": lambda p: torch.optim.Adagrad(p, initial_accumulator_value=1.0),
    "averaged SGD": lambda p: torch.optim.ASGD(p, lambd=0.1),
    "Rprop": torch.optim.Rprop,
    "Adadelta": torch.optim.Adadelta,
    "NAdam": torch.optim.NAdam,
    "RAdam": torch.optim.RAdam,
    "maximised": lambda p: torch.optim.SGD(p, lr=0.1, maximize=True, nesterov=True, momentum=0.9),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_keeps_what_is_pruned_at_zero_and_trains_the_rest(name):
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.7)
    optimizer = OPTIMIZERS[name](model.parameters())
    masks.hold(model, optimizer)
    before = copy.deepcopy(model.state_dict())
    train(model, optimizer)
    assert pruned_are_zero(model, masks)
    assert not torch.equal(model[0].weight, before["0.weight"])


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_an_optimizer_with_a_closure_minimises_the_loss_of_what_is_kept(search):
    """LBFGS asks for the loss many times a step, each time with weights that the hook has not seen."""
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.5)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, line_search_fn=search)
    masks.hold(model, optimizer)
    seen = []

    def closure():
        optimizer.zero_grad()
        loss = cross_entropy(model(X), Y)
        loss.backward()
        seen.append(pruned_are_zero(model, masks))
        return loss

    first = float(optimizer.step(closure).detach())
    last = float(optimizer.step(closure).detach())
    assert last < first
    assert all(seen)


def test_a_group_that_is_added_later_is_masked_too():
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.7)
    optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1, momentum=0.9)
    masks.hold(model, optimizer)
    optimizer.add_param_group({"params": model[2].parameters(), "weight_decay": 0.1})
    train(model, optimizer)
    assert pruned_are_zero(model, masks)


def test_holding_twice_ends_when_the_last_is_released():
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.7)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first, second = masks.hold(model, optimizer), masks.hold(model, optimizer)
    first.release()
    train(model, optimizer)
    assert pruned_are_zero(model, masks)
    second.release()
    assert not any(p._post_accumulate_grad_hooks for p in model.parameters())


def test_a_held_model_in_a_file_and_in_a_part_of_a_state_stays_pruned():
    model = mlp()
    masks = sl.snip(model, X, Y, sparsity=0.7)
    masks.hold(model, torch.optim.SGD(model.parameters(), lr=0.1))
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    read = torch.load(file, weights_only=False)
    train(read, torch.optim.SGD(read.parameters(), lr=0.1, momentum=0.9))
    assert pruned_are_zero(read, masks)
    dense = {**mlp(2).state_dict(), "more": torch.ones(1)}
    with pytest.raises(RuntimeError, match="Unexpected key"):
        model.load_state_dict(dense)
    assert pruned_are_zero(model, masks)
    model[0].load_state_dict(mlp(3)[0].state_dict())
    assert pruned_are_zero(model, masks)


def test_layouts_of_memory_change_neither_masks_nor_what_is_held():
    plain = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    plain = sl.init.initialize_(plain, "vs-h", generator=0)
    x, y = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 4
    last = copy.deepcopy(plain).to(memory_format=torch.channels_last)
    masks = sl.snip(plain, x, y, sparsity=0.6)
    other = sl.snip(last, x.to(memory_format=torch.channels_last), y, sparsity=0.6)
    assert masks.jaccard(other) > 0.98  # sums in another order may exchange two scores at the edge
    optimizer = torch.optim.SGD(last.parameters(), lr=0.1, momentum=0.9)
    other.hold(last, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        cross_entropy(last(x), y).backward()
        optimizer.step()
    assert pruned_are_zero(last, other)
    assert other.shuffled(generator=0).counts() == other.counts()


def lazy():
    return nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(4))


@pytest.mark.parametrize(
    "use",
    [
        lambda masks: sl.snip(lazy(), X, Y, sparsity=0.5),
        lambda masks: sl.prune(lazy(), X, Y, sparsity=0.5, criterion="synflow"),
        lambda masks: sl.criteria.magnitude(lazy()),
        lambda masks: sl.init.initialize_(lazy(), "vs-l", generator=0),
        lambda masks: masks.apply_(lazy()),
        lambda masks: masks.hold(lazy()),
        lambda masks: masks.effective(lazy(), X),
    ],
)
def test_what_has_no_shape_yet_is_named(use):
    masks = sl.snip(mlp(), X, Y, sparsity=0.5)
    with pytest.raises(ValueError, match="'0.weight' has no shape yet: run a batch through the model first"):
        use(masks)


@pytest.mark.parametrize("criterion", OF_DATA)
def test_a_model_of_inference_mode_is_told_and_a_call_within_it_works(criterion):
    plain = mlp()
    expected = sl.prune(plain, X, Y, sparsity=0.5, criterion=criterion)
    with torch.inference_mode():
        made = mlp()
        assert sl.prune(plain, X, Y, sparsity=0.5, criterion=criterion) == expected
        assert pruned_are_zero(expected.apply_(made), expected)
    with pytest.raises(ValueError, match="'0.weight' was made in inference mode .*: make the model outside"):
        sl.prune(made, X, Y, sparsity=0.5, criterion=criterion)


class Keyed(nn.Linear):
    def forward(self, batch):
        return super().forward(batch["x"])


@pytest.mark.parametrize(
    ("criterion", "model", "x", "message"),
    [
        ("obd", Keyed(12, 4), {"x": X}, "one by one, from tensors .n, ….*a dict .x. and a tensor of shape .20,."),
        ("synflow", Keyed(12, 4), {"x": X}, "must be a tensor of real numbers, not a dict .x."),
        (
            "synflow",
            nn.EmbeddingBag(50, 4),
            torch.ones(20, 3).long(),
            "must be a tensor of real numbers, not torch.int64",
        ),
    ],
)
def test_a_criterion_says_which_inputs_it_cannot_take(criterion, model, x, message):
    with pytest.raises(TypeError, match=message):
        sl.prune(model, x, Y, sparsity=0.5, criterion=criterion, prunable=lambda *_: True)
    assert sl.prune(model, x, Y, sparsity=0.5, criterion="gradient", prunable=lambda *_: True).kept


@pytest.mark.parametrize("criterion", sl.criteria.CRITERIA)
def test_no_default_of_torch_reaches_a_mask(criterion):
    """Neither its default device nor its default type, which a program may have set for its own tensors."""
    model, options = mlp(), {"sparsity": 0.5, "criterion": criterion, "generator": 0}
    expected = sl.prune(model, X, Y, **options)
    try:
        torch.set_default_dtype(torch.float64)
        with torch.device("meta"):
            found = sl.prune(model, X, Y, **options)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found == expected


def test_graphs_of_a_model_are_scored_as_it_is():
    model = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 4))
    expected = sl.snip(model, X, Y, sparsity=0.5)
    assert sl.snip(torch.fx.symbolic_trace(model), X, Y, sparsity=0.5) == expected
    assert sl.snip(torch.export.export(model.eval(), (X,)).module(), X, Y, sparsity=0.5) == expected


FEW_ROWS = [(c, layer) for c in ("snip", "gradient", "grasp", "obd") for layer in (nn.Embedding, nn.EmbeddingBag)]


@pytest.mark.parametrize(("criterion", "layer"), [pair for pair in FEW_ROWS if pair != ("grasp", nn.EmbeddingBag)])
def test_a_gradient_of_few_rows_gives_the_masks_of_the_full_one(criterion, layer):
    tokens = torch.arange(60).view(20, 3) % 30
    made = []
    for sparse in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(layer(50, 4, sparse=sparse), nn.Flatten(), nn.LazyLinear(4))
        model(tokens)
        made.append(sl.prune(model, tokens, Y, sparsity=0.5, criterion=criterion, prunable=lambda *_: True))
        assert model[0].sparse == sparse
    assert made[0] == made[1]


def test_what_torch_cannot_differentiate_twice_is_said():
    model = nn.Sequential(nn.EmbeddingBag(50, 4), nn.Linear(4, 4))
    with pytest.raises(ValueError, match="torch has none for the network .*embedding_bag.*: use another criterion"):
        sl.criteria.grasp(model, torch.arange(60).view(20, 3) % 30, Y, prunable=lambda *_: True)


class Attention(nn.Module):
    """Torch's own attention, or the same written out, which can be differentiated as often as one likes."""

    def __init__(self, plain):
        super().__init__()
        self.plain, self.qkv, self.out = plain, nn.Linear(4, 12), nn.Linear(4, 4)

    def forward(self, x):
        q, k, v = self.qkv(x.view(-1, 3, 4)).chunk(3, -1)
        weights = (q @ k.mT / 2).softmax(-1)
        return self.out((weights @ v if self.plain else scaled_dot_product_attention(q, k, v)).mean(1))


@pytest.mark.parametrize("criterion", ["snip", "grasp", "obd", "synflow"])
def test_attention_has_the_scores_of_the_same_written_out(criterion):
    scores = []
    for plain in (False, True):
        torch.manual_seed(0)
        scores.append(sl.criteria.named(criterion)(Attention(plain), X, Y))
    for name, score in scores[0].items():
        torch.testing.assert_close(score, scores[1][name], rtol=1e-3, atol=1e-7)
