"""Train, prune by magnitude, train again (Han et al., 2015, "LWC" in Table 1), beside SNIP, which has 0 prunings after
training.

The largest weights of all layers together stay, where Han et al. set a threshold for each layer by hand. After each
pruning the network is trained by the whole recipe again, from the weights that it has.
"""

from snip_lib.studies.paper import LENETS, paper_table, run_of
from snip_lib.studies.run import Experiment, Row

PRUNINGS = {"lenet-300-100": (1, 3), "lenet-5-caffe": (1,)}


def _lwc(profile: str) -> list[Row]:
    columns, found = paper_table("table1")["columns"], []
    lines = [dict(zip(columns, row, strict=True)) for row in paper_table("table1")["rows"]]
    lines = [line for line in lines if line["method"] in ("Ref.", "LWC", "SNIP")]
    for network in LENETS:
        column, dense = network.replace("-", "_"), {"network": network, "sparsity": 0.0, "prunings": 0}
        for line in lines:
            sparsity = round((line[f"{column}_sparsity"] or 0) / 100, 6)
            paper = None if line["method"] == "SNIP" else line[f"{column}_error"]
            if not sparsity:
                found.append(Row(dense, run_of(profile, network, 0), paper))
            for prunings in (0, *PRUNINGS[network]) if sparsity else ():
                options = {"criterion": "magnitude", "redraw": False, "pretrain": prunings} if prunings else {}
                key = {"network": network, "sparsity": sparsity, "prunings": prunings}
                quoted = paper if prunings else None
                found.append(Row(key, run_of(profile, network, sparsity, **options), quoted, dense=dense))
    return found


EXPERIMENTS = (
    Experiment(
        "lwc",
        "Train, prune by magnitude, train again, on both LeNets (Table 1)",
        _lwc,
        {"smoke": 1, "laptop": 3},
    ),
)
