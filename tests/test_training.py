"""Recipes and the trainer: against the update rules written out, interrupted anywhere, and computed in other ways."""

import copy
import dataclasses
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

import snip_lib as sl
from snip_lib.data import batch_indices, flip_and_shift
from snip_lib.seeds import generator
from snip_lib.training import Trainer, evaluation
from snip_lib.training.execution import Execution
from snip_lib.training.recipes import RECIPES, Recipe
from snip_lib.training.step import clip_

SHORT = Recipe(iterations=24, batch_size=32, learning_rate=0.05, schedule="linear", warmup=0.25, evaluations=6)


@pytest.fixture(scope="module")
def digits():
    data = sl.data.load("digits")
    small = {"train_x": data.train_x[:1000], "train_y": data.train_y[:1000]}
    return dataclasses.replace(data, **small, valid_x=data.valid_x[:600], valid_y=data.valid_y[:600])


@pytest.fixture(scope="module")
def pictures():
    data = sl.data.load("cifar10-sample")
    return dataclasses.replace(data, test_x=data.test_x[:100], test_y=data.test_y[:100])


def lenet(seed=0, **options):
    return sl.models.build("lenet-300-100", generator=seed, **options)


def pruned(data, sparsity=0.9):
    model = lenet()
    return model, sl.snip(model, data.train_x[:100], data.train_y[:100], sparsity=sparsity)


def small_conv_net():
    """Convolution, batch norm and a linear layer: what the modern networks are made of."""
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(15), nn.Flatten(), nn.Linear(4, 10)
    )
    return sl.init.initialize_(model, "vs-l", generator=0)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


# Recipes


def test_paper_recipes_decay_where_the_paper_says():
    mnist, cifar = RECIPES["paper-mnist"], RECIPES["paper-cifar10"]
    assert [mnist.rate(i) for i in (0, 24_999, 25_000, 50_000)] == pytest.approx([0.1, 0.1, 0.01, 0.001])
    assert [cifar.rate(i) for i in (0, 29_999, 30_000, 60_000)] == pytest.approx([0.1, 0.1, 0.01, 0.001])
    assert mnist.shortened(1_000).rate(249) == 0.1
    assert mnist.shortened(1_000).rate(250) == pytest.approx(0.01)


@given(
    iterations=st.integers(2, 500),
    warmup=st.sampled_from([0, 0.1, 0.3, 0.9]),
    schedule=st.sampled_from(["cosine", "linear"]),
)
def test_one_cycle_rises_to_the_stated_rate_and_falls_towards_zero(iterations, warmup, schedule):
    recipe = Recipe(iterations=iterations, batch_size=1, learning_rate=0.3, schedule=schedule, warmup=warmup)
    rates = [recipe.rate(i) for i in range(iterations)]
    peak = rates.index(max(rates))
    assert peak == min(round(warmup * iterations), iterations - 1)
    assert rates[peak] == 0.3
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rates[-1] > 0
    assert recipe.rate(iterations) == pytest.approx(0)


@given(iterations=st.integers(1, 1000), evaluations=st.integers(1, 50))
def test_evaluations_are_evenly_spaced_and_end_with_the_last_iteration(iterations, evaluations):
    points = Recipe(iterations=iterations, batch_size=1, learning_rate=1, evaluations=evaluations).evaluated()
    assert len(points) == min(iterations, evaluations)
    assert points[-1] == iterations
    gaps = [b - a for a, b in zip([0, *points], points, strict=False)]
    assert max(gaps) - min(gaps) <= 1
    assert min(gaps) >= 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"optimizer": "sdg"},
        {"schedule": "cosin"},
        {"iterations": 0},
        {"boundaries": (0.5, 0.2)},
        {"boundaries": (0.5, 1.0)},
        {"boundaries": (0.5,), "schedule": "linear"},
        {"warmup": 1.0},
        {"clip": 0.0},
    ],
)
def test_bad_recipes_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Recipe(**{"iterations": 10, "batch_size": 10, "learning_rate": 0.1} | wrong)


# One step, written out


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_are_momentum_sgd_without_decay_of_batch_norm(pictures, nesterov):
    recipe = dataclasses.replace(SHORT, weight_decay=0.01, nesterov=nesterov, label_smoothing=0.1, augment=True)
    model = small_conv_net()
    by_hand = copy.deepcopy(model)
    trainer = Trainer(model, pictures, recipe, seed=3)
    velocity = {name: 0.0 for name, _ in by_hand.named_parameters()}
    for i in range(4):
        indices = batch_indices(len(pictures.train_x), 32, i, seed=3)
        x = flip_and_shift(pictures.train_x[indices], generator=generator(3, "augment", i))
        log_p = by_hand(x).log_softmax(1)
        wanted = 0.9 * nn.functional.one_hot(pictures.train_y[indices], 10) + 0.1 / 10
        loss = -(wanted * log_p).sum(1).mean()
        assert float(trainer.step()) == pytest.approx(loss.item(), rel=1e-5)
        gradients = torch.autograd.grad(loss, list(by_hand.parameters()))
        with torch.no_grad():
            for (name, p), g in zip(by_hand.named_parameters(), gradients, strict=True):
                g = g + (0.0 if name.startswith("1.") else 0.01) * p  # "1" is the batch norm
                velocity[name] = 0.9 * velocity[name] + g
                p -= recipe.rate(i) * (g + 0.9 * velocity[name] if nesterov else velocity[name])
    for (name, p), q in zip(model.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_masked_training_is_training_of_c_times_w(digits, optimizer):
    recipe = dataclasses.replace(SHORT, optimizer=optimizer, learning_rate=0.01)
    model, masks = pruned(digits)
    weights = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    Trainer(model, digits, recipe, seed=1, masks=masks).run(until=12)
    kind = torch.optim.SGD if optimizer == "sgd" else torch.optim.Adam
    options = {"momentum": 0.9} if optimizer == "sgd" else {}
    explicit = kind(list(weights.values()), lr=0.01, weight_decay=5e-4, **options)
    for i in range(12):
        indices = batch_indices(1000, 32, i, seed=1)
        explicit.param_groups[0]["lr"] = recipe.rate(i)
        explicit.zero_grad()
        product = {name: masks[name] * w for name, w in weights.items()}
        cross_entropy(functional_call(lenet(), product, (digits.train_x[indices],)), digits.train_y[indices]).backward()
        explicit.step()
    for name, p in model.named_parameters():
        assert bool((p[~masks[name]] == 0).all()), name
        torch.testing.assert_close(p, masks[name] * weights[name], rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("longest", [0.5, 1e6])
def test_clipping_equals_torch(longest):
    model, other = small_conv_net(), small_conv_net()
    for net in (model, other):
        (100 * net(torch.ones(2, 3, 32, 32)).square().mean()).backward()
    clip_(list(model.parameters()), longest)
    nn.utils.clip_grad_norm_(other.parameters(), longest)
    for p, q in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad)


def test_a_recipe_that_clips_takes_shorter_steps(digits):
    length = {}
    for clip in (None, 1e-3):
        model = lenet()
        Trainer(model, digits, dataclasses.replace(SHORT, clip=clip, weight_decay=0.0), seed=0).step()
        moved = [(p - q).square().sum().item() for p, q in zip(model.parameters(), lenet().parameters(), strict=True)]
        length[clip] = sum(moved) ** 0.5
    assert length[1e-3] == pytest.approx(1e-3 * SHORT.rate(0), rel=1e-2)
    assert length[None] > 10 * length[1e-3]


# Measuring


def test_evaluation_and_loss_are_what_they_say(digits):
    recipe = dataclasses.replace(SHORT, evaluations=8)
    losses, errors, model = [], [], lenet()
    trainer = Trainer(model, digits, recipe, seed=0)
    result = trainer.run()
    again = Trainer(lenet(), digits, recipe, seed=0)
    for _ in range(24):
        losses.append(float(again.step()))
        with torch.no_grad():
            answers = again.model(digits.valid_x).softmax(1).argmax(1)
        errors.append(float((answers != digits.valid_y).double().mean()))
    assert result.valid_error == [[i, pytest.approx(errors[i - 1])] for i in recipe.evaluated()]
    assert [loss for _, loss in result.loss] == pytest.approx([sum(losses[i - 3 : i]) / 3 for i in recipe.evaluated()])
    assert len(result.last_test_errors) == 5
    assert result.test_error == sl.error_rate(model, digits.test_x, digits.test_y)
    assert result.best_test_error == min(result.last_test_errors)
    assert result.iterations == 24
    assert result.seconds > 0


def test_error_rate_counts_and_keeps_the_mode(pictures):
    model = small_conv_net().train()
    rate = sl.error_rate(model, pictures.test_x, pictures.test_y, batch_size=7)
    assert model.training
    model.eval()
    wrong = sum(int(model(x[None]).argmax()) != int(y) for x, y in zip(pictures.test_x, pictures.test_y, strict=True))
    assert rate == wrong / 100


# Repeating, interrupting, resuming


def test_two_runs_of_one_seed_are_equal_to_the_bit_and_another_seed_is_not(digits):
    models = [lenet(), lenet(), lenet()]
    results = [sl.train(m, digits, SHORT, seed=seed) for m, seed in zip(models, (0, 0, 1), strict=True)]
    assert same(models[0], models[1])
    assert results[0].valid_error == results[1].valid_error
    assert results[0].loss == results[1].loss
    assert not same(models[0], models[2])


class Interrupting:
    """Says stop at the questions whose numbers it was given, and counts them all."""

    def __init__(self, *numbers):
        self.numbers, self.asked = numbers, 0

    def __call__(self):
        self.asked += 1
        return self.asked in self.numbers


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_resumed_anywhere_a_run_ends_as_an_undisturbed_one(digits, optimizer):
    recipe = dataclasses.replace(SHORT, optimizer=optimizer, learning_rate=0.01)
    model, masks = pruned(digits)
    count = Interrupting()
    whole = Trainer(model, digits, recipe, seed=2, masks=masks)
    whole.run(stop=count)
    # 24 steps, six evaluations of three batches of the validation set, five of four batches of the test set
    # (and the question after the last batch of each)
    assert count.asked == 24 + 6 * 3 + 5 * 4 + 6
    part, stops = Trainer(pruned(digits)[0], digits, recipe, seed=2, masks=masks), 0
    while not part.finished:
        part.run(stop=Interrupting(12))
        state, stops = copy.deepcopy(part.state_dict()), stops + 1
        part = Trainer(lenet(seed=5), digits, recipe, seed=2, masks=masks)  # other weights: the state brings its own
        part.load_state_dict(state)
    assert stops > 4
    assert same(part.model, model)
    expected = dataclasses.replace(whole.result, seconds=part.result.seconds)
    assert part.result == expected


def test_an_evaluation_cut_short_goes_on_in_the_same_trainer(digits):
    model, other = lenet(), lenet()
    whole, halting = Trainer(model, digits, SHORT, seed=0), Trainer(other, digits, SHORT, seed=0)
    expected = whole.run()
    runs = 0
    while not halting.finished:
        halting.run(stop=Interrupting(2))  # one batch of training or of evaluation at a time
        runs += 1
    assert runs == 24 + 6 * 3 + 5 * 4 + 6
    assert halting.result == dataclasses.replace(expected, seconds=halting.result.seconds)
    assert same(model, other)


def test_run_until_stops_there_and_goes_on(digits):
    model, other = lenet(), lenet()
    parts = Trainer(model, digits, SHORT, seed=0)
    assert parts.run(until=8).valid_error[-1][0] == 8  # the evaluation that belongs to the iteration is made
    assert parts.iteration == 8
    assert not parts.finished
    parts.run()
    Trainer(other, digits, SHORT, seed=0).run()
    assert same(model, other)
    assert parts.finished


# Divergence


def test_divergence_is_reported_at_the_step_it_happened_however_rarely_one_looks(digits):
    recipe = dataclasses.replace(SHORT, iterations=200, learning_rate=1e12, evaluations=2)
    by_hand = Trainer(lenet(), digits, recipe, seed=0)
    first = next(i for i in range(1, 200) if not math.isfinite(float(by_hand.step())))
    for look_every in (1, 7, 1000):
        trainer = Trainer(lenet(), digits, recipe, seed=0)
        trainer.look_every = look_every
        result = trainer.run()
        assert result.diverged == {"iteration": first, "learning_rate": recipe.rate(first - 1)}
        assert result.iterations == first
        assert trainer.finished
        assert math.isnan(result.test_error)
        assert math.isnan(result.best_test_error)
        assert result.summary() == f"diverged at iteration {first}, learning rate {recipe.rate(first - 1):g}"


def test_looking_rarely_changes_nothing_else(digits):
    model, other = lenet(), lenet()
    often, rarely = Trainer(model, digits, SHORT, seed=0), Trainer(other, digits, SHORT, seed=0)
    rarely.look_every = 7
    assert often.run() == dataclasses.replace(rarely.run(), seconds=often.result.seconds)
    assert same(model, other)


# The screen


def test_without_progress_nothing_is_printed(digits, capsys):
    sl.train(lenet(), digits, SHORT, seed=0)
    assert capsys.readouterr() == ("", "")


def test_static_progress_is_one_plain_line(digits, capsys):
    result = sl.train(lenet(), digits, SHORT, seed=0, progress=True)
    error, test = (f"{100 * e:.2f} %" for e in (result.valid_error[-1][1], result.test_error))
    assert capsys.readouterr() == (f"24 iterations, validation error {error}, test error {test}\n", "")


def test_progress_shows_loss_error_and_time_left(digits, capsys, monkeypatch):
    monkeypatch.delenv("SNIP_STATIC")
    result = sl.train(lenet(), digits, SHORT, seed=0, progress=True)
    out, screen = capsys.readouterr()
    last = screen.rpartition("\r")[2]
    assert out == ""
    assert "24/24" in last
    assert f"error {100 * result.valid_error[-1][1]:.2f} %" in last
    sl.train(lenet(), digits, dataclasses.replace(SHORT, learning_rate=1e12), seed=0, progress=True)
    assert "diverged at iteration" in capsys.readouterr().err.rpartition("\r")[2]


def test_progress_shows_the_loss_between_evaluations(digits):
    trainer = Trainer(lenet(), digits, SHORT, seed=0)
    trainer.run(until=4)
    losses = [float(trainer.step()) for _ in range(3)]
    trainer._look()
    assert trainer.standing() == f"loss {sum(losses) / 3:.3f}, error {100 * trainer.result.valid_error[-1][1]:.2f} %"


# Computed in other ways


EVERYTHING = Execution(autocast=True, channels_last=True, fused=True, compile="aot_eager")


@pytest.mark.parametrize(
    ("optimizer", "execution", "rtol"),
    [
        ("sgd", Execution(channels_last=True), 1e-4),
        ("sgd", Execution(fused=True), 1e-4),
        ("sgd", Execution(autocast=True), 1e-2),
        ("sgd", Execution(compile="aot_eager"), 1e-4),
        ("adam", EVERYTHING, 3e-2),
        pytest.param("sgd", dataclasses.replace(EVERYTHING, compile="inductor"), 3e-2, marks=pytest.mark.slow),
    ],
)
def test_every_execution_gives_the_same_losses_and_holds_the_mask(pictures, optimizer, execution, rtol):
    torch._dynamo.reset()  # a process keeps what other tests have compiled
    recipe = dataclasses.replace(SHORT, augment=True, optimizer=optimizer, learning_rate=0.01, clip=1.0)
    losses = {}
    for how in (Execution(), execution):
        model = small_conv_net()
        masks = sl.snip(model, pictures.train_x[:50], pictures.train_y[:50], sparsity=0.5)
        trainer = Trainer(model, pictures, recipe, seed=0, masks=masks, execution=how)
        losses[how] = [float(trainer.step()) for _ in range(6)]
        assert trainer.step().dtype == torch.float32
        for name, p in model.named_parameters():
            assert p.dtype == torch.float32
            assert name not in masks or bool((p[~masks[name]] == 0).all()), name
        result = trainer.run()
        assert not result.diverged
        assert 0 < result.test_error < 1
    assert losses[execution] == pytest.approx(losses[Execution()], rel=rtol)


def test_a_compiled_step_sees_the_learning_rate_change_and_resumes(digits):
    recipe = dataclasses.replace(SHORT, schedule="steps", boundaries=(0.5,), decay=0.0, weight_decay=0.0, warmup=0.0)
    compiled = Execution(compile="aot_eager")
    model, other = lenet(), lenet()
    Trainer(model, digits, recipe, seed=0, execution=compiled).run(until=12)
    trainer = Trainer(other, digits, recipe, seed=0, execution=compiled)
    trainer.run(until=9)
    resumed = Trainer(other, digits, recipe, seed=0, execution=compiled)
    resumed.load_state_dict(trainer.state_dict())
    resumed.run()  # from iteration 12 on the rate is 0, so nothing moves any more
    assert same(model, other)


def test_a_compiled_step_is_not_compiled_again_for_the_next_seed(digits):
    torch._dynamo.reset()
    counts = []
    for seed in range(3):
        trainer = Trainer(lenet(seed), digits, SHORT, seed=seed, execution=Execution(compile="aot_eager"))
        for _ in range(4):
            trainer.step()
        counts.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert counts[2] - counts[1] <= counts[1] - counts[0]


@pytest.mark.parametrize("flags", ["avx512_bf16", "fpu"])
def test_bfloat16_is_granted_on_a_cpu_that_multiplies_in_it(monkeypatch, flags):
    monkeypatch.setattr("snip_lib.training.execution._processor", lambda: f"flags : {flags}")
    assert Execution.on("cpu", "bfloat16") == Execution(autocast=flags == "avx512_bf16")


def test_execution_is_plain_on_a_cpu_and_says_what_it_cannot_do(digits):
    assert Execution.on("cpu") == Execution()
    assert Execution.on("cuda", "bfloat16") == Execution(autocast=True, channels_last=True, fused=True)
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16"):
        Execution.on("cpu", "float16")
    with pytest.raises(ValueError, match="a CUDA graph needs a CUDA device"):
        Trainer(lenet(), digits, SHORT, seed=0, execution=Execution(graph=True))
    with pytest.raises(ValueError, match="the data is on cpu, the model on meta"):
        Trainer(lenet().to("meta"), digits, SHORT, seed=0)


@pytest.mark.parametrize("autocast", [False, True])
def test_a_weight_that_changes_between_two_passes_is_seen_by_the_second(autocast):
    """No cast of a weight is kept: a captured or compiled step goes on with the weights as they are."""
    layer, x = torch.nn.Linear(4, 4, bias=False), torch.ones(2, 4)
    with Execution(autocast=autocast).precision(torch.device("cpu")):
        before = layer(x)
        with torch.no_grad():
            layer.weight.mul_(2)
        after = layer(x)
    assert before.dtype == after.dtype == (torch.bfloat16 if autocast else torch.float32)
    assert torch.equal(after, 2 * before)


def test_the_line_on_a_training_ends_with_the_last_test_error():
    result = evaluation.Result(iterations=1200, seconds=1.0, loss=[], valid_error=[[600, 0.5], [1200, 0.25]])
    result = dataclasses.replace(result, last_test_errors=[0.75, 0.5, 0.125])
    assert result.summary() == "1,200 iterations, validation error 25.00 %, test error 12.50 %"
