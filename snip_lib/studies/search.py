"""How long, and at which rate? The laptop's recipes, searched on the validation split.

Every row is one run at a length and a highest rate. Compared is the validation error that its record holds; the test
error takes no part in a choice. On CIFAR-10 the lengths are shares of the laptop's, and the row of full length at the
recipe's own rate is the run of Table 2 itself.
"""

from dataclasses import replace

from snip_lib.studies.paper import TABLE3_STD, recipe_of, run_of
from snip_lib.studies.run import Experiment, Row
from snip_lib.training import Recipe

RATES = (0.05, 0.1, 0.2)
# Network -> its sparsities, and the shares of the laptop's length that are tried at every rate; all of it at one alone.
TRIED = {"alexnet-s": ((0, 0.9), (0.25, 0.5)), "vgg-like": ((0, 0.97), (0.25,))}

# Table 2's smaller recurrent networks: dense, and pruned by scores of two draws; VS-L is Table 2's own. The last rate
# is tried at a greater length, too.
RECURRENT = ("gru-s", "lstm-s")
RECURRENT_MASKS = ((0, "vs-l"), (0.95, "vs-l"), (0.95, "rn"))
RECURRENT_RATES = (0.001, 0.003, 0.01)
RECURRENT_LONG = 20_000


def _search(profile: str) -> list[Row]:
    rows = []
    for network, (sparsities, shares) in TRIED.items():
        whole = recipe_of(profile, network)
        for sparsity in sparsities:
            shares = shares[-1:] if profile == "smoke" else shares  # of two iterations there is one shorter length
            tried = [(share, rate) for share in shares for rate in RATES] + [(1, whole.learning_rate)]
            rows += [_row(profile, network, sparsity, share, rate) for share, rate in tried]
    return rows


def _search_recurrent(profile: str) -> list[Row]:
    length = recipe_of(profile, RECURRENT[0]).iterations
    tried = [(length, rate, *mask) for rate in RECURRENT_RATES for mask in RECURRENT_MASKS]
    if profile != "smoke":
        tried += [(RECURRENT_LONG, RECURRENT_RATES[-1], *mask) for mask in RECURRENT_MASKS[:2]]
    return [_recurrent(profile, network, *one) for one in tried for network in RECURRENT]


def _recurrent(profile: str, network: str, iterations: int, rate: float, sparsity: float, scheme: str) -> Row:
    recipe = replace(recipe_of(profile, network), iterations=iterations, learning_rate=rate)
    key = {"network": network, "sparsity": float(sparsity), "scored with": scheme} | _course(recipe)
    dense = None if sparsity == 0 else key | {"sparsity": 0.0, "scored with": "vs-l"}
    other = {} if scheme == "vs-l" else {"score_init": scheme, "score_std": TABLE3_STD}
    return Row(key, run_of(profile, network, sparsity, recipe=recipe, **other), dense=dense)


def _row(profile: str, network: str, sparsity: float, share: float, rate: float) -> Row:
    whole = recipe_of(profile, network)
    recipe = replace(whole, iterations=max(1, round(share * whole.iterations)), learning_rate=rate)
    key = {"network": network, "sparsity": float(sparsity)} | _course(recipe)
    dense = None if sparsity == 0 else key | {"sparsity": 0.0}
    return Row(key, run_of(profile, network, sparsity, recipe=recipe), dense=dense)


def _course(recipe: Recipe) -> dict:
    return {"iterations": recipe.iterations, "rate": recipe.learning_rate}


EXPERIMENTS = (
    Experiment(
        "search",
        "The laptop's recipe for CIFAR-10: length and rate on the validation split",
        _search,
        {"smoke": 1, "laptop": 1},
    ),
    Experiment(
        "search-recurrent",
        "The laptop's recipe for recurrent networks: rate and length on the validation split",
        _search_recurrent,
        {"smoke": 1, "laptop": 1},
    ),
)
