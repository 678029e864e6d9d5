"""Which spread of the scored weights gives Table 3's errors? The paper states none for RN."""

from snip_lib.studies.paper import recipe_of, run_of
from snip_lib.studies.run import Experiment, Row

SIGMAS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


def _table3_scale(profile: str) -> list[Row]:
    rows = []
    for network in ("gru-s", "lenet-300-100"):
        for std in SIGMAS:
            recipe = recipe_of(profile, network, "table3")
            run = run_of(profile, network, 0.9, recipe=recipe, init="vs-x", score_init="rn", score_std=std)
            rows.append(Row({"network": network, "scored with": "RN", "sigma": std}, run))
    return rows


EXPERIMENTS = (
    Experiment(
        "table3-scale",
        "Table 3 over the spread of the weights that are scored",
        _table3_scale,
        {"smoke": 1, "laptop": 3, "fast": 3, "paper": 20},
    ),
)
