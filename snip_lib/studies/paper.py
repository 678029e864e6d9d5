"""The paper's Tables 1 to 3 and its Figures 1, 3 and 4.

Four profiles, never mixed in a table:
smoke   seconds on a CPU, on the samples that ship; shows that everything runs, and measures nothing.
laptop  minutes a run on a CPU, on the full MNIST; the paper's recipe, cut short.
fast    the book's own recipes for a GPU, chosen on the validation split alone.
paper   the paper's networks, data, rates, decay and seeds (section 5). It states no number of iterations: 150,000 on
        CIFAR-10 is the length in the authors' README, 100,000 on MNIST and the seeds of Tables 1 and 2 are our choice.
"""

import json
from dataclasses import replace

from snip_lib import data
from snip_lib.studies.run import Experiment, Row, Run
from snip_lib.training import RECIPES, Recipe

LAPTOP = {"lenet-300-100": 15_000, "lenet-5-caffe": 5_000}  # iterations on a CPU
LAPTOP_RECURRENT, LAPTOP_FIGURE4, PAPER_FIGURE4 = 3_000, 10_000, 30_000  # Figure 4's axis ends at 30,000
CIFAR_BATCH = 128  # examples scored on CIFAR-10, one training batch (section 5); 100 on MNIST is `Run`'s default
TABLE3_STD = 0.1  # of RN and TN; the paper states none, so it is ours
LENETS = ("lenet-300-100", "lenet-5-caffe")


def paper_table(table: str) -> dict:
    """A table or figure of the paper, as read from it: `data/paper/tables.json`."""
    with open(data.book_data() / "paper" / "tables.json", encoding="utf-8") as file:
        return json.load(file)[table]


def run_of(profile: str, network: str, sparsity: float, **options: object) -> Run:
    """A run of a network in the settings of a profile, seed 0."""
    on_cifar = network.startswith(("alexnet", "vgg", "wrn"))
    full, sample = ("cifar10", "cifar10-sample") if on_cifar else ("mnist", "digits")
    recipe = options.pop("recipe", None) or recipe_of(profile, network)
    if on_cifar:
        options.setdefault("pruning_batch", CIFAR_BATCH)
    return Run(sample if profile == "smoke" else full, network, sparsity, recipe, 0, **options)


def recipe_of(profile: str, network: str, kind: str | None = None) -> Recipe:
    """The recipe of a network in a profile; kind: "table3" for Table 3's."""
    on_cifar = network.startswith(("alexnet", "vgg", "wrn"))
    family = "cifar10" if on_cifar else "mnist"
    if profile == "fast" and kind is None:
        return RECIPES[f"fast-{family}"]
    recipe = RECIPES[f"paper-{kind or family}"]
    if profile == "smoke":
        return replace(recipe, iterations=2 if on_cifar else 40, batch_size=8 if on_cifar else 50, evaluations=2)
    if profile == "laptop":
        return recipe.shortened(LAPTOP.get(network, LAPTOP_RECURRENT))
    return recipe


def _figure1(profile: str) -> list[Row]:
    figure, rows = paper_table("figure1"), []
    for network in LENETS:
        for sparsity, error in zip(figure["sparsity"], figure[network.replace("-", "_")], strict=True):
            rows.append(_point(profile, network, sparsity, error, paper_runs=20))
    return rows


def _table1(profile: str) -> list[Row]:
    rows = [dict(zip(paper_table("table1")["columns"], row, strict=True)) for row in paper_table("table1")["rows"]]
    found = []
    for network in LENETS:
        column = network.replace("-", "_")
        for row in rows:
            if row["method"] in ("Ref.", "SNIP"):
                found.append(_point(profile, network, row[f"{column}_sparsity"] or 0, row[f"{column}_error"]))
    return found


def _table2(profile: str) -> list[Row]:
    columns, found = paper_table("table2")["columns"], []
    for line in paper_table("table2")["rows"]:
        row = dict(zip(columns, line, strict=True))
        if profile == "laptop" and not row["model"].startswith(("lstm", "gru")):
            continue  # days on a CPU
        found.append(_point(profile, row["model"], 0, row["error_dense"]))
        found.append(_point(profile, row["model"], row["sparsity"], row["error_sparse"]))
    return found


def _table3(profile: str) -> list[Row]:
    names, found = paper_table("table3")["columns"][1:], []
    for label, *cells in paper_table("table3")["rows"]:
        std = TABLE3_STD if label in ("RN", "TN") else None
        for column, (error, spread) in zip(names, cells, strict=True):
            network = {"lenet_300_100": LENETS[0], "lenet_5_caffe": LENETS[1]}.get(column, column.replace("_", "-"))
            recipe = recipe_of(profile, network, "table3")
            run = run_of(profile, network, 0.9, recipe=recipe, init="vs-x", score_init=label.lower(), score_std=std)
            found.append(Row({"network": network, "scored with": label}, run, error, spread, paper_runs=20))
    return found


def _figure3(profile: str) -> list[Row]:
    figure, rows = paper_table("figure3"), []
    for size, error in zip(figure["batch"], figure["error"], strict=True):
        if profile == "smoke" and size > 1000:
            continue  # more than the sample has
        run = run_of(profile, LENETS[0], 0.9, pruning_batch=size)
        rows.append(Row({"network": LENETS[0], "sparsity": 0.9, "pruning batch": size}, run, error))
    return rows


def _figure4(profile: str) -> list[Row]:
    recipe = recipe_of(profile, LENETS[1]) if profile == "smoke" else RECIPES["paper-mnist"]
    if profile != "smoke":
        length = LAPTOP_FIGURE4 if profile == "laptop" else PAPER_FIGURE4
        recipe = replace(recipe, iterations=length, boundaries=(5 / 6,), evaluations=50)
    free, rows = replace(recipe, weight_decay=0.0), []  # only the line "L2" of the figure decays the weights
    for labels, sparsity, one in (
        ("true", 0, free),
        ("true", 0.99, free),
        ("random", 0, free),
        ("random", 0, recipe),
        ("random", 0.99, free),
    ):
        run = run_of(profile, LENETS[1], sparsity, recipe=one, labels=labels)
        rows.append(Row({"labels": labels, "sparsity": sparsity, "weight decay": one.weight_decay}, run))
    return rows


def _point(profile: str, network: str, percent: float, error: float, **paper_says: object) -> Row:
    """A row of network and sparsity, the latter in percent as the paper prints it."""
    sparsity = round(percent / 100, 6)
    dense = {"network": network, "sparsity": 0.0} if sparsity else None
    key = {"network": network, "sparsity": sparsity}
    return Row(key, run_of(profile, network, sparsity), error, dense=dense, **paper_says)


EXPERIMENTS = (
    Experiment(
        "figure1",
        "Figure 1: test error of the LeNets against sparsity, MNIST",
        _figure1,
        {"smoke": 1, "laptop": 2, "fast": 5, "paper": 20},
    ),
    Experiment(
        "table1",
        "Table 1: the LeNets at the paper's sparsities, MNIST",
        _table1,
        {"smoke": 1, "laptop": 3, "fast": 5, "paper": 20},
    ),
    Experiment(
        "table2",
        "Table 2: modern networks on CIFAR-10, recurrent ones on MNIST",
        _table2,
        {"smoke": 1, "laptop": 2, "fast": 3, "paper": 3},
    ),
    Experiment(
        "table3",
        "Table 3: the initialization that is scored",
        _table3,
        {"smoke": 1, "laptop": 2, "fast": 5, "paper": 20},
    ),
    Experiment(
        "figure3",
        "Figure 3: the size of the pruning batch",
        _figure3,
        {"smoke": 1, "laptop": 3, "fast": 5, "paper": 20},
    ),
    Experiment(
        "figure4",
        "Figure 4: training on random labels with a mask from true ones",
        _figure4,
        {"smoke": 1, "laptop": 1, "fast": 3, "paper": 3},
    ),
)
