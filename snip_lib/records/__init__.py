"""The records: one line of JSON a run in `data/results/<experiment>.jsonl`, written whole, checked when read.

`Records(folder)` reads and writes the records of one folder; `load`, `read` and `series` are those of the book's own.
A line that is torn, altered or unsound is reported and skipped. Files are opened by Python and never unpickled, so a
record from a stranger can be read.
"""

from snip_lib.records.book import load, read, series
from snip_lib.records.folder import Records, files_of
from snip_lib.records.merging import Merged
from snip_lib.records.record import DamagedRecord, RecordError, check, checksum, flat

__all__ = [
    "DamagedRecord",
    "Merged",
    "RecordError",
    "Records",
    "check",
    "checksum",
    "files_of",
    "flat",
    "load",
    "read",
    "series",
]
