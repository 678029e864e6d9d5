"""The paper's Tables 1 to 3 and its Figures 1, 3 and 4.

Four profiles, never mixed in a table:
smoke   seconds on a CPU, on the samples that ship; shows that everything runs, and measures nothing.
laptop  minutes to an hour a run on a CPU: on MNIST the paper's recipe, cut short; on CIFAR-10, and for Table 2's
        recurrent networks, one of our own.
fast    the book's own recipes for a GPU, chosen on the validation split alone.
paper   the paper's networks, data, rates, decay and seeds (section 5), but for LeNet-5-Caffe, which diverges at the
        paper's rate and is trained at a tenth of it in every profile. The paper states no length: 150,000 iterations on
        CIFAR-10 is that of the authors' README, 100,000 on MNIST and the seeds of Tables 1 and 2 are our choice.
"""

import json
from dataclasses import replace

from snip_lib import data, models
from snip_lib.studies.run import Experiment, Row, Run
from snip_lib.training import RECIPES, Recipe

# Iterations on a CPU. CIFAR-10: about 20 epochs of AlexNet, 12 of VGG, 5 of WRN (351 iterations an epoch), which is
# what two cores can repeat for three seeds, three, and one.
LAPTOP = {
    "lenet-300-100": 15_000,
    "lenet-5-caffe": 10_000,
    "alexnet-s": 7_000,
    "alexnet-b": 7_000,
    "vgg-c": 4_200,
    "vgg-d": 4_200,
    "vgg-like": 4_200,
    "wrn-16-8": 1_750,
    "wrn-16-10": 1_750,
    "wrn-22-8": 1_750,
}
LAPTOP_TABLE3 = {"lenet-5-caffe": 5_000, "lstm-s": 3_000, "gru-s": 3_000}
LAPTOP_FIGURE4, PAPER_FIGURE4 = 10_000, 30_000  # Figure 4's axis ends at 30,000
FAST_LENET_5 = 10_000  # the authors' default
CIFAR_BATCH = 128  # examples scored on CIFAR-10, one training batch (section 5); 100 on MNIST is `Run`'s default
SMOKE_BATCH = 8  # of CIFAR-10's networks in smoke, scored and trained: they take seconds, most of it for evaluating
TABLE3_STD = 0.1  # of RN and TN; the paper states none, so it is ours
LENETS = ("lenet-300-100", "lenet-5-caffe")


def paper_table(table: str) -> dict:
    """A table or figure of the paper, as read from it: `data/paper/tables.json`.

    >>> paper_table("table1")["rows"][-1][:4]
    ['SNIP', 'connection sensitivity', 98.0, 2.4]
    """
    with open(data.book_data() / "paper" / "tables.json", encoding="utf-8") as file:
        return json.load(file)[table]


def run_of(profile: str, network: str, sparsity: float, **options: object) -> Run:
    """A run of a network in the settings of a profile, seed 0.

    >>> run = run_of("paper", "vgg-like", 0.97)
    >>> run.data, run.pruning_batch, run.recipe.batch_size
    ('cifar10', 128, 128)
    """
    full = models.NETWORKS[network].data
    recipe = options.pop("recipe", None) or recipe_of(profile, network, pruned=sparsity > 0)
    if full == "cifar10":
        options.setdefault("pruning_batch", SMOKE_BATCH if profile == "smoke" else CIFAR_BATCH)
    if profile in ("smoke", "laptop") and models.NETWORKS[network].convolves and recipe.optimizer == "sgd":
        options = {"dtype": "bfloat16", "layout": "channels-last"} | options
    return Run(data.SOURCES[full].sample if profile == "smoke" else full, network, sparsity, recipe, 0, **options)


def recipe_of(profile: str, network: str, kind: str | None = None, *, pruned: bool = False) -> Recipe:
    """The recipe of a network in a profile; kind: "table3" for Table 3's.

    pruned: of the pruned network, which has another rate where it is recurrent and the profile is the laptop's.

    >>> recipe_of("paper", "vgg-like").iterations, recipe_of("laptop", "lenet-300-100").iterations
    (150000, 15000)
    """
    family, wanted = models.NETWORKS[network].data, [network]
    if models.NETWORKS[network].recurrent:
        wanted += [f"{profile}-recurrent-pruned"] * pruned + [f"{profile}-recurrent"]
    wanted = [f"paper-{kind}"] if kind else [*wanted, f"{profile}-{family}", f"paper-{family}"]
    recipe = next(RECIPES[name] for name in wanted if name in RECIPES)
    if profile == "smoke":
        if family == "mnist":
            return replace(recipe, iterations=40, batch_size=50, evaluations=2)
        return replace(recipe, iterations=2, batch_size=SMOKE_BATCH, evaluations=1)
    if profile == "laptop":
        lengths = LAPTOP | (LAPTOP_TABLE3 if kind else {})
        return recipe.shortened(lengths.get(network, recipe.iterations))
    return recipe.shortened(FAST_LENET_5) if (profile, network, kind) == ("fast", LENETS[1], None) else recipe


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
    recipe = figure4_recipe(profile)
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


def figure4_recipe(profile: str) -> Recipe:
    """The recipe of Figure 4's line "L2"; the others do without its weight decay."""
    recipe = recipe_of(profile, LENETS[1])
    if profile == "smoke":
        return recipe
    length = LAPTOP_FIGURE4 if profile == "laptop" else PAPER_FIGURE4
    return replace(recipe, iterations=length, boundaries=(5 / 6,), evaluations=50)


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
        {"smoke": 1, "laptop": 5, "fast": 5, "paper": 20},
    ),
    Experiment(
        "table1",
        "Table 1: the LeNets at the paper's sparsities, MNIST",
        _table1,
        {"smoke": 1, "laptop": 5, "fast": 5, "paper": 20},
    ),
    Experiment(
        "table2",
        "Table 2: modern networks on CIFAR-10, recurrent ones on MNIST",
        _table2,
        {"smoke": 1, "laptop": 3, "fast": 3, "paper": 3},
    ),
    Experiment(
        "table3",
        "Table 3: the initialization that is scored",
        _table3,
        {"smoke": 1, "laptop": 5, "fast": 5, "paper": 20},
    ),
    Experiment(
        "figure3",
        "Figure 3: the size of the pruning batch",
        _figure3,
        {"smoke": 1, "laptop": 5, "fast": 5, "paper": 20},
    ),
    Experiment(
        "figure4",
        "Figure 4: training on random labels with a mask from true ones",
        _figure4,
        {"smoke": 1, "laptop": 3, "fast": 3, "paper": 3},
    ),
)
