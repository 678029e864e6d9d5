"""The commands of `python -m snip_lib`: what each does, and how it ends.

Exit codes: 0 all that was asked for is done; 1 something failed, or a record was damaged; 2 the command makes no sense;
3 the time was up, or another runner is at it: the same command goes on; 130 interrupted, after a checkpoint.

What a command needs is imported when it runs: help, `list` and a mistyped command answer without torch.
"""

import argparse
import os
import sys
import time
import warnings

from snip_lib.commands import resolve
from snip_lib.commands.options import parser

START = time.time()  # a deadline counts from the start of the process, as near as Python lets it
DONE, FAILED, SENSELESS, UNFINISHED, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors that say what to do are printed as one line."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        warnings.simplefilter("always", UserWarning)
        try:
            given = parser().parse_args(arguments)
            code = COMMANDS[given.command](given)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # `| head` has read enough; Python would complain once more when it closes its output
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:
            if (code := _code_of(error)) is None:
                raise
            print(f"snip_lib: {' '.join(str(error).split())}", file=sys.stderr)
            return code


def _list_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import listing

    listing.experiments()
    return DONE


def _run_command(given: argparse.Namespace) -> int:
    parts = resolve.chosen(given)  # before torch is imported
    from snip_lib.commands import sweep

    smoke = {part.profile for part in parts} == {"smoke"}
    with resolve.records_to_write(given.records, kept=not smoke) as where:
        plans = sweep.plans(given, parts, where, device=resolve.device(given.device), start=START)
        if given.dry_run:
            sweep.describe(plans)
            return DONE
        outcome = sweep.run(plans, engine_name=given.engine, kept=not smoke or given.records is not None)
    if outcome.interrupted:
        return INTERRUPTED
    if outcome.failures:
        return FAILED
    return UNFINISHED if outcome.left else DONE


def _status_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import reports

    records = resolve.records_to_read(given.records)
    if given.experiment == "all":
        return reports.agenda_status(given.profile, records)
    return reports.status(given.experiment, given.profile, records)


def _table_command(given: argparse.Namespace) -> int:
    if given.experiment == "all":
        raise ValueError("table shows one experiment: name one that `list` shows")
    from snip_lib.commands import reports

    return reports.table(given.experiment, given.profile, resolve.records_to_read(given.records), given.records)


def _merge_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import reports
    from snip_lib.records import Records

    return reports.merge(given.sources, Records(given.records))


def _data_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import listing

    listing.datasets(given.names)
    return DONE


def _prune_command(given: argparse.Namespace) -> int:
    from snip_lib.commands.pruning import prune_to_file

    prune_to_file(given)
    return DONE


def _rehearse_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import rehearse

    return rehearse.run(given)


COMMANDS = {
    "list": _list_command,
    "run": _run_command,
    "status": _status_command,
    "table": _table_command,
    "merge": _merge_command,
    "data": _data_command,
    "prune": _prune_command,
    "rehearse": _rehearse_command,
}


def _code_of(error: Exception) -> int | None:
    """The exit code of an error that says what to do; None for one that is a fault of this library."""
    if isinstance(error, (ValueError, ModuleNotFoundError)):
        return SENSELESS
    from snip_lib.records import RecordError

    return FAILED if isinstance(error, (RecordError, OSError)) else None
