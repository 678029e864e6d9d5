"""Adding records that were made on another machine: each is checked, and what is here already is not added again."""

from dataclasses import dataclass, field
from pathlib import Path

from snip_lib import results
from snip_lib.results import arrays, files, recording


@dataclass
class Merged:
    """What came of one file: records added, already here, added beside another of the same run, and complaints."""

    new: int = 0
    known: int = 0
    differing: int = 0
    complaints: list[str] = field(default_factory=list)


def files_of(source: Path) -> list[Path]:
    """The files of records in a folder, or the one file. Raises RecordError when there is none."""
    found = sorted(source.glob("*.jsonl")) if source.is_dir() else [source]
    if not found or not all(path.is_file() and path.suffix == ".jsonl" for path in found):
        raise results.RecordError(f"{source}: no records there (a folder with .jsonl files, or one such file)")
    return found


def merge(path: Path, records: Path) -> Merged:
    """Add the sound records of one file to a folder, with their arrays; `path.stem` names the experiment."""
    found, complaints = results.read(path.stem, records=path.parent)
    done = Merged(complaints=complaints)
    here = {record["name"] for record in results.read(path.stem, records=records)[0]}
    for record in found:
        if record["arrays"] and (problem := _fetch_arrays(record, path.parent, records)):
            done.complaints.append(f"{path}: run {record['name']} is skipped: {problem}")
        elif not recording.append(record, path.stem, records=records, twins=True):
            done.known += 1
        elif record["name"] in here:
            done.differing += 1
        else:
            done.new += 1
    return done


def _fetch_arrays(record: dict, source: Path, records: Path) -> str | None:
    """Copy a record's arrays after checking their hash; what is wrong, or None."""
    try:
        arrays.read(record, source)
    except ValueError as error:
        return str(error)
    theirs, ours = arrays.path_of(record["name"], source), arrays.path_of(record["name"], records)
    if not ours.is_file():
        files.write_whole(ours, theirs.read_bytes())
    return None
