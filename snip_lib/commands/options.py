"""The options of `python -m snip_lib`: what each command takes. What an argument may be, `values` says."""

import argparse

from snip_lib.commands import resolve, values
from snip_lib.commands.resolve import Parser


def parser() -> Parser:
    """The whole command line, with its help."""
    top = Parser(
        prog="python -m snip_lib",
        description="Run the experiments of SNIP, the book; read, check and merge what was recorded.",
        epilog="Exit codes: 0 done, 1 failed or damaged, 2 bad command, 3 time was up (run it again), 130 interrupted.",
    )
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)
    for add in (_list, _run, _status, _table, _merge, _data, _prune, _rehearse):
        add(commands)
    return top


def _list(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("list", help="the experiments, their profiles and numbers of runs")
    one.set_defaults(command="list")


def _run(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "run",
        help="run what is not recorded yet",
        description="Run what is not recorded yet, one seed of every row before a second seed of any; `all`: the "
        "book's agenda, in the order of what a reader asks first. Stops in time, and goes on where it stopped when "
        "started again, also after it was killed.",
    )
    one.add_argument(
        "experiments", nargs="+", type=values.experiment, metavar="NAME", help="names that `list` shows, or all"
    )
    _profile(one, default=None)
    one.add_argument("--minutes", type=values.positive, help="stop within this time, with a checkpoint")
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … (default: a GPU where there is one)")
    one.add_argument(
        "--seeds",
        type=values.whole(1, values.SEEDS),
        help="seeds 0 to this less one (default: the profile's number)",
    )
    one.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="only such runs, e.g. network=lenet-300-100 sparsity=0.9",
    )
    _records(one)
    one.add_argument("--shard", type=values.share, metavar="I/N", help="only the I-th of N shares, to split by hand")
    _machine(one)
    one.set_defaults(command="run")


def _machine(one: argparse.ArgumentParser) -> None:
    """How the runs are spread over the machine."""
    one.add_argument(
        "--workers",
        type=values.whole(1, values.WORKERS),
        help="runs side by side (default: one a core on a CPU, one on a GPU)",
    )
    one.add_argument(
        "--together",
        type=values.whole(1, values.TOGETHER),
        help="LeNets trained as one computation (default: 1 on a CPU, else 50)",
    )
    one.add_argument("--engine", choices=("local", "ray"), default="local", help="ray: spread over a cluster")
    one.add_argument(
        "--checkpoint", type=values.positive, default=60, metavar="SECONDS", help="between checkpoints (60)"
    )
    one.add_argument("--dry-run", action="store_true", help="say what would be run, and how long it would take")


def _status(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("status", help="what is recorded, missing, begun, stale or damaged")
    one.add_argument(
        "experiment",
        nargs="?",
        type=values.experiment,
        metavar="NAME",
        help="one experiment (default: every one), or all: the agenda, with the hours left",
    )
    _profile(one, default=None)
    _records(one)
    one.set_defaults(command="status")


def _table(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("table", help="the paper's numbers beside ours, with verdicts")
    one.add_argument("experiment", type=values.experiment, metavar="NAME", help="a name that `list` shows")
    _profile(one, default=resolve.PROFILE)
    _records(one)
    one.set_defaults(command="table")


def _merge(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "merge",
        help="add records made on another machine",
        description="Check records made elsewhere and add those that are new. Doing it twice adds nothing.",
    )
    one.add_argument("sources", nargs="+", type=values.folder, help="folders of records, or .jsonl files")
    _records(one)
    one.set_defaults(command="merge")


def _data(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser("data", help="list the data sets; with names: fetch and check them")
    one.add_argument("names", nargs="*", type=values.dataset, metavar="NAME", help="data sets to fetch, such as mnist")
    one.set_defaults(command="data")


def _prune(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "prune",
        help="write the mask file of a network",
        description="Score a network once on a mini-batch, write its masks, and say what is kept of each layer.",
    )
    add = one.add_argument
    yours = "module:function of yours that returns"
    add("network", type=values.network, help=f"one of the book's, or {yours} an nn.Module")
    add("--sparsity", type=values.sparsity, required=True, help="share to prune, in [0, 1)")
    add(
        "--data",
        type=values.examples,
        default="digits",
        help=f"data set whose training examples are scored (digits), or {yours} (inputs, labels)",
    )
    add("--batch", type=values.whole(1), default=100, help="examples of the data set that are scored (100)")
    add("--criterion", type=values.criterion, default="snip", help="snip, magnitude, random … (snip)")
    add("--init", type=values.scheme, help="draw the weights by this scheme first (ours: vs-l; yours: as they are)")
    add("--std", type=values.positive, help="standard deviation of the weights, for --init rn and tn")
    add("--batch-norm", choices=("identity", "batch", "running"), default="identity", help="(identity)")
    add("--seed", type=values.whole(0), default=0, help="of the weights and the mini-batch (0)")
    add("--out", type=values.mask_file, required=True, help="file to write, NAME.safetensors")
    one.set_defaults(command="prune")


def _rehearse(commands: argparse._SubParsersAction) -> None:
    one = commands.add_parser(
        "rehearse",
        help="try every network in every way that the device can compute",
        description="A few steps of every network on the samples that ship, in every way that the device can compute "
        "(bfloat16, channels-last, compiled, as a graph, together), compared with plain float32 on the CPU. "
        "Exit code: 0 all are well, 1 one failed, 3 the time was up.",
    )
    one.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 … (default: a GPU where there is one)")
    one.add_argument("--minutes", type=values.positive, default=10, help="try nothing more after this time (10)")
    one.add_argument("--only", nargs="+", type=values.book_network, metavar="NETWORK", help="these networks alone")
    one.add_argument("--out", type=values.written, metavar="FILE", help="keep the table in a file, as JSON")
    one.set_defaults(command="rehearse")


def _profile(one: argparse.ArgumentParser, *, default: str | None) -> None:
    said = "smoke, laptop, fast or paper"
    one.add_argument("--profile", type=values.profile, default=default, help=f"{said} ({default or 'see above'})")


def _records(one: argparse.ArgumentParser) -> None:
    one.add_argument("--records", type=values.folder, metavar="DIR", help="folder of records (default: the book's own)")
