"""`python -m snip_lib list` and `data`: what there is. Neither needs torch until a data set is fetched."""

from snip_lib import data, studies


def experiments() -> None:
    """Print the experiments, each with its profiles and how many runs they have."""
    width = max(map(len, studies.EXPERIMENTS)) + 2
    for experiment in studies.EXPERIMENTS.values():
        sizes = ", ".join(f"{profile} {len(experiment.plan(profile))}" for profile in experiment.seeds)
        print(f"{experiment.name:<{width}}{experiment.title}\n{'':<{width}}runs: {sizes}")


def datasets(names: list[str]) -> None:
    """Print which data sets are here; fetch and check those that are named."""
    for name in names:
        loaded = data.load(name)
        sizes = len(loaded.train_y), len(loaded.valid_y), len(loaded.test_y)
        print(f"{name}: {sizes[0]} training, {sizes[1]} validation, {sizes[2]} test")
    for name in () if names else data.NAMES:
        where = "ships with the book" if name in data.SAMPLES else f"in {data.root()}"
        print(f"{name:<14} " + (where if data.available(name) else f"not here: python -m snip_lib data {name}"))
