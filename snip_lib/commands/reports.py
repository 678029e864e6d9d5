"""What the reading commands print: experiments, status, tables, data sets; and merging records."""

from pathlib import Path

from snip_lib import data, studies, tables
from snip_lib.records import Merged, Records, files_of
from snip_lib.runner.estimates import History, words


def listing() -> None:
    """Print the experiments, each with its profiles and how many runs they have."""
    for experiment in studies.EXPERIMENTS.values():
        sizes = ", ".join(f"{profile} {len(experiment.plan(profile))}" for profile in experiment.seeds)
        print(f"{experiment.name:<9}{experiment.title}\n{'':<9}runs: {sizes}")


def status(experiment: str | None, profile: str | None, records: Records) -> int:
    """Print what is recorded and what is not, and every damaged line; 1 when there is any."""
    one = studies.named(experiment) if experiment else None
    if one is not None and profile is not None:
        one.plan(profile)  # an unknown profile is an error here; without a name, an experiment that lacks it is skipped
    history, damaged = History.of(records), 0
    print(f"{'experiment':<11}{'profile':<9}recorded  missing  begun  stale  diverged  time left (one worker, CPU)")
    for each in [one] if one else studies.EXPERIMENTS.values():
        for name in each.seeds if profile is None else {profile} & set(each.seeds):
            print(_status_line(each, name, records, history))
        if again := records.again.read(each.name)[0]:
            print(f"{each.name}: {len(again)} of these were made again elsewhere, equal to the bit")
        damaged += _complain(each.name, records)
    return 1 if damaged else 0


def table(experiment: str, profile: str, records: Records) -> int:
    """Print the paper's numbers beside ours, and every damaged line; 1 when there is any."""
    frame = tables.table(experiment, profile=profile, records=records)
    print(f"{studies.named(experiment).title}; profile {profile}; test error in percent, changes in points")
    print(tables.shown(frame).to_string(index=False))
    if (missing := int((frame.n == 0).sum())) > 0:
        print(f"{missing} rows are not run yet: python -m snip_lib run {experiment} --profile {profile}")
    return 1 if _complain(experiment, records) else 0


def merge(sources: list[Path], records: Records) -> int:
    """Add what is new in these folders and files, and print what was found; 1 when anything was damaged."""
    damaged = 0
    for source in sources:
        for path in files_of(source):
            done = records.merge(path)
            print(f"{path}: {_merged(done)}")
            for note in done.notes:
                print(note)
            for complaint in done.complaints:
                print(f"warning: {complaint}")
            damaged += len(done.complaints)
    return 1 if damaged else 0


def _merged(done: Merged) -> str:
    again = f", {done.again} made again, equal to the bit" if done.again else ""
    differing = f", {done.differing} differing from ours, kept beside them" if done.differing else ""
    return f"{done.new} new, {done.known} known{again}{differing}"


def datasets(names: list[str]) -> None:
    """Print which data sets are here; fetch and check those that are named."""
    for name in names:
        data.check_name(name)
    for name in names or data.NAMES:
        if names:
            loaded = data.load(name)
            sizes = len(loaded.train_y), len(loaded.valid_y), len(loaded.test_y)
            print(f"{name}: {sizes[0]} training, {sizes[1]} validation, {sizes[2]} test")
        else:
            where = "ships with the book" if name in data.SAMPLES else f"in {data.root()}"
            print(f"{name:<14} " + (where if data.available(name) else f"not here: python -m snip_lib data {name}"))


def _status_line(experiment: studies.Experiment, profile: str, records: Records, history: History) -> str:
    counts = tables.status(experiment, profile, records=records)
    names = {record["name"] for record in records.read(experiment.name)[0]}
    times = [history.seconds(run, "cpu") for run in experiment.plan(profile) if run.name not in names]
    left = words(sum(times)) if all(times) else "?"
    return (
        f"{experiment.name:<11}{profile:<9}{counts['recorded']:>4}/{counts['planned']:<6}{counts['missing']:>5}"
        f"{counts['begun']:>7}{counts['stale']:>7}{counts['diverged']:>10}  {left}"
    )


def _complain(experiment: str, records: Records) -> int:
    complaints = records.read(experiment)[1]
    for complaint in complaints:
        print(f"warning: {complaint}")
    return len(complaints)
