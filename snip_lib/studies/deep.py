"""Very deep networks: what isometry of the pruned layers has to do with how well they train (after Lee et al., 2020).

Plain tanh networks, 100 units a layer, without normalisation or shortcuts. The same weights are scored and trained, so
that what is scored orthogonal is trained from it.
"""

from dataclasses import replace

from snip_lib.studies.paper import recipe_of, run_of
from snip_lib.studies.run import Experiment, Row

DEPTHS = (10, 30, 100)
LAPTOP = {10: 3_000, 30: 3_000, 100: 2_000}  # iterations
RATE = 0.01  # a tenth of the paper's for LeNets


def _deep(profile: str) -> list[Row]:
    found = []
    for depth in DEPTHS:
        network = f"plain-{depth}"
        recipe = replace(recipe_of(profile, network), learning_rate=RATE)
        recipe = recipe.shortened(LAPTOP[depth]) if profile == "laptop" else recipe
        for init in ("vs-l", "orthogonal"):
            shared = {"network": network, "init": init}
            options = {"recipe": recipe, "init": init}
            dense = {**shared, "sparsity": 0.0, "repair": "none"}
            found.append(Row(dense, run_of(profile, network, 0, **options)))
            for repair in ("none", "scale", "isometry"):
                run = run_of(profile, network, 0.9, redraw=False, repair=repair, **options)
                found.append(Row({**shared, "sparsity": 0.9, "repair": repair}, run, dense=dense))
    return found


EXPERIMENTS = (
    Experiment(
        "deep",
        "Plain networks of 10, 30 and 100 layers, 90 % pruned, as they are and repaired",
        _deep,
        {"smoke": 1, "laptop": 3},
    ),
)
