"""What a run wishes to be computed in, what a device makes of it, and that it repeats."""

import pytest
import torch

from snip_lib import data, models, runner, studies
from snip_lib.records import provenance
from snip_lib.runner.units import Unit, units
from snip_lib.training import Execution, Recipe, Trainer
from snip_lib.training import execution as executions

SHORT = Recipe(iterations=3, batch_size=8, learning_rate=0.1, nesterov=True, augment=True, evaluations=1)


def wish(**options):
    return studies.Run("cifar10-sample", "alexnet-s", 0.9, SHORT, 1, pruning_batch=8, **options)


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_bf16 gfni", True),
        ("flags\t\t: fpu avx2 avx512f amx_bf16", True),
        ("Features\t: fp asimd bf16 i8mm", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("model name\t: avx512_bf16", False),
        ("", False),
    ],
)
def test_a_processor_has_bfloat16_when_its_flags_say_so(told, found):
    assert executions.processor_has_bfloat16(told) == found


@pytest.mark.parametrize(
    ("capability", "has"),
    [
        ((6, 0), False),
        ((7, 0), False),
        ((7, 5), False),
        ((8, 0), True),
        ((8, 9), True),
        ((9, 0), True),
        ((12, 0), True),
    ],
)
def test_a_gpu_before_ampere_has_no_bfloat16(capability, has):
    """A T4 (7.5) emulates it, slower than float32."""
    assert executions.gpu_has_bfloat16(capability) == has
    assert executions.gpu_has_bfloat16(list(capability)) == has


def test_a_processor_without_bfloat16_computes_in_float32_and_says_so(monkeypatch):
    monkeypatch.setattr(executions, "_processor", lambda: "flags : fpu")
    found = Execution.on("cpu", "bfloat16", "channels-last")
    assert found == Execution(channels_last=True)
    assert found.computed == "float32, channels-last"
    assert provenance.of("cpu", computed=found.computed)["computed"] == "float32, channels-last"


def test_a_wish_has_its_effect_and_a_name_of_its_own():
    plain = wish()
    assert wish(layout="plain").name == plain.name
    assert len({plain.name, wish(layout="channels-last").name, wish(dtype="bfloat16").name}) == 3
    with pytest.raises(ValueError, match="layout must be one of plain, channels-last"):
        wish(layout="nhwc")


def test_layout_and_precision_reach_the_steps(monkeypatch):
    monkeypatch.setattr(executions, "_processor", lambda: "flags : avx512_bf16")
    job = runner.job.Job(Unit((wish(dtype="bfloat16", layout="channels-last"),)), "cpu")
    assert job.trainer.execution == Execution(autocast=True, channels_last=True)
    assert job.models[0].conv1.weight.is_contiguous(memory_format=torch.channels_last)


def test_runs_of_another_layout_are_not_trained_together():
    recipe = Recipe(iterations=3, batch_size=8, learning_rate=0.1)
    runs = [
        studies.Run("digits", "lenet-5-caffe", 0.9, recipe, s, layout=k)
        for s in (0, 1)
        for k in ("plain", "channels-last")
    ]
    assert [{run.layout for run in unit.runs} for unit in units(runs, 4)] == [{"plain"}, {"channels-last"}]


def test_bfloat16_and_channels_last_repeat_to_the_bit_also_when_resumed():
    execution = Execution(autocast=True, channels_last=True)
    dataset = data.load("cifar10-sample")

    def trainer():
        model = models.build("alexnet-s", generator=3)
        return Trainer(model, dataset, SHORT, seed=1, execution=execution)

    whole, again, stopped = trainer(), trainer(), trainer()
    whole.run(), again.run()
    stopped.run(until=1)
    resumed = trainer()
    resumed.load_state_dict(stopped.state_dict())
    resumed.run()
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, again.model.state_dict()[name])
        assert torch.equal(weights, resumed.model.state_dict()[name])
    plain = Trainer(models.build("alexnet-s", generator=3), dataset, SHORT, seed=1)
    plain.run()
    assert not torch.equal(plain.model.conv1.weight, whole.model.conv1.weight)  # bfloat16 was really computed in


def test_lenet_5_caffe_is_trained_at_a_tenth_of_the_texts_rate_in_every_profile():
    for profile in ("laptop", "fast", "paper"):
        for name in ("figure1", "table1", "figure4"):
            rows = [row.run for row in studies.named(name).rows(profile) if row.run.network == "lenet-5-caffe"]
            assert {run.recipe.learning_rate for run in rows} == {0.01}
            assert all(run.recipe.iterations >= 10_000 for run in rows)


def test_the_laptop_profile_has_every_row_of_table_2():
    keys = {profile: [str(row.key) for row in studies.named("table2").rows(profile)] for profile in ("laptop", "paper")}
    assert keys["laptop"] == keys["paper"]
