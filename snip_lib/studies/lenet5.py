"""What trains LeNet-5-Caffe? At the rate of the paper's text it diverges, in the authors' own code, too.

Each set-up is trained dense and with 98 % pruned: the one that the book uses for Figure 1 and Table 1, the text's, the
default of the authors' code, that default with the initializer of the TensorFlow of its time, Table 3's, and the text's
and the book's on the network to which ports add two ReLUs. Rows of one seed see the same batches.
"""

from dataclasses import replace

from snip_lib.studies.paper import LENETS, recipe_of, run_of
from snip_lib.studies.run import Experiment, Row
from snip_lib.training.recipes import RECIPES

SPARSITIES = (0.0, 0.98)
ADDED_RELUS = "lenet-5-relu"


def _setups(profile: str) -> dict[str, tuple[str, dict]]:
    """Set-up -> (network, the fields in which its run differs); all as long as the book's."""
    book = recipe_of(profile, LENETS[1])
    text = replace(book, learning_rate=0.1, boundaries=RECIPES["paper-mnist"].boundaries)
    code = replace(book, learning_rate=0.1, momentum=0.0, boundaries=())
    adam = replace(RECIPES["paper-table3"], iterations=book.iterations, batch_size=book.batch_size)
    adam = replace(adam, evaluations=book.evaluations)
    return {
        "the book's": (LENETS[1], {}),
        "the text's": (LENETS[1], {"recipe": text}),
        "the code's default": (LENETS[1], {"recipe": code}),
        "the same, drawn as in early 2018": (LENETS[1], {"recipe": code, "init": "vs-l-2018"}),
        "Table 3's": (LENETS[1], {"recipe": adam}),
        "the text's, two ReLUs added": (ADDED_RELUS, {"recipe": text}),
        "the book's, two ReLUs added": (ADDED_RELUS, {"recipe": book}),
    }


def _rows(profile: str) -> list[Row]:
    found = []
    for setup, (network, fields) in _setups(profile).items():
        for sparsity in SPARSITIES:
            key = {"set-up": setup, "sparsity": sparsity}
            dense = {"set-up": setup, "sparsity": 0.0} if sparsity else None
            found.append(Row(key, run_of(profile, network, sparsity, **fields), dense=dense))
    return found


EXPERIMENTS = (
    Experiment(
        "lenet5",
        "What trains LeNet-5-Caffe: seven set-ups, dense and 98 % pruned",
        _rows,
        {"smoke": 1, "laptop": 3, "fast": 3, "paper": 3},
    ),
)
