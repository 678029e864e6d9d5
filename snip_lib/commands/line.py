"""The commands of `python -m snip_lib`: what each takes, and what it prints.

Exit codes: 0 all that was asked for is done; 1 something failed, or a record was damaged; 2 the command makes no sense;
3 the time was up, or another runner is at it: the same command goes on; 130 interrupted, after a checkpoint.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

from snip_lib.commands import rehearse, reports
from snip_lib.commands.options import Parser, chosen, device, records_to_read, records_to_write, shard
from snip_lib.records import RecordError, Records

DONE, FAILED, SENSELESS, UNFINISHED, INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns its exit code. Errors that say what to do are printed as one line."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
        warnings.simplefilter("always", UserWarning)
        try:
            given = parser().parse_args(arguments)
            code = given.command(given)
            sys.stdout.flush()
            return code
        except BrokenPipeError:  # `| head` has read enough; Python would complain once more when it closes its output
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except (ValueError, ModuleNotFoundError) as error:
            return _say(error, SENSELESS)
        except (RecordError, OSError) as error:
            return _say(error, FAILED)
        except KeyboardInterrupt:
            return INTERRUPTED


def parser() -> Parser:
    """The whole command line, with its help."""
    top = Parser(
        prog="python -m snip_lib",
        description="Run the experiments of SNIP, the book; read, check and merge what was recorded.",
        epilog="Exit codes: 0 done, 1 failed or damaged, 2 bad command, 3 time was up (run it again), 130 interrupted.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for add in (_list, _run, _status, _table, _merge, _data, _prune, rehearse.add):
        add(commands)
    return top


def _list(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("list", help="the experiments, their profiles and numbers of runs")
    one.set_defaults(command=lambda given: reports.listing() or DONE)


def _run(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "run",
        help="run what is not recorded yet",
        description="Run what is not recorded yet, one seed of every row before a second seed of any. Stops in time, "
        "and goes on where it stopped when started again, also after it was killed.",
    )
    one.add_argument("experiment", help="a name that `list` shows, such as figure1")
    _profile(one)
    one.add_argument("--minutes", type=float, help="stop within this time, with a checkpoint")
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … (default: a GPU where there is one)")
    one.add_argument("--seeds", type=int, help="seeds 0 to this less one (default: the profile's number)")
    one.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="only such runs, e.g. network=lenet-300-100 sparsity=0.9",
    )
    _records(one)
    one.add_argument("--shard", metavar="I/N", help="only the I-th of N shares, to split the work by hand")
    one.add_argument("--workers", type=int, help="runs side by side (default: one a core on a CPU, one on a GPU)")
    one.add_argument("--together", type=int, help="LeNets trained as one computation (default: 1 on a CPU, else 50)")
    one.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: spread over a cluster")
    one.add_argument("--checkpoint", type=float, default=60, metavar="SECONDS", help="between checkpoints (60)")
    one.add_argument("--dry-run", action="store_true", help="say what would be run, and how long it would take")
    one.set_defaults(command=_run_command)


def _status(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("status", help="what is recorded, missing, begun, stale or damaged")
    one.add_argument("experiment", nargs="?", help="one experiment (default: all)")
    one.add_argument("--profile", help="one profile (default: all)")
    _records(one)
    one.set_defaults(
        command=lambda given: reports.status(given.experiment, given.profile, records_to_read(given.records))
    )


def _table(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("table", help="the paper's numbers beside ours, with verdicts")
    one.add_argument("experiment", help="a name that `list` shows")
    _profile(one)
    _records(one)
    one.set_defaults(
        command=lambda given: reports.table(given.experiment, given.profile, records_to_read(given.records))
    )


def _merge(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "merge",
        help="add records made on another machine",
        description="Check records made elsewhere and add those that are new. Doing it twice adds nothing.",
    )
    one.add_argument("sources", nargs="+", type=Path, help="folders of records, or .jsonl files")
    _records(one)
    one.set_defaults(command=lambda given: reports.merge(given.sources, Records(given.records)))


def _data(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("data", help="list the data sets; with names: fetch and check them")
    one.add_argument("names", nargs="*", help="data sets to fetch, such as mnist")
    one.set_defaults(command=lambda given: reports.datasets(given.names) or DONE)


def _prune(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "prune",
        help="write the mask file of a network",
        description="Score a network once on a mini-batch, write its masks, and say what is kept of each layer.",
    )
    one.add_argument("network", help="one of the book's, or module:function of yours that returns an nn.Module")
    one.add_argument("--sparsity", type=float, required=True, help="share to prune, in [0, 1)")
    one.add_argument("--data", default="digits", help="data set whose training examples are scored (digits)")
    one.add_argument("--batch", type=int, default=100, help="examples scored (100)")
    one.add_argument("--criterion", default="snip", help="a name of sl.criteria: snip, magnitude, random … (snip)")
    one.add_argument("--init", help="draw the weights by this scheme first (ours: vs-l; yours: as they are)")
    one.add_argument("--batch-norm", default="identity", help="identity, batch or running (identity)")
    one.add_argument("--seed", type=int, default=0, help="of the weights and the mini-batch (0)")
    one.add_argument("--out", type=Path, required=True, help="file to write, NAME.safetensors")
    one.set_defaults(command=_prune_command)


def _prune_command(given: argparse.Namespace) -> int:
    from snip_lib.commands.pruning import prune_to_file

    prune_to_file(given)
    return DONE


def _run_command(given: argparse.Namespace) -> int:
    from snip_lib.commands import sweep

    runs = shard(chosen(given), given.shard)
    with records_to_write(given.records, kept=given.profile != "smoke") as where:
        plan = sweep.plan(given, runs, where, device(given.device))
        if given.dry_run:
            sweep.describe(plan)
            return DONE
        outcome = sweep.run(plan, engine_name=given.engine)
    if outcome.interrupted:
        return INTERRUPTED
    if outcome.failures:
        return FAILED
    return UNFINISHED if outcome.left else DONE


def _profile(one: argparse.ArgumentParser) -> None:
    one.add_argument("--profile", default="laptop", help="smoke, laptop, fast or paper (laptop)")


def _records(one: argparse.ArgumentParser) -> None:
    one.add_argument("--records", type=Path, metavar="DIR", help="folder of records (default: the book's own)")


def _say(error: Exception, code: int) -> int:
    text = " ".join(str(error).split())
    print(f"snip_lib: {text}", file=sys.stderr)
    return code
