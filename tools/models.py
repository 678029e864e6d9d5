"""Make data/models/: train the small networks that ship, from MNIST under SNIP_DATA.

Run once, by hand: `python -m tools.models`. Kept so that anyone can check where the weights come from: each is the
ordinary run of the controls in the profile `laptop`, seed 0, at its sparsity.
"""

import numpy as np

from snip_lib import data, runner
from snip_lib.models import shipped
from snip_lib.runner.job import Job
from snip_lib.runner.units import Unit
from snip_lib.tables.words import row_of

OUT = data.book_data() / "models"


def make(sparsity: float) -> dict[str, np.ndarray]:
    """Run it, and pack what is left."""
    run = row_of("controls", {"mask": "snip", "sparsity": sparsity}, "laptop").run
    jobs: list[Job] = []
    metrics = runner.execute_unit(Unit((run,)), began=jobs.append)[0]
    found = shipped.packed(jobs[0].models[0])
    return found | {"test_error": np.array(metrics["test_error"]), "run": np.array(run.name)}


if __name__ == "__main__":
    OUT.mkdir(exist_ok=True)
    for sparsity in shipped.SPARSITIES:
        np.savez_compressed(OUT / f"{shipped.file_name(sparsity)}.npz", **make(sparsity))
