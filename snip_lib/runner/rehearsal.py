"""A rehearsal: every network in every way that a device can compute, a few steps each, before hours depend on it.

Each is scored, pruned and trained on a sample from one seed, and compared with the same steps in plain float32 on the
CPU: the masks, the losses, how far the weights went, and that pruned ones are 0. A way that fails is a line, and the
next is tried.
"""

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from snip_lib import data, models, pruning
from snip_lib.data import DataSet
from snip_lib.pruning import Masks
from snip_lib.runner.ways import Way, ways
from snip_lib.studies import recipe_of
from snip_lib.training import Execution, Recipe, Trainer
from snip_lib.training.batched import BatchedTrainer, can_batch

STEPS, BATCH = 6, 8  # compared; a CUDA graph is captured at the fourth
TIMED = {"cpu": (3, BATCH), "cuda": (20, 128)}  # steps, and their batch
SPARSITY, RATE = 0.9, 1e-3  # a low rate, so that rounding is not amplified in these few steps
TOLERANCE = {False: 0.01, True: 0.05}  # relative, of a loss: in float32 (TF32 on a GPU), in bfloat16
WAY_OFF = 0.5  # of the way that the weights went on the CPU: a step that is not made, or made twice, is further off
AGREEMENT = 0.9  # Jaccard index of a device's mask with the CPU's
OUTCOMES = ("ok", "failed", "not here", "not tried")


@dataclass(frozen=True)
class Line:
    """What came of one network in one way. outcome: of `OUTCOMES`. note: why, where it is not ok. milliseconds: of a
    step at the batch of `TIMED`. difference: largest relative one of a loss from the CPU's."""

    network: str
    way: str
    outcome: str
    note: str = ""
    milliseconds: float | None = None
    difference: float | None = None


def rehearse(
    device: torch.device | str, *, networks: Sequence[str] | None = None, deadline: float | None = None
) -> Iterator[Line]:
    """The lines, the most telling first: one network of each family, then the others, then what is compiled.

    networks: some of `models.NETWORKS`, default all; compiled is one of each family alone. deadline: of
    `time.monotonic`; what is left then comes as "not tried". Raises ValueError for an unknown network.

    >>> [(line.way, line.outcome) for line in rehearse("cpu", networks=["lenet-300-100"], deadline=0)][:1]
    [('plain', 'not tried')]
    """
    over = None
    for network, way in _cases(device, [name for name in networks or models.NETWORKS if models.named(name)]):
        if over is None and deadline is not None and time.monotonic() >= deadline:
            over = "the time was up"
        if way.missing or over:
            yield Line(network, way.name, "not here" if way.missing else "not tried", way.missing or over)
            continue
        yield _tried(network, way, device)
        over = _lost(device)


def _cases(device: torch.device | str, networks: list[str]) -> list[tuple[str, Way]]:
    families: dict[object, str] = {}
    for name in networks:
        make = models.NETWORKS[name].make
        families.setdefault(getattr(make, "func", make), name)
    first = list(families.values())
    order = first + [name for name in networks if name not in first]
    plain = [(name, way) for name in order for way in ways(device) if not way.execution.compile]
    compiled = [(name, way) for name in first for way in ways(device) if way.execution.compile]
    return [(name, way) for name, way in plain + compiled if way.together == 1 or can_batch(_meta(name))]


def _meta(network: str) -> nn.Module:
    with torch.device("meta"):
        return models.NETWORKS[network](models.INPUT_SHAPES[network], 10)


def _tried(network: str, way: Way, device: torch.device | str) -> Line:
    """One line; whatever is raised is its note, because finding that out is what a rehearsal is for."""
    try:
        trainer = _trainer(network, way, device, BATCH, _reference(network).masks)
        difference = _compared(network, trainer, device)
        return Line(network, way.name, "ok", "", 1000 * _pace(network, way, device, trainer), difference)
    except Exception as error:
        text = " ".join(str(error).split()) or "no reason given"
        return Line(network, way.name, "failed", f"{type(error).__name__}: {text}"[:300])
    finally:
        if way.execution.compile:
            torch.compiler.reset()  # all steps share their code, of which few compiled versions are kept


def _lost(device: torch.device | str) -> str | None:
    """Why nothing more can be tried in this process: a GPU answers nothing after some errors."""
    if torch.device(device).type == "cpu":
        return None
    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    except RuntimeError as error:
        return f"the device no longer answers ({' '.join(str(error).split())[:80]})"
    return None


def _compared(network: str, trainer: Trainer, device: torch.device | str) -> float:
    """Train a few steps; the largest relative difference of a loss. ArithmeticError for what is not as it must be."""
    wanted = _reference(network)
    if (alike := _masks(network, device).jaccard(wanted.masks)) < AGREEMENT:
        raise ArithmeticError(
            f"the mask has a Jaccard index of {alike:.3f} with the CPU's, at least {AGREEMENT} wanted"
        )
    losses = torch.stack([trainer.step()[0].cpu() for _ in range(STEPS)])
    trainer.run(STEPS)  # evaluates
    difference = float(((losses - wanted.losses).abs() / wanted.losses).max())
    allowed = TOLERANCE[trainer.execution.autocast]
    if not difference <= allowed:  # nan is not
        raise ArithmeticError(
            f"a loss differs by {100 * difference:.2g} % from the CPU's, at most {allowed:.0%} wanted"
        )
    if not (off := _way_off(_weights(trainer), wanted)) <= WAY_OFF:
        raise ArithmeticError(f"the weights ended {off:.0%} of their way from where the CPU's did")
    return difference


def _way_off(weights: dict[str, Tensor], wanted: "Reference") -> float:
    """How far apart the weights ended, as a share of the way they went. ArithmeticError where a pruned one is not 0."""
    apart = way = 0.0
    for name, mask in wanted.masks.items():
        if weights[name][~mask].any():
            raise ArithmeticError(f"pruned weights of {name} are not 0 after {STEPS} steps")
        apart += float((weights[name] - wanted.weights[name]).square().sum())
        way += float((wanted.weights[name] - wanted.start[name]).square().sum())
    return (apart / way) ** 0.5


def _pace(network: str, way: Way, device: torch.device | str, trainer: Trainer) -> float:
    """Seconds of a step of one network: with the trainer that was compared, or with one of a batch as in earnest."""
    steps, batch = TIMED[torch.device(device).type]
    if batch != BATCH:
        trainer = _trainer(network, way, device, batch, _reference(network).masks)
        for _ in range(STEPS):
            trainer.step()
    _wait(device)
    start = time.perf_counter()
    for _ in range(steps):
        trainer.step()
    _wait(device)
    return (time.perf_counter() - start) / steps / way.together


def _wait(device: torch.device | str) -> None:
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


@dataclass(frozen=True)
class Reference:
    """What plain float32 on the CPU comes to: masks, losses of the first steps, weights after and before them."""

    masks: Masks
    losses: Tensor
    weights: dict[str, Tensor]
    start: dict[str, Tensor]


@functools.lru_cache(maxsize=1)
def _reference(network: str) -> Reference:
    masks = _masks(network, "cpu")
    trainer = _trainer(network, Way("plain", Execution()), "cpu", BATCH, masks)
    start = {name: value.clone() for name, value in _weights(trainer).items()}
    losses = torch.stack([trainer.step()[0] for _ in range(STEPS)])
    return Reference(masks, losses, _weights(trainer), start)


def _weights(trainer: Trainer) -> dict[str, Tensor]:
    """The weights on the CPU, of the first network where several are trained as one."""
    several = isinstance(trainer, BatchedTrainer)
    return {name: (p[0] if several else p).detach().cpu() for name, p in trainer.model.named_parameters()}


def _masks(network: str, device: torch.device | str) -> Masks:
    """The masks as scored on the device, moved to the CPU."""
    dataset = _sample(network, str(device))
    x, y = data.pruning_batch(dataset, BATCH, seed=0)
    masks = pruning.prune(_built(network, dataset), x, y, sparsity=SPARSITY, criterion="snip")
    return Masks({name: mask.cpu() for name, mask in masks.items()})


def _trainer(network: str, way: Way, device: torch.device | str, batch: int, masks: Masks) -> Trainer:
    dataset, execution = _sample(network, str(device)), way.execution
    recipe = _recipe(network, batch)
    masks = Masks({name: mask.to(device) for name, mask in masks.items()})
    if way.together == 1:
        return Trainer(_built(network, dataset), dataset, recipe, seed=0, masks=masks, execution=execution)
    count = way.together
    nets = [_built(network, dataset, seed) for seed in range(count)]
    return BatchedTrainer(nets, dataset, recipe, seeds=range(count), masks=[masks] * count, execution=execution)


def _recipe(network: str, batch: int) -> Recipe:
    """The network's recipe on a CPU, slow, evaluated once, and without augmentation: a GPU draws other shifts."""
    recipe, some = recipe_of("laptop", network), 100
    return replace(
        recipe, iterations=some * STEPS, batch_size=batch, learning_rate=RATE, augment=False, evaluations=some
    )


def _built(network: str, dataset: DataSet, seed: int = 0) -> nn.Module:
    shape, device = dataset.input_shape, dataset.train_x.device
    return models.build(network, generator=seed, input_shape=shape, classes=dataset.classes, device=device)


@functools.lru_cache(maxsize=2)
def _sample(network: str, device: str) -> DataSet:
    """The sample of the network's data set, of which little is evaluated."""
    dataset = data.load(data.SOURCES[models.NETWORKS[network].data].sample, device=device)
    few = {key: getattr(dataset, key)[:BATCH] for key in ("valid_x", "valid_y", "test_x", "test_y")}
    return replace(dataset, **few)
