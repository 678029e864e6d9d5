"""What the commands print that read records: status, tables, the agenda; and merging records."""

import shlex
from pathlib import Path

from snip_lib import studies, tables
from snip_lib.records import Merged, Records, files_of
from snip_lib.runner.estimates import History, words
from snip_lib.studies import agenda

NAMED = max(len(name) for name in studies.EXPERIMENTS) + 2  # width of the column of names


def status(experiment: str | None, profile: str | None, records: Records) -> int:
    """Print what is recorded and what is not, and every damaged line; 1 when there is any."""
    one = studies.named(experiment) if experiment else None
    if one is not None and profile is not None:
        one.plan(profile)  # an experiment without the profile is an error here; without a name, it is skipped
    history, damaged = History.of(records), 0
    print(
        f"{'experiment':<{NAMED}}{'profile':<9}recorded  missing  begun  stale  diverged  time left (one worker, CPU)"
    )
    for each in [one] if one else studies.EXPERIMENTS.values():
        for name in each.seeds if profile is None else {profile} & set(each.seeds):
            print(_status_line(each, name, records, history))
        if again := records.again.read(each.name)[0]:
            print(f"{each.name}: {len(again)} of these were made again elsewhere, equal to the bit")
        damaged += _complain(each.name, records)
    return 1 if damaged else 0


def agenda_status(profile: str | None, records: Records) -> int:
    """Print the steps of the agenda, with the hours left of each; 1 when a line of the records is damaged."""
    history, total, unknown = History.of(records), 0.0, 0
    steps = agenda.steps() if profile is None else [(f"all, profile {profile}", agenda.parts(profile))]
    counted: set = set()  # runs that an earlier step counts already: recorded once, they are copied
    print(f"{'in this order':<46}recorded  time left (one worker, CPU)")
    for title, parts in steps:
        planned = [(part, run) for part in parts for run in part.runs]
        there = {(p.experiment, p.profile): records.names(p.experiment, p.profile) for p in parts}
        missing = {run for part, run in planned if run.name not in there[part.experiment, part.profile]}
        times = [history.seconds(run, "cpu") for run in missing - counted]
        counted |= missing
        left, strange = sum(time for time in times if time is not None), times.count(None)
        total, unknown = total + left, unknown + strange
        print(f"{title:<46}{len(planned) - _count(planned, missing):>4}/{len(planned):<6}{_left(left, strange)}")
    print(f"{'altogether':<57}{_left(total, unknown)}")
    damaged = [_complain(name, records) for name in studies.EXPERIMENTS]
    return 1 if any(damaged) else 0


def table(experiment: str, profile: str, records: Records, named: Path | None = None) -> int:
    """Print the paper's numbers beside ours, and every damaged line; 1 when there is any.

    named: the folder that `--records` named, which the command for what is missing must name too.
    """
    frame = tables.table(experiment, profile=profile, records=records)
    one = studies.named(experiment)
    print(f"{one.title}; profile {profile}; test error in percent, changes in points")
    print(tables.shown(frame).to_string(index=False))
    counts = tables.status(one, profile, records=records)
    if counts["missing"]:
        where = f" --records {shlex.quote(str(named))}" if named else ""
        command = f"python -m snip_lib run {experiment} --profile {profile}{where}"
        print(f"{counts['missing']} of {counts['planned']} runs are not recorded yet: {command}")
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


def _status_line(experiment: studies.Experiment, profile: str, records: Records, history: History) -> str:
    counts = tables.status(experiment, profile, records=records)
    names = records.names(experiment.name, profile)
    times = [history.seconds(run, "cpu") for run in experiment.plan(profile) if run.name not in names]
    left = _left(sum(time for time in times if time is not None), times.count(None))
    return (
        f"{experiment.name:<{NAMED}}{profile:<9}{counts['recorded']:>4}/{counts['planned']:<6}{counts['missing']:>5}"
        f"{counts['begun']:>7}{counts['stale']:>7}{counts['diverged']:>10}  {left}"
    )


def _left(seconds: float, unknown: int) -> str:
    """A length of time, and how many runs it leaves out because nothing like them is recorded."""
    if not unknown:
        return words(seconds)
    return f"{words(seconds)} and {unknown} runs of unknown length" if seconds else "?"


def _count(planned: list, missing: set) -> int:
    return sum(run in missing for _, run in planned)


def _complain(experiment: str, records: Records) -> int:
    complaints = records.read(experiment)[1]
    for complaint in complaints:
        print(f"warning: {complaint}")
    return len(complaints)
