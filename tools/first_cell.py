"""The first cell of every notebook: one template, and the book's published address that goes into it."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARK = "# Is the book here?"
TAGS = ["remove-cell"]

# A shell runs git, so that a missing git fails as a missing network does; askPass=true: git never waits for a name.
TEMPLATE = """\
# Is the book here? If not, it is cloned beside this notebook: {where}.
import os, subprocess, sys
from pathlib import Path
here, address = Path.cwd(), os.environ.get("SNIP_BOOK") or {address}
book = next((p for p in (here, *here.parents) if (p / "snip_lib/__init__.py").exists()), here / "snip-book")
clone = f'git -c core.askPass=true clone --quiet --depth=1 "{{address}}" "{{book}}"'
if not (book / "snip_lib").exists() and subprocess.run(clone, shell=True, stderr=subprocess.DEVNULL).returncode:
    raise SystemExit(f"The book could not be cloned from {{address}}: are git, the network or SNIP_BOOK amiss?")
sys.path.insert(0, str(book))
import snip_lib as sl"""


def published_address(root: Path = ROOT) -> str:
    """The repository's address in `_config.yml`, or "" before `make address URL=…` has set it."""
    found = re.search(r'^\s*repository_url: "(.*)"', (root / "_config.yml").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


def source(address: str | None = None) -> str:
    """The ten lines, with `address` (default: the published one) where the cell falls back on it."""
    address = published_address() if address is None else address
    where = "from its published address, or SNIP_BOOK" if address else "from SNIP_BOOK (no address is published yet)"
    return TEMPLATE.format(where=where, address=json.dumps(address or "an address that is not published yet"))
