"""Runs and their names, and the experiments as declared."""

import dataclasses
import itertools

import pytest
import torch

from snip_lib import keep_count, models, prunable_parameters, runner, studies, tables
from snip_lib.records import Records
from snip_lib.studies import paper
from snip_lib.studies import run as experiments
from snip_lib.studies.run import Run
from snip_lib.training.recipes import RECIPES, Recipe

RECIPE = Recipe(iterations=10, batch_size=20, learning_rate=0.1)
RUN = Run("digits", "lenet-300-100", 0.9, RECIPE, 0)
OTHER = {
    "data": "mnist",
    "network": "lenet-5-caffe",
    "sparsity": 0.95,
    "recipe": RECIPE.shortened(11),
    "seed": 1,
    "criterion": "random",
    "init": "vs-h",
    "std": 0.1,
    "score_init": "vs-x",
    "score_std": 0.1,
    "redraw": False,
    "batch_norm": "batch",
    "pruning_batch": 50,
    "split_seed": 1,
    "labels": "random",
    "threads": 2,
    "dtype": "bfloat16",
    "layout": "channels-last",
    "control": "shuffled",
    "pretrain": 1,
    "biases": "kept",
    "validation": "trained",
    "repair": "scale",
    "pruning_label": 3,
}


def test_names_stand():
    """Records on disk carry these names: if this fails, a field was added without `later`."""
    assert RUN.name == "ae0144233820f41d"
    assert Run("mnist", "lenet-300-100", 0, RECIPES["paper-mnist"], 3).name == "f8211ccac145d084"


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Run)])
def test_every_choice_changes_the_name(field):
    run, changed = dataclasses.replace(RUN, data="cifar10", network="resnet-20"), {field: OTHER[field]}
    if field == "std":
        changed["init"] = "tn"
    if field == "score_std":
        changed["score_init"] = "tn"
    if field == "pretrain":
        changed["redraw"] = False
    assert dataclasses.replace(run, **changed).name != run.name


def test_a_later_field_leaves_old_names_alone():
    fields = [("a", int, dataclasses.field(default=1)), ("new", str, experiments.later("as before"))]
    kind = dataclasses.make_dataclass("Kind", fields, frozen=True)
    assert experiments._hashed(kind()) == {"a": 1}
    assert experiments._hashed(kind(new="other")) == {"a": 1, "new": "other"}


def test_a_run_reads_back_from_json():
    assert Run(**RUN.to_dict()) == RUN
    assert Run(**RUN.to_dict()).name == RUN.name


def test_one_run_has_one_name():
    assert Run("digits", "lenet-300-100", "0.9", RECIPE, 0).name == RUN.name
    assert dataclasses.replace(RUN, init="lecun").name == RUN.name
    dense = dataclasses.replace(RUN, sparsity=0)
    assert dataclasses.replace(dense, criterion="random", pruning_batch=1, redraw=False).name == dense.name
    assert dataclasses.replace(dense, control="shuffled", biases="kept").name == dense.name
    assert dataclasses.replace(dense, pretrain=2, redraw=False).name == dense.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "mnits"}, "did you mean 'mnist'"),
        ({"network": "lenet-300"}, "did you mean 'lenet-300-100'"),
        ({"criterion": "snap"}, "did you mean 'snip'"),
        ({"init": "rn"}, "needs std="),
        ({"sparsity": 1}, r"sparsity must be in \[0, 1\)"),
        ({"sparsity": -0.1}, r"sparsity must be in \[0, 1\)"),
        ({"labels": "none"}, "labels must be"),
        ({"redraw": False, "score_init": "vs-x"}, "redraw=False"),
        ({"score_std": 0.1}, "score_std goes with score_init"),
        ({"control": "shufled"}, "control must be one of none, shuffled"),
        ({"biases": "none"}, "biases must be one of pruned, kept"),
        ({"validation": "none"}, "validation must be one of spared, trained"),
        ({"layout": "none"}, "layout must be one of"),
        ({"pruning_label": 10}, "digits has no class 10"),
        ({"pruning_label": -1}, "digits has no class -1"),
        ({"pruning_label": 3.0}, "digits has no class 3.0"),
        ({"pruning_label": True}, "digits has no class True"),
        ({"pretrain": 1}, "pretrain prunes the weights that it trained: it needs redraw=False"),
        ({"pretrain": 1, "redraw": False, "control": "shuffled"}, "control='none'"),
        ({"pretrain": -1, "redraw": False}, "pretrain must be a whole number"),
        ({"pretrain": True, "redraw": False}, "pretrain must be a whole number"),
    ],
)
def test_a_run_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(RUN, **change)


@pytest.mark.parametrize("name", studies.EXPERIMENTS)
def test_one_seed_of_every_row_comes_before_a_second_of_any(name):
    experiment = studies.named(name)
    for profile in experiment.seeds:
        seeds = [run.seed for run in experiment.plan(profile, seeds=3)]
        assert seeds == sorted(seeds)
        assert set(seeds) == {0, 1, 2}


@pytest.mark.parametrize("name", studies.EXPERIMENTS)
def test_rows_are_told_apart_and_know_their_dense_one(name):
    for profile in studies.named(name).seeds:
        rows = studies.named(name).rows(profile)
        keys = [row.key for row in rows]
        assert len({str(key) for key in keys}) == len(keys) == len({row.run.name for row in rows})
        assert all(row.dense is None or row.dense in keys for row in rows)


def test_table2_is_the_papers():
    rows = studies.named("table2").rows("paper")
    pruned = {row.key["network"]: row for row in rows if row.dense}
    assert len(rows) == 24
    assert len(pruned) == 12
    assert pruned["vgg-like"].key["sparsity"] == 0.97
    assert pruned["vgg-like"].paper == 8.0
    assert pruned["vgg-d"].run.recipe.iterations == 150_000
    assert {row.run.data for row in rows if row.key["network"].startswith(("lstm", "gru"))} == {"mnist"}
    assert set(pruned) < set(models.NETWORKS)


def test_table3_scores_and_trains_from_different_schemes():
    rows = studies.named("table3").rows("paper")
    assert len(rows) == 16
    assert {row.run.init for row in rows} == {"vs-x"}
    assert {row.run.score_init for row in rows} == {"rn", "tn", "vs-x", "vs-h"}
    assert {row.paper_std is None for row in rows} == {False}
    assert {(row.run.recipe.optimizer, row.run.recipe.weight_decay) for row in rows} == {("adam", 0.0)}


def test_recurrent_networks_have_a_laptop_recipe_of_their_own_in_table_2_alone():
    """Table 3 keeps the paper's: its records of a CPU stand."""
    for profile, whole, pruned, optimizer in (("laptop", 0.003, 0.01, "adam"), ("paper", 0.1, 0.1, "sgd")):
        rows = [row.run for row in studies.named("table2").rows(profile) if models.named(row.run.network).recurrent]
        assert len(rows) == 8
        recipes = {(run.sparsity > 0, run.recipe.learning_rate, run.recipe.optimizer) for run in rows}
        assert recipes == {(False, whole, optimizer), (True, pruned, optimizer)}
    assert studies.recipe_of("laptop", "gru-b").clip == 1
    assert studies.recipe_of("laptop", "gru-s", "table3") == RECIPES["paper-table3"].shortened(3_000)


def test_what_is_called_recurrent_has_a_recurrent_module():
    for name, network in models.NETWORKS.items():
        with torch.device("meta"):
            modules = network(network.input_shape, 10).modules()
            assert network.recurrent == any(isinstance(module, torch.nn.RNNBase) for module in modules), name


def test_tiny_imagenet_keeps_the_half_apart_and_gives_no_number_as_the_papers():
    """The appendix could not be read, so nothing of it may stand in the paper's column."""
    tiny, plans = studies.named("tiny"), {}
    for profile in tiny.seeds:
        rows = tiny.rows(profile)
        assert len(rows) == 10
        assert {row.paper for row in rows} == {None}
        assert {row.key["sparsity"] for row in rows if row.key["network"].startswith("alexnet")} == {0.0, 0.9}
        assert {row.key["sparsity"] for row in rows if row.key["network"].startswith("vgg")} == {0.0, 0.95}
        plans[profile] = {run.data for run in tiny.plan(profile)}
    whole = {"tiny-imagenet"}
    assert plans == {
        "smoke": {"tiny-imagenet-sample"},
        "laptop": {"tiny-imagenet-half"},
        "fast": whole,
        "paper": whole,
    }


def test_a_smoke_run_of_tiny_imagenet_takes_its_pictures_and_classes():
    run = next(run for run in studies.named("tiny").plan("smoke") if run.network == "alexnet-s" and run.sparsity)
    metrics = runner.execute(run)
    stride_and_classes = models.build("alexnet-s", generator=0, input_shape=(3, 64, 64), classes=20)
    assert metrics["total"] == sum(p.numel() for p in prunable_parameters(stride_and_classes).values())
    assert (metrics["kept"], metrics["classes"]) == (keep_count(metrics["total"], 0.9), 20)


def test_the_search_varies_length_and_rate_alone_around_the_runs_of_table_2():
    rows = studies.named("search").rows("laptop")
    of_table2 = {run.name: run for run in studies.named("table2").plan("laptop", seeds=1)}
    for network, sparsity in {(row.key["network"], row.key["sparsity"]) for row in rows}:
        tried = [row for row in rows if (row.key["network"], row.key["sparsity"]) == (network, sparsity)]
        (whole,) = [row.run for row in tried if row.run.name in of_table2]
        assert whole.recipe.iterations == max(row.run.recipe.iterations for row in tried)
        for row in tried:
            recipe = dataclasses.replace(whole.recipe, iterations=row.key["iterations"], learning_rate=row.key["rate"])
            assert row.run == dataclasses.replace(whole, recipe=recipe)
        grid = {(row.key["iterations"], row.key["rate"]) for row in tried if row.run != whole}
        lengths, rates = ({point[place] for point in grid} for place in (0, 1))
        assert grid == {(length, rate) for length in lengths for rate in rates}
        assert len(rates) >= 3


def test_the_search_for_recurrent_networks_varies_course_and_scored_draw_alone():
    rows = studies.named("search-recurrent").rows("laptop")
    of_table2 = {(run.network, run.sparsity): run for run in studies.named("table2").plan("laptop", seeds=1)}
    for row in rows:
        same = of_table2[row.key["network"], row.key["sparsity"]]
        recipe = dataclasses.replace(same.recipe, iterations=row.key["iterations"], learning_rate=row.key["rate"])
        drawn = {"score_init": "rn", "score_std": paper.TABLE3_STD} if row.key["scored with"] == "rn" else {}
        assert row.run == dataclasses.replace(same, recipe=recipe, **drawn)
    names = [row.run.name for row in rows]
    assert len({*names}) == len(names)
    grid = {(row.key["network"], row.key["sparsity"], row.key["scored with"], row.key["rate"]) for row in rows}
    assert len(grid) == 2 * 3 * 3
    assert {run.name for (network, _), run in of_table2.items() if network in ("gru-s", "lstm-s")} <= {*names}


@pytest.mark.parametrize("network", ["gru-s", "lstm-s"])
@pytest.mark.parametrize("sparsity", [0.0, 0.95])
def test_recurrent_networks_have_the_rate_with_the_least_validation_error(network, sparsity):
    """The rule by which the laptop's recipe was chosen, asked of what is recorded."""
    asked = {"network": network, "sparsity": sparsity, "scored with": "vs-l"}
    asked["iterations"] = RECIPES["laptop-recurrent"].iterations
    keys = [row.key for row in studies.named("search-recurrent").rows("laptop") if asked.items() <= row.key.items()]
    errors = {key["rate"]: tables.errors("search-recurrent", key, value="valid_error")[0] for key in keys}
    assert len(errors) == 3
    assert studies.recipe_of("laptop", network, pruned=sparsity > 0).learning_rate == min(errors, key=errors.get)


def test_smoke_runs_of_large_networks_score_train_and_evaluate_little():
    for name in ("table2", "tiny", "search"):
        for run in studies.named(name).plan("smoke"):
            if not models.named(run.network).recurrent:
                assert run.recipe.iterations * run.recipe.batch_size <= 16
                assert run.recipe.evaluations == 1
                assert run.sparsity == 0 or run.pruning_batch <= 8


def test_figure1_and_table1_share_their_dense_runs():
    shared = set(studies.named("figure1").plan("laptop")) & set(studies.named("table1").plan("laptop"))
    assert {(run.network, run.sparsity) for run in shared} == {("lenet-300-100", 0.0), ("lenet-5-caffe", 0.0)}


def test_unknown_names_say_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'figure1'"):
        studies.named("figure11")
    with pytest.raises(ValueError, match="did you mean 'paper'"):
        studies.named("figure1").plan("papers")


@pytest.mark.parametrize("name", ["controls", "controls-lenet5", "controls-resnet20"])
def test_the_rows_of_a_control_differ_in_the_mask_alone(name):
    _, snip, *_ = (row.run for row in studies.named(name).rows("laptop"))
    for row in studies.named(name).rows("laptop")[1:]:
        mask = {"criterion": "snip", "control": "none", "redraw": True, "pruning_batch": snip.pruning_batch}
        assert dataclasses.replace(row.run, **mask) == dataclasses.replace(snip, sparsity=row.run.sparsity)


def test_explanations_change_one_thing_of_table_1s_rows():
    base = {run for run in studies.named("table1").plan("laptop", seeds=1) if run.network == "lenet-300-100"}
    for row in studies.named("explain").rows("laptop"):
        told = [dataclasses.asdict(row.run), *(dataclasses.asdict(run) for run in base)]
        flats = [{**run.pop("recipe"), **run} for run in told]
        changed = min(sum(flats[0][key] != other[key] for key in other) for other in flats[1:])
        assert changed == (row.key["changed"] != "none")


def test_lenet_5_caffes_set_ups_are_the_texts_the_codes_and_the_books():
    """Rates and decays as section 5 and the authors' code state them; the book's rows are Table 1's own runs."""
    rows = {(row.key["set-up"], row.key["sparsity"]): row.run for row in studies.named("lenet5").rows("laptop")}
    assert len(rows) == 14
    assert {run.recipe.iterations for run in rows.values()} == {10_000}
    book = {row.run for row in studies.named("table1").rows("laptop")}
    assert rows["the book's", 0.0] in book
    assert rows["the book's", 0.98] in book
    text, code = rows["the text's", 0.98].recipe, rows["the code's default", 0.98].recipe
    assert (text.learning_rate, text.momentum, text.boundaries) == (0.1, 0.9, (0.25, 0.5, 0.75))
    assert (code.learning_rate, code.momentum, code.boundaries) == (0.1, 0.0, ())
    assert rows["the same, drawn as in early 2018", 0.0].init == "vs-l-2018"
    assert {run.network for key, run in rows.items() if "ReLUs" in key[0]} == {"lenet-5-relu"}


@pytest.mark.parametrize("name", studies.EXPERIMENTS)
def test_what_a_row_is_called_hides_no_column_of_its_table(name, tmp_path):
    """A key named as a column is, `change` say, would be written over, and the rows could not be told apart."""
    profile = next(iter(studies.EXPERIMENTS[name].seeds))
    keys = [row.key for row in studies.named(name).rows(profile)]
    frame = tables.table(name, profile=profile, records=Records(tmp_path))
    for column in keys[0]:
        assert frame[column].tolist() == [key[column] for key in keys]


def test_the_silent_choices_share_what_they_do_not_change():
    """One set of trained weights and batches a seed, so that errors are compared pair by pair."""
    rows = {row.key["choice"]: row.run for row in studies.named("silent").rows("laptop")}
    plain = rows["the book's"]
    assert plain in {row.run for row in studies.named("controls-resnet20").rows("laptop")}
    for choice, run in rows.items():
        apart = {k for k, v in run.to_dict().items() if v != plain.to_dict()[k]}
        assert apart <= {"batch_norm", "redraw", "pruning_batch"} | ({"sparsity"} if choice == "dense" else set())
    assert len(set(rows.values())) == 7


def test_batch_norm_is_asked_of_two_networks_in_the_same_words():
    for profile in ("smoke", "laptop"):
        res, alex = (studies.named(name).rows(profile) for name in ("silent", "silent-alexnet"))
        said = {row.key["choice"]: row.run.batch_norm for row in res}
        assert {row.key["choice"]: row.run.batch_norm for row in alex}.items() <= said.items()
        assert [row.run.batch_norm for row in alex] == ["identity", "identity", "batch"]
        assert [row.run.sparsity for row in alex] == [0, 0.9, 0.9]


@pytest.mark.parametrize("name", sorted({*studies.EXPERIMENTS} - {"figure4"}))
def test_a_pruned_row_is_compared_with_the_same_run_left_dense_where_there_is_one(name):
    """Else its table would not say what pruning changed; Figure 4 compares losses, row by row."""
    for profile in studies.named(name).seeds:
        rows = studies.named(name).rows(profile)
        dense = {row.run: row.key for row in rows if row.run.sparsity == 0}
        for row in rows:
            same = dense.get(dataclasses.replace(row.run, sparsity=0))
            if row.run.sparsity and same is not None:
                assert row.dense == same


def test_explanations_stand_beside_the_papers_errors_and_change_what_they_are_called():
    papers = {row.run: row.paper for row in studies.named("table1").rows("laptop")}
    rows = {(row.key["changed"], row.key["sparsity"]): row for row in studies.named("explain").rows("laptop")}
    for (change, sparsity), row in rows.items():
        plain = rows["none", sparsity]
        assert row.paper == papers[plain.run]
        if change == "three times as long":
            recipe = plain.run.recipe.shortened(3 * plain.run.recipe.iterations)
            assert row.run == dataclasses.replace(plain.run, recipe=recipe)


def test_the_spreads_of_table_3_are_even_on_a_logarithmic_scale():
    """Two a decade, 0.1 of the book's Table 3 among them."""
    rows = studies.named("table3-scale").rows("laptop")
    for network in {row.key["network"] for row in rows}:
        spreads = [row.run.score_std for row in rows if row.key["network"] == network]
        assert spreads == [row.key["sigma"] for row in rows if row.key["network"] == network]
        assert all(2.9 < b / a < 3.4 for a, b in itertools.pairwise(spreads))
    assert {row.run.score_std for row in studies.named("table3").rows("laptop")} & set(spreads)


def test_the_book_repeats_each_experiment_as_often_as_its_pages_say():
    """Records, hours of the agenda and the pages' "n" go by these: whoever changes one changes all of them."""
    five = ("figure1", "table1", "table3", "figure3", "controls", "explain")
    one = ("tiny", "search", "search-recurrent")
    three = ("table2", "figure4", "controls-lenet5", "controls-resnet20", "figure4-masks", "lenet5", "lwc")
    three += ("one-class", "table3-scale", "silent", "silent-alexnet", "deep", "digits")
    for number, names in ((5, five), (3, three), (1, one)):
        assert {studies.named(name).seeds["laptop"] for name in names} == {number}


# Their LeNet-5-Caffe and AlexNet were given other recipes, and the earlier runs stay in their files.
CHANGED = {"figure1", "table1", "table2"}


@pytest.mark.parametrize("name", sorted({*studies.EXPERIMENTS} - CHANGED))
def test_what_is_recorded_of_an_experiment_is_of_a_row_that_it_has(name):
    """Whoever changes a row that was run already says so above: its records would be read by no table."""
    experiment = studies.named(name)
    planned = {profile: {run.name for run in experiment.plan(profile, seeds=20)} for profile in experiment.seeds}
    for record in Records().read(name)[0]:
        if record["method"] == studies.METHOD:
            assert record["name"] in planned[record["profile"]]


def test_pruning_later_prunes_both_networks_once_and_the_smaller_one_also_in_three():
    rows = studies.named("lwc").rows("laptop")
    assert all(row.run.pretrain == row.key["prunings"] for row in rows)
    found = {(row.run.network, row.run.pretrain) for row in rows}
    assert found == {*itertools.product(studies.paper.LENETS, (0, 1)), ("lenet-300-100", 3)}


@pytest.mark.parametrize("profile", ["laptop", "fast", "paper"])
def test_photographs_are_shifted_and_flipped_while_training_and_digits_are_not(profile):
    """Section 5 of the paper augments CIFAR-10; a 6 that is flipped is no digit."""
    for name, network in models.NETWORKS.items():
        assert studies.recipe_of(profile, name).augment == (network.data not in ("mnist", "digits")), name
