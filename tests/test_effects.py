"""Every field of a run and of a recipe has its effect, or is refused, or is set to its default where it has none.

So one computation has one name. The exception is `score_init` set to the scheme of the trained weights, which Table 3's
stored records name beside None.
"""

import dataclasses
import functools
import hashlib

import pytest
import torch

from snip_lib import criteria, runner
from snip_lib.runner.job import Job
from snip_lib.runner.units import Unit
from snip_lib.studies.run import Run
from snip_lib.training import execution
from snip_lib.training.recipes import Recipe

RECIPE = Recipe(iterations=6, batch_size=20, learning_rate=0.1, evaluations=2)
RUN = Run("digits", "lenet-300-100", 0.9, RECIPE, 0)
OTHER = {
    "data": "cifar10-sample",
    "network": "lenet-5-caffe",
    "sparsity": 0.8,
    "seed": 1,
    "criterion": "magnitude",
    "init": "vs-h",
    "std": 0.2,
    "score_init": "vs-x",
    "score_std": 0.2,
    "redraw": False,
    "batch_norm": "batch",
    "pruning_batch": 50,
    "split_seed": 1,
    "labels": "random",
    "layout": "channels-last",
    "control": "shuffled",
    "pretrain": 1,
    "biases": "kept",
    "validation": "trained",
    "repair": "scale",
    "pruning_label": 3,
}
OTHER_RECIPE = {
    "iterations": 7,
    "batch_size": 21,
    "learning_rate": 0.2,
    "optimizer": "adam",
    "momentum": 0.5,
    "nesterov": True,
    "weight_decay": 0.01,
    "schedule": "linear",
    "boundaries": (0.3,),
    "decay": 0.5,
    "warmup": 0.5,
    "augment": True,
    "label_smoothing": 0.1,
    "clip": 0.1,
    "evaluations": 3,
}
RUNS = {
    "as it is": RUN,
    "dense": dataclasses.replace(RUN, sparsity=0),
    "drawn once": dataclasses.replace(RUN, redraw=False),
    "normal": dataclasses.replace(RUN, init="rn", std=0.1),
    "scored normal": dataclasses.replace(RUN, score_init="tn", score_std=0.1),
    "convolutions": dataclasses.replace(RUN, network="lenet-5-caffe"),
    **{f"by {name}": dataclasses.replace(RUN, criterion=name) for name in criteria.CRITERIA if name != "snip"},
}
RECIPES = {
    "as it is": RECIPE,
    "Adam": dataclasses.replace(RECIPE, optimizer="adam", learning_rate=0.01),
    "falling": dataclasses.replace(RECIPE, schedule="cosine"),
    "steps": dataclasses.replace(RECIPE, boundaries=(0.5,)),
    "without momentum": dataclasses.replace(RECIPE, momentum=0.0),
}
ELSEWHERE = {"recipe", "threads", "dtype"}  # fields that are tested by themselves, below


@functools.cache
def outcome(run):
    """A hash of the masks, the trained weights, the layout they are in, and when the network was evaluated."""
    job, told = Job(Unit((run,)), "cpu"), hashlib.sha256()
    result = job.trainer.run()
    while not job.finished:
        job.go_on()
        result = job.trainer.run()
    for part in (*job.models[0].parameters(), *(job.masks[0] or {}).values()):
        told.update(str((part.shape, part.stride())).encode())
        told.update(part.detach().contiguous().numpy().tobytes())
    told.update(str([at for at, _ in result.valid_error]).encode())
    return told.hexdigest()


def check(run, change):
    """`change` makes a run that is refused, or the same one, or one of another name and outcome."""
    try:
        changed = change(run)
    except ValueError:  # refused; with which words, test_studies and the test of recipes below say
        return
    if changed.name == run.name:
        assert changed == run
    else:
        assert outcome(changed) != outcome(run), f"{run.name} and {changed.name} are one computation"


def test_every_field_is_tried():
    assert {f.name for f in dataclasses.fields(Run)} == set(OTHER) | ELSEWHERE
    assert {f.name for f in dataclasses.fields(Recipe)} == set(OTHER_RECIPE)


@pytest.mark.parametrize("field", OTHER)
@pytest.mark.parametrize("name", RUNS)
def test_a_choice_of_a_run_has_its_effect_or_is_none(name, field):
    if (name, field) == ("by synflow", "score_init"):
        pytest.skip("a layer's scale multiplies all scores alike, so that variance scaling by other fans scores alike")
    check(RUNS[name], lambda run: dataclasses.replace(run, **{field: OTHER[field]}))


@pytest.mark.parametrize("field", OTHER_RECIPE)
@pytest.mark.parametrize("name", RECIPES)
def test_a_choice_of_a_recipe_has_its_effect_or_is_none(name, field):
    run = dataclasses.replace(RUN, recipe=RECIPES[name])
    value = {field: OTHER_RECIPE[field]}
    check(run, lambda run: dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, **value)))


# Where a field must have its effect: without these, refusing everything would do.
WITH = {"std": "normal", "score_std": "scored normal", "layout": "convolutions", "pretrain": "drawn once"}
WITH_RECIPE = {"decay": "steps"}


@pytest.mark.parametrize("field", sorted(set(OTHER) - {"batch_norm", "split_seed"}))  # those: below, test_runner_seeds
def test_every_choice_of_a_run_has_an_effect_somewhere(field):
    run = RUNS[WITH.get(field, "as it is")]
    changed = dataclasses.replace(run, **{field: OTHER[field]})
    assert changed.name != run.name
    assert outcome(changed) != outcome(run)


@pytest.mark.parametrize("field", sorted(OTHER_RECIPE))
def test_every_choice_of_a_recipe_has_an_effect_somewhere(field):
    run = dataclasses.replace(RUN, recipe=RECIPES[WITH_RECIPE.get(field, "as it is")])
    changed = dataclasses.replace(run, recipe=dataclasses.replace(run.recipe, **{field: OTHER_RECIPE[field]}))
    assert changed.name != run.name
    assert outcome(changed) != outcome(run)


@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_batch_norm_while_scoring_is_the_runs(batch_norm):
    """Fresh statistics are those of the identity but for ε, so "running" moves a mask hardly, and "batch" far."""
    run = dataclasses.replace(RUN, data="cifar10-sample", network="resnet-20", sparsity=0.95, pruning_batch=16)
    masks = [Job(Unit((one,)), "cpu").masks[0] for one in (run, dataclasses.replace(run, batch_norm=batch_norm))]
    assert (masks[0].jaccard(masks[1]) < 0.5) == (batch_norm == "batch")


@pytest.mark.parametrize("count", [1, 2])
def test_threads_are_the_runs_while_it_runs(count):
    seen, before = [], torch.get_num_threads()
    run = dataclasses.replace(RUN, threads=count)
    runner.execute(run, stop=lambda: seen.append(torch.get_num_threads()))
    assert set(seen) == {count}
    assert torch.get_num_threads() == before


def test_precision_is_the_runs(monkeypatch):
    """On a processor that says it multiplies in bfloat16; any processor can, if slowly."""
    monkeypatch.setattr(execution, "_processor", lambda: "flags : avx512_bf16")
    wishes = [dataclasses.replace(RUN, dtype=dtype, sparsity=0) for dtype in ("float32", "bfloat16")]
    jobs = [Job(Unit((run,)), "cpu") for run in wishes]
    assert [job.trainer.execution.computed for job in jobs] == ["float32, plain", "bfloat16, plain"]
    losses = [float(job.trainer.step()) for job in jobs]
    assert 0 < abs(losses[0] - losses[1]) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"momentum": 1.0},
        {"momentum": -0.1},
        {"momentum": 0.0, "nesterov": True},
        {"weight_decay": -1e-4},
        {"weight_decay": float("nan")},
        {"decay": -0.1},
        {"decay": float("inf")},
        {"label_smoothing": 1.0},
        {"label_smoothing": -0.1},
        {"clip": float("nan")},
        {"iterations": 2.5},
        {"batch_size": True},
        {"evaluations": "3"},
    ],
)
def test_a_recipe_refuses_what_is_out_of_range(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        dataclasses.replace(RECIPE, **wrong)
