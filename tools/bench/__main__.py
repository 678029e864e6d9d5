"""python -m tools.bench: measure, print one table, save it in data/results/bench.json.

With --only, the rows of the other parts stay, where the file was measured on the same machine with the same libraries.
"""

import argparse
import datetime
import json
from dataclasses import asdict
from pathlib import Path

from tools.bench.clock import ROOT, Row, machine
from tools.bench.parts import PARTS

SAME = ("cpu", "cores", "gpu", "torch", "python")  # of two machines whose rows may stand in one table


def main() -> None:
    """Read the options, run the parts, print and save."""
    options = _options()
    content = {"machine": machine(), "date": datetime.date.today().isoformat(), "small": options.small, "rows": []}
    print(", ".join(f"{key} {value}" for key, value in content["machine"].items() if value is not None), flush=True)
    for name in options.only or PARTS:
        for row in PARTS[name](options.repeats, options.small):
            print(line(row), flush=True)
            content["rows"].append({**asdict(row), "met": row.met})
    if options.only:
        content["rows"] = kept(options.out, content) + content["rows"]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"saved in {options.out}")


def kept(path: Path, content: dict) -> list[dict]:
    """The rows of a saved table whose parts were not measured anew; none of another machine or of other sizes."""
    if not path.is_file():
        return []
    before, again = json.loads(path.read_text(encoding="utf-8")), {row["part"] for row in content["rows"]}
    if before["small"] != content["small"] or any(before["machine"][key] != content["machine"][key] for key in SAME):
        print(f"{path} is of another machine, other libraries or other sizes: its rows are dropped")
        return []
    return [row for row in before["rows"] if row["part"] not in again]


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
