"""The agenda: what is recorded first, in the order of what a reader asks first; `run all` goes through it.

A step may be of several experiments; within it one seed of every row comes before a second seed of any. What no step
names comes last, with as many seeds as its laptop profile has, so that `run all` leaves nothing out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from snip_lib.studies.index import EXPERIMENTS
from snip_lib.studies.run import Experiment, Run


@dataclass(frozen=True)
class Part:
    """Runs of one experiment and profile, in the order in which they are wanted."""

    experiment: str
    profile: str
    runs: list[Run]

    def only(self, wanted: Callable[[Run], bool]) -> "Part":
        """The part with those of its runs that are wanted."""
        return replace(self, runs=[run for run in self.runs if wanted(run)])


@dataclass(frozen=True)
class Step:
    """What is recorded at one place of the agenda.

    experiments: their names; networks: of the rows that are meant, empty for all. seeds: 0 to this less one, None for
    each experiment's own number.
    """

    title: str
    experiments: tuple[str, ...]
    networks: tuple[str, ...] = ()
    seeds: int | None = None
    profile: str = "laptop"

    def parts(self) -> list[Part]:
        """The runs of the step."""
        named = [EXPERIMENTS[name] for name in self.experiments if self.profile in EXPERIMENTS[name].seeds]
        found = together(named, self.profile, seeds=self.seeds)
        return [part.only(lambda run: not self.networks or run.network in self.networks) for part in found]


LENET, CAFFE = ("lenet-300-100",), ("lenet-5-caffe",)
VGGS, RECURRENT = ("vgg-like", "vgg-c", "vgg-d"), ("lstm-s", "lstm-b", "gru-s", "gru-b")
AGENDA = (
    Step("Algorithm 1 on the digits that ship", ("digits",)),
    Step("LeNet-300-100: Figures 1 and 3, Table 1", ("figure1", "figure3", "table1"), LENET, 5),
    Step("LeNet-300-100: Table 3", ("table3",), LENET, 5),
    Step("LeNet-5-Caffe: Figure 1, Table 1", ("figure1", "table1"), CAFFE, 3),
    Step("Figure 4", ("figure4",)),
    Step("what trains LeNet-5-Caffe", ("lenet5",), (), 3),
    Step("LeNet-300-100: pruned by one class", ("one-class",), (), 3),
    Step("LeNet-300-100: controls, pruning later", ("controls", "lwc"), LENET, 5),
    Step("LeNet-300-100: why worse than the paper", ("explain",), LENET, 3),
    Step("AlexNet on CIFAR-10: Table 2", ("table2",), ("alexnet-s", "alexnet-b"), 3),
    Step("random labels under other masks", ("figure4-masks",), (), 3),
    Step("the controls with convolutions", ("controls-resnet20", "controls-lenet5"), (), 3),
    Step("VGG on CIFAR-10, one seed: Table 2", ("table2",), VGGS, 1),
    Step("recurrent networks: the rate", ("search-recurrent",)),
    Step("recurrent networks: Table 2", ("table2",), RECURRENT, 3),
    Step("the silent choices with batch norm", ("silent", "silent-alexnet"), (), 3),
    Step("Table 3, the other networks", ("table3",), (), 3),
    Step("Table 3 over the spread of the weights", ("table3-scale",), (), 3),
    Step("very deep networks", ("deep",), (), 3),
    Step("Tiny-ImageNet, one seed", ("tiny",), (), 1),
    Step("WRN-16-8, one seed: Table 2", ("table2",), ("wrn-16-8",), 1),
    Step("VGG, two more seeds: Table 2", ("table2",), VGGS, 3),
    Step("WRN-22-8 and WRN-16-10, one seed: Table 2", ("table2",), ("wrn-22-8", "wrn-16-10"), 1),
    Step("all else in the laptop profile", tuple(EXPERIMENTS)),
    Step("LeNet-300-100 by the paper's recipe", ("figure1", "table1", "figure3"), LENET, None, "paper"),
)


def parts(profile: str | None = None, *, seeds: int | None = None) -> list[Part]:
    """The whole agenda, each run once; with a profile, all experiments that have it instead, in the agenda's order."""
    if profile is None:
        return [part for _, found in steps(seeds=seeds) for part in found]
    order = dict.fromkeys(name for step in AGENDA for name in step.experiments)
    return together([EXPERIMENTS[n] for n in order if profile in EXPERIMENTS[n].seeds], profile, seeds=seeds)


def steps(*, seeds: int | None = None) -> list[tuple[str, list[Part]]]:
    """(title, parts) of each step, without the runs of an experiment that an earlier step has; seeds: the most."""
    seen: set[tuple[str, str, Run]] = set()
    found = []
    for step in AGENDA:
        fresh = [_fresh(part, seen, seeds) for part in step.parts()]
        found.append((step.title, _joined(fresh)))
    return found


def together(experiments: Iterable[Experiment], profile: str, *, seeds: int | None = None) -> list[Part]:
    """The runs of several experiments, one seed of every row of all of them before a second seed of any.

    seeds: 0 to this less one; None for each experiment's own number. ValueError for a profile that one does not have.
    """
    plans = {one.name: _by_seed(one.plan(profile, seeds=seeds)) for one in experiments}
    most = sorted({seed for plan in plans.values() for seed in plan})
    return _joined([Part(name, profile, plan.get(seed, [])) for seed in most for name, plan in plans.items()])


def _by_seed(runs: Iterable[Run]) -> Mapping[int, list[Run]]:
    found: dict[int, list[Run]] = {}
    for run in runs:
        found.setdefault(run.seed, []).append(run)
    return found


def _fresh(part: Part, seen: set[tuple[str, str, Run]], seeds: int | None) -> Part:
    def wanted(run: Run) -> bool:
        key = (part.experiment, part.profile, run)
        fresh = key not in seen and (seeds is None or run.seed < seeds)
        seen.add(key)
        return fresh

    return part.only(wanted)


def _joined(found: Iterable[Part]) -> list[Part]:
    """The parts that have runs, neighbours of one experiment and profile as one."""
    joined: list[Part] = []
    for part in found:
        last = joined[-1] if joined else None
        if last and (last.experiment, last.profile) == (part.experiment, part.profile):
            joined[-1] = replace(last, runs=last.runs + part.runs)
        elif part.runs:
            joined.append(part)
    return joined
