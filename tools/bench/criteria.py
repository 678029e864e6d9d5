"""What each criterion costs, as a multiple of the one forward pass and gradient that SNIP cannot do without."""

import snip_lib as sl
from tools.bench import subjects
from tools.bench.clock import Row, medians


def criteria(repeats: int, small: bool) -> list[Row]:
    """The scores of one batch by every criterion of the table, beside the floor, turn by turn. No goal."""
    network, batch = ("lenet-300-100", 4) if small else ("lenet-5-caffe", 100)
    model, x, y = subjects.scored(network, batch)

    def scored(name: str) -> int:
        return len(sl.criteria.named(name)(model, x, y, generator=0))

    jobs = [lambda name=name: scored(name) for name in sl.criteria.CRITERIA]
    floor, *seconds = medians(lambda: len(subjects.floor(model, x, y)), *jobs, repeats=repeats)
    return [
        Row("criteria", f"{name} of {network}, batch {batch}", "floor", taken, floor, "s", taken / floor, None, repeats)
        for name, taken in zip(sl.criteria.CRITERIA, seconds, strict=True)
    ]
