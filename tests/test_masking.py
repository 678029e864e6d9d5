"""Controls in the mask's place, pruning after training, and what else a run trains on."""

import dataclasses
import warnings

import pytest
import torch
from records_made import RECIPE, RUN
from torch import nn

from snip_lib import criteria, data, pruning, runner, studies
from snip_lib.pruning import keep_count
from snip_lib.records import Records
from snip_lib.runner import job
from snip_lib.runner.job import Job
from snip_lib.runner.masking import REDRAWN, network, seen_by, sparsity_after
from snip_lib.runner.units import Unit, units
from snip_lib.training import Trainer

DIGITS = data.load("digits")
AFTER = dataclasses.replace(RUN, criterion="magnitude", redraw=False, pretrain=2, recipe=RECIPE.shortened(20))


def masks(**changes):
    """The masks of RUN with such fields."""
    return job.prune(dataclasses.replace(RUN, **changes), DIGITS)[0]


def scores():
    """What RUN ranks."""
    batch = data.pruning_batch(DIGITS, RUN.pruning_batch, seed=RUN.seed)
    return criteria.snip(network(RUN, DIGITS, "score weights"), *batch)


@pytest.mark.parametrize("control", ["shuffled", "inverted", "magnitude"])
@pytest.mark.parametrize("criterion", ["snip", "random"])
@pytest.mark.parametrize("biases", ["pruned", "kept"])
def test_a_control_keeps_as_many_of_each_tensor_elsewhere(control, criterion, biases):
    own = masks(criterion=criterion, biases=biases)
    other = masks(criterion=criterion, biases=biases, control=control)
    assert other.counts() == own.counts()
    assert other.jaccard(own) < 0.5


@pytest.mark.parametrize(("control", "kept", "lost"), [("other-inputs", 1, 0), ("other-units", 0, 1)])
@pytest.mark.parametrize("network", ["lenet-300-100", "lenet-5-caffe"])
def test_a_first_layer_dealt_anew_keeps_the_numbers_of_its_units_or_of_its_inputs(control, kept, lost, network):
    own, dealt = masks(network=network), masks(network=network, control=control)
    first = "fc1.weight" if network == "lenet-300-100" else "conv1.weight"
    assert {name for name in own if not own[name].equal(dealt[name])} == {first}
    before, after = own[first].flatten(1), dealt[first].flatten(1)
    assert before.sum(kept).equal(after.sum(kept))
    assert not before.sum(lost).equal(after.sum(lost))
    assert dealt == masks(network=network, control=control)
    assert dealt != masks(network=network, control=control, seed=1)


def test_a_mask_of_one_class_is_that_of_its_examples():
    x, y = data.pruning_batch(DIGITS, len(DIGITS.train_x), seed=RUN.seed)
    threes = x[y == 3][: RUN.pruning_batch], y[y == 3][: RUN.pruning_batch]
    expected = pruning.snip(network(RUN, DIGITS, "score weights"), *threes, sparsity=RUN.sparsity)
    assert masks(pruning_label=3) == expected
    assert masks(pruning_label=3) != masks()


def test_a_shuffled_mask_is_drawn_by_the_seed_and_meets_the_own_one_by_chance():
    own, shuffled = masks(), masks(control="shuffled")
    assert shuffled == masks(control="shuffled")
    assert shuffled != masks(control="shuffled", seed=1)
    both = {name: int((own[name] & shuffled[name]).sum()) for name in own}
    for name, count in both.items():  # within six deviations of a hypergeometric count
        kept, size = own.counts()[name], own[name].numel()
        share = kept / size
        assert abs(count - kept * share) <= 6 * (kept * share * (1 - share) ** 2) ** 0.5 + 1e-9


def test_an_inverted_mask_keeps_the_lowest_scores_apart_from_its_own_as_far_as_there_is_room():
    own, inverted = masks(), masks(control="inverted")
    for name, score in scores().items():
        kept, size = own.counts()[name], score.numel()
        assert int((own[name] & inverted[name]).sum()) <= max(0, 2 * kept - size) or not bool(score.any())
        if 0 < kept < size:
            assert score[inverted[name]].max() <= score[~inverted[name]].min()


def test_a_redrawn_mask_is_that_of_other_weights_and_another_batch():
    assert masks(control="redrawn") == masks(seed=REDRAWN)
    assert masks(control="redrawn", redraw=False) == masks(seed=REDRAWN, redraw=False)
    trained = [job.prune(dataclasses.replace(RUN, control=control), DIGITS)[1] for control in ("none", "redrawn")]
    assert torch.equal(trained[0].fc1.weight, trained[1].fc1.weight)


def test_magnitude_within_layers_keeps_the_largest_of_the_trained_weights():
    run = dataclasses.replace(RUN, control="magnitude")
    found, model = job.prune(run, DIGITS)
    sizes = model.fc1.weight.abs()
    assert sizes[found["fc1.weight"]].min() >= sizes[~found["fc1.weight"]].max()


@pytest.mark.parametrize("control", ["none", "inverted", "magnitude"])
@pytest.mark.parametrize("sparsity", [0.001, 0.9999])
def test_of_empty_layers_and_dead_pixels_a_run_says_nothing(sparsity, control):
    """A sweep would print a line for each of hundreds of runs; the record names the layers that were left empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = masks(sparsity=sparsity, control=control)
    assert bool(found.empty_layers()) == (sparsity > 0.99)
    if control == "none" and sparsity < 0.5:
        assert int(sum((score == 0).sum() for score in scores().values())) > found.total - found.kept  # some were kept


def test_biases_that_are_kept_are_neither_masked_nor_counted_and_are_trained():
    run = dataclasses.replace(RUN, biases="kept")
    one = Job(Unit((run,)), "cpu")
    assert list(one.masks[0]) == ["fc1.weight", "fc2.weight", "fc3.weight"]
    assert one.masks[0].kept == keep_count(266_200, 0.9)
    one.trainer.run()
    assert bool((one.models[0].fc1.bias != 0).any())


def test_the_validation_examples_are_trained_on_where_the_run_says_so_and_the_mask_stays():
    run = dataclasses.replace(RUN, validation="trained")
    seen = seen_by(run, DIGITS)
    assert len(seen.train_x) == len(seen.train_y) == len(DIGITS.train_x) + len(DIGITS.valid_x)
    assert torch.equal(seen.train_x[-1], DIGITS.valid_x[-1])
    assert torch.equal(seen.test_x, DIGITS.test_x)
    assert masks(validation="trained") == masks()


def test_rounds_leave_the_same_share_each_time():
    left = [1 - sparsity_after(done, 3, 0.999) for done in range(4)]
    assert left == pytest.approx([1, 0.1, 0.01, 0.001])
    assert sparsity_after(3, 3, 0.917) == 0.917


def test_pruning_after_training_is_training_pruning_and_training_again():
    """The loop of Han et al., written out with the library's parts."""
    model, kept = network(AFTER, DIGITS, "train weights"), None
    for sparsity in (None, sparsity_after(1, 2, 0.9), 0.9):
        if sparsity:
            kept = pruning.prune(
                model, *data.pruning_batch(DIGITS, 100, seed=0), sparsity=sparsity, criterion="magnitude"
            )
        result = Trainer(model, DIGITS, AFTER.recipe, seed=0, masks=kept).run()
    metrics = runner.execute(AFTER)
    assert metrics["test_error"] == result.test_error
    assert metrics["kept"] == keep_count(266_610, 0.9)
    assert metrics["iterations"] == 3 * AFTER.recipe.iterations


def test_what_is_pruned_once_stays_pruned():
    one = Job(Unit((AFTER,)), "cpu")
    seen = []
    while not one.finished:
        one.trainer.run()
        if not one.finished:
            one.go_on()
            seen.append(one.masks[0])
    assert seen[1].kept < seen[0].kept
    assert all(not bool((seen[1][name] & ~seen[0][name]).any()) for name in seen[0])


@pytest.mark.parametrize("calls", [2, 24, 30, 47])
def test_a_run_stopped_in_any_of_its_trainings_ends_as_an_unbroken_one(tmp_path, calls):
    asked, options = iter(range(calls)), {"profile": "smoke", "records": Records(tmp_path)}
    stopped = runner.record(AFTER, "lwc", stop=lambda: next(asked, None) is None, **options)
    assert stopped == "stopped"
    assert runner.record(AFTER, "lwc", **options) == "recorded"
    (record,), _ = Records(tmp_path).read("lwc")
    times = {"seconds", "scoring_seconds"}
    unbroken = runner.execute(AFTER)
    assert {k: v for k, v in record["metrics"].items() if k not in times} == {
        k: v for k, v in unbroken.items() if k not in times
    }


def test_the_progress_of_earlier_trainings_is_not_told_as_the_last_ones():
    told = []
    runner.execute(AFTER, report=told.append)
    assert max(told) <= AFTER.recipe.iterations
    one = Job(Unit((AFTER,)), "cpu")
    one.trainer.run()
    assert one.iteration == 0


def test_one_that_diverges_before_it_is_pruned_ends_there():
    wild = dataclasses.replace(AFTER, recipe=dataclasses.replace(AFTER.recipe, learning_rate=1e9))
    metrics = runner.execute(wild)
    assert metrics["diverged"]
    assert metrics["test_error"] is None


def test_what_changes_examples_or_length_is_trained_alone():
    changes = [{"pretrain": 1, "redraw": False}, {"biases": "kept"}, {"validation": "trained"}, {"labels": "random"}]
    alone = [dataclasses.replace(RUN, **change) for change in changes]
    controls = [dataclasses.replace(RUN, control=control) for control in ("shuffled", "inverted")]
    made = units([RUN, *alone, *controls], together=9)
    assert [unit.runs for unit in made] == [(RUN, *controls), *((run,) for run in alone)]


def test_a_run_in_words_says_its_control():
    assert ", control shuffled" in runner.describe(dataclasses.replace(RUN, control="shuffled"))
    assert ", pretrain 2" in runner.describe(AFTER)


def test_controls_know_convolutions_and_batch_norm():
    run = dataclasses.replace(RUN, data="cifar10-sample", network="resnet-20", sparsity=0.95)
    sample = data.load("cifar10-sample")
    own = job.prune(run, sample)[0]
    for control in ("shuffled", "inverted", "magnitude"):
        other, model = job.prune(dataclasses.replace(run, control=control), sample)
        assert other.counts() == own.counts()
        assert isinstance(model, nn.Module)


def test_the_rows_called_by_another_criterion_have_its_numbers_per_layer_and_nothing_of_its_places():
    """And none of them an empty layer, which no choice of places would fill."""
    rows = [row for row in studies.named("controls").rows("smoke") if row.key["mask"].startswith("shuffled ")]
    assert {row.key["mask"].split()[1] for row in rows} == {"grasp", "magnitude", "synflow"}
    for row in rows:
        assert row.key["mask"] == f"shuffled {row.run.criterion}"
        drawn, own = (job.prune(run, DIGITS)[0] for run in (row.run, dataclasses.replace(row.run, control="none")))
        assert drawn.counts() == own.counts()
        assert not own.empty_layers()
        assert abs(drawn.jaccard(own) - drawn.jaccard_by_chance(own)) < 0.02
