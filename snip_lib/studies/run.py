"""What is run: a `Run` is one trained network, an `Experiment` a table or figure of runs.

A run's name is a hash of its content, so that a record says which run it is of, and the same run is never paid for
twice.
"""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from snip_lib import data, models, schemes
from snip_lib.scoring import criteria
from snip_lib.training import Recipe
from snip_lib.words import nearest


def later(default: object):
    """A field added after records existed: left out of the hash while it has its default, so that old names stand."""
    return field(default=default, metadata={"later": True})


METHOD = 1  # raised by one when a change in any room changes results; records of an older method show as stale
SCORES = ("score_init", "score_std", "redraw", "batch_norm", "pruning_batch", "pruning_label")  # go into the scores
SCORING = ("criterion", *SCORES, "control", "pretrain", "biases", "repair")  # idle in a dense run
BATCH = ("pruning_batch", "pruning_label")
IDLE = {"magnitude": ("batch_norm", *BATCH), "synflow": BATCH, "random": SCORES}  # by criterion
CHOICES = {  # of fields that name one of a few
    "layout": ("plain", "channels-last"),
    "labels": ("true", "random"),
    "control": ("none", "shuffled", "inverted", "redrawn", "magnitude", "other-inputs", "other-units"),
    "biases": ("pruned", "kept"),
    "validation": ("spared", "trained"),
    "repair": ("none", "isometry", "scale"),
}


@dataclass(frozen=True)
class Run:
    """One network, pruned once and trained, with every choice that changes the result.

    data, network: names of the data and model rooms. sparsity: as a decimal string or number in [0, 1); 0 is the dense
    network, whatever the criterion. criterion: a name of the criteria room. init: of the trained weights; score_init:
    of the scored ones (None: the same scheme); std and score_std go with "rn" and "tn". redraw: whether the trained
    weights are drawn anew after scoring, as the authors' code does. pruning_batch: examples scored. seed: of the
    weights, the pruning batch, the random criterion and the order of the training batches. split_seed: of the
    validation split. pruning_label: the class that all examples scored have, None for examples of any.
    labels: "true", or "random" to train on labels drawn uniformly while the mask comes from the true ones (Figure 4).
    threads: of torch on a CPU, where their number changes the last digits. dtype, layout: what the run wishes to be
    computed in (`Execution.on`); a device that has no such thing computes in float32, and the record says so.
    control: what becomes of the criterion's mask before training (`runner.masking`): "none" leaves it, "shuffled",
    "inverted" and "magnitude" keep as many of each tensor at other places, "redrawn" is the mask of another draw,
    "other-inputs" and "other-units" deal the first layer anew, by unit or by input.
    pretrain: how many times the network is trained by the recipe and pruned before it is trained by the recipe again,
    the share left falling evenly on a logarithmic scale; 0 prunes before any training. biases: "pruned" with the
    weights, as the authors do, or all "kept" and not counted. validation: "spared", or "trained" on too. repair: what
    is done to the weights that are left before they are trained (`pruning.isometry`).

    >>> run = Run("mnist", "lenet-300-100", 0.95, Recipe(iterations=15_000, batch_size=100, learning_rate=0.1), seed=0)
    >>> run.name, Run(**run.to_dict()) == run
    ('13afc4df81749ba5', True)
    """

    data: str
    network: str
    sparsity: float
    recipe: Recipe
    seed: int
    criterion: str = "snip"
    init: str = "vs-l"
    std: float | None = None
    score_init: str | None = None
    score_std: float | None = None
    redraw: bool = True
    batch_norm: str = "identity"
    pruning_batch: int = 100
    split_seed: int = 0
    labels: str = "true"
    threads: int = 1
    dtype: str = "float32"
    layout: str = later("plain")
    control: str = later("none")
    pretrain: int = later(0)
    biases: str = later("pruned")
    validation: str = later("spared")
    repair: str = later("none")
    pruning_label: int | None = later(None)

    def __post_init__(self):
        if isinstance(self.recipe, dict):  # as read from a record
            self._set(recipe=Recipe(**self.recipe))
        data.check_name(self.data)
        criteria.check_name(self.criterion)
        models.named(self.network)
        self._set(init=schemes.canonical(self.init, self.std), sparsity=float(self.sparsity))
        if self.score_init is not None:
            self._set(score_init=schemes.canonical(self.score_init, self.score_std))
            if not self.redraw:
                raise ValueError("redraw=False scores the weights that are trained, so it takes no score_init")
        elif self.score_std is not None:
            raise ValueError("score_std goes with score_init, which is not given")
        if not 0 <= Fraction(str(self.sparsity)) < 1:
            raise ValueError(f"sparsity must be in [0, 1), got {self.sparsity}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}")
        classes = [str(label) for label in range(data.SOURCES[self.data].classes)]
        if self.pruning_label is not None and repr(self.pruning_label) not in classes:  # True and 3.0 are none either
            raise ValueError(f"{self.data} has no class {self.pruning_label!r} for pruning_label")
        self._check_pretrain()
        self._set(**{f.name: f.default for f in dataclasses.fields(self) if f.name in self._idle()})

    def _idle(self) -> set[str]:
        """The choices that change nothing here, so that one computation has one name: all dense runs of a seed."""
        idle = set(SCORING) if self.sparsity == 0 else set(IDLE.get(self.criterion, ()))
        if "valid" in data.SOURCES[self.data].sizes:  # a sample, which is split already
            idle.add("split_seed")
        if self.batch_norm != "identity" and not models.NETWORKS[self.network].normalises:
            idle.add("batch_norm")
        if self.layout != "plain" and not models.NETWORKS[self.network].convolves:
            idle.add("layout")
        return idle

    def _check_pretrain(self) -> None:
        if isinstance(self.pretrain, bool) or not isinstance(self.pretrain, int) or self.pretrain < 0:
            raise ValueError(f"pretrain must be a whole number from 0 on, got {self.pretrain!r}")
        if self.pretrain and (self.redraw or self.control != "none"):
            raise ValueError("pretrain prunes the weights that it trained: it needs redraw=False and control='none'")

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """Sixteen hexadecimal digits: the hash of the run's content."""
        return hashlib.sha256(json.dumps(_hashed(self), sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict:
        """Every field, defaults written out, as a record holds it; `Run(**d)` reads it back."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


def _hashed(value: object) -> dict:
    content = {}
    for f in dataclasses.fields(value):
        item = getattr(value, f.name)
        if f.metadata.get("later") and item == f.default:
            continue
        content[f.name] = _hashed(item) if dataclasses.is_dataclass(item) else item
    return content


@dataclass(frozen=True)
class Row:
    """One line of a table, or one point of a figure: what is run, and what the paper says of it.

    key: what tells the row from the others, such as {"network": "vgg-d", "sparsity": 0.95}. run: with seed 0; the other
    seeds follow from it. paper: the paper's test error in percent, None where it gives none. paper_std, paper_runs:
    its spread in points and number of runs, where stated. dense: key of the row from which the change is measured.

    >>> from snip_lib import studies
    >>> row = studies.named("table1").rows("paper")[1]
    >>> row.key, row.paper, row.seeded(3).seed
    ({'network': 'lenet-300-100', 'sparsity': 0.95}, 1.6, 3)
    """

    key: dict[str, object]
    run: Run
    paper: float | None = None
    paper_std: float | None = None
    paper_runs: int | None = None
    dense: dict[str, object] | None = None

    def seeded(self, seed: int) -> Run:
        """The run of this row with another seed."""
        return dataclasses.replace(self.run, seed=seed)


@dataclass(frozen=True)
class Experiment:
    """A table or a figure of the paper, or a study of ours.

    declared: profile -> its rows. seeds: profile -> how many seeds are run where nobody says otherwise; its keys are
    the profiles there are.

    >>> from snip_lib import studies
    >>> len(studies.named("table2").plan("paper", seeds=1))
    24
    """

    name: str
    title: str
    declared: Callable[[str], list[Row]]
    seeds: dict[str, int]

    def rows(self, profile: str) -> list[Row]:
        """The rows of a profile. ValueError for one that the experiment does not have."""
        if profile not in self.seeds:
            known = ", ".join(self.seeds)
            raise ValueError(f"{self.name} has no profile {profile!r}; known: {known}{nearest(profile, self.seeds)}")
        return self.declared(profile)

    def plan(self, profile: str, *, seeds: int | None = None) -> list[Run]:
        """All runs of a profile, one seed of every row before a second seed of any."""
        rows = self.rows(profile)
        runs = [row.seeded(seed) for seed in range(self.seeds[profile] if seeds is None else seeds) for row in rows]
        return list(dict.fromkeys(runs))  # a run that two rows share is run once
