"""python -m tools.bench: measure, print one table, save it in data/results/bench.json.

Each part keeps its date and the load before it. Rows of other parts stay, where the file was measured on the same
machine with the same libraries.
"""

import argparse
import datetime
import json
from dataclasses import asdict
from pathlib import Path

from tools.bench.clock import ROOT, Row, machine
from tools.bench.parts import PARTS

SAME = ("cpu", "cores", "gpu", "torch", "python")  # of two machines whose rows may stand in one table
CHANGING = ("threads", "bfloat16", "load before")  # from one part to the next: processors of one name differ


def main() -> None:
    """Run the parts asked for, print their rows, and save after each: a bench that is stopped keeps what it has."""
    options, here = _options(), machine()
    print(", ".join(f"{key} {value}" for key, value in here.items() if value is not None), flush=True)
    for name in options.only or PARTS:
        content = begun(options.out, {key: here[key] for key in SAME}, small=options.small)
        when = {"date": datetime.date.today().isoformat(), **{key: machine()[key] for key in CHANGING}}
        rows = [asdict(row) | {"met": row.met} for row in _printed(PARTS[name](options.repeats, options.small))]
        content["measured"][name] = when
        content["rows"] = [row for row in content["rows"] if row["part"] != name] + rows
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"saved in {options.out}")


def begun(path: Path, here: dict, *, small: bool) -> dict:
    """The table that a file holds, to be added to; an empty one where it is of another machine or of other sizes."""
    empty = {"machine": here, "small": small, "measured": {}, "rows": []}
    if not path.is_file():
        return empty
    before = json.loads(path.read_text(encoding="utf-8"))
    if before["small"] == small and before["machine"] == here:
        return before
    print(f"{path} is of another machine, other libraries or other sizes: its rows are dropped")
    return empty


def _printed(rows: list[Row]) -> list[Row]:
    for row in rows:
        print(line(row), flush=True)
    return rows


def line(row: Row) -> str:
    """One row of the table as text."""
    ratio = f"{row.value:.3f} s" if row.part == "import" else f"{row.value:.3g}"
    wanted = "" if row.goal is None else f"{'' if row.met else 'MISSED: '}{row.goal[0]} {row.goal[1]:g}"
    return f"{row.what:66} {row.ours:9.4g} {row.unit:3} | {row.beside:26} {row.other:9.4g} | {ratio:>8}  {wanted}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts alone")
    parser.add_argument("--repeats", type=int, default=7, help="measurements of each, of which the median counts")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to see that everything runs")
    parser.add_argument("--out", type=Path, default=ROOT / "data" / "results" / "bench.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
