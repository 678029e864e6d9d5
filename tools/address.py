"""Write the repository's address everywhere at once: `make address URL=https://github.com/OWNER/REPO`.

It goes into `_config.yml` (the buttons), the first cell of every notebook, README.md and CITATION.cff. Nothing has to
be executed or installed again.
"""

import re
import sys
from pathlib import Path

import nbformat

from tools import first_cell, notebooks

PLACEHOLDER = "https://github.com/OWNER/REPO"
GITHUB = r"https://github\.com/[\w.-]+/[\w.-]+"


def normalised(url: str) -> str:
    """The address without a trailing slash or `.git`; raises ValueError for what is not a repository on GitHub."""
    url = url.strip().removesuffix("/").removesuffix(".git")
    if not re.fullmatch(GITHUB, url) or url == PLACEHOLDER:
        raise ValueError(f"not a repository on GitHub: {url!r}. Use: make address URL={PLACEHOLDER}")
    return url


def configure(text: str, url: str) -> str:
    """`_config.yml` with the address, the repository's button and Colab's."""
    lines = {
        "repository_url": f'"{url}"',
        "use_repository_button": "true",
        "launch_buttons": '{colab_url: "https://colab.research.google.com"}',
    }
    for key, value in lines.items():
        text, count = re.subn(rf"^( *{key}:).*$", rf"\1 {value}", text, flags=re.MULTILINE)
        if count != 1:
            raise ValueError(f"_config.yml has {count} lines {key}: instead of one")
    return text


def write(url: str, root: Path = first_cell.ROOT) -> list[Path]:
    """Write `url` into every place under `root`; gives the files that changed."""
    old = first_cell.published_address(root) or PLACEHOLDER
    config, readme, citation = root / "_config.yml", root / "README.md", root / "CITATION.cff"
    cited = re.sub(
        r"^(# )?repository-code:.*$",
        f'repository-code: "{url}"',
        citation.read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    after = {
        config: configure(config.read_text(encoding="utf-8"), url),
        readme: readme.read_text(encoding="utf-8").replace(old, url),
        citation: cited,
    }
    changed = [path for path, text in after.items() if path.read_text(encoding="utf-8") != text]
    for path in changed:
        path.write_text(after[path], encoding="utf-8")
    for path in notebooks.find(root / "book"):
        notebook = nbformat.read(path, as_version=4)
        before = notebook.cells[0].source
        notebook.cells[0].source = first_cell.source(url)
        if before != notebook.cells[0].source:
            notebooks.write(notebook, path)
            changed.append(path)
    return changed


def main(arguments: list[str]) -> int:
    try:
        changed = write(normalised(" ".join(arguments)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(notebooks.shown(path) for path in changed) or "the address stands everywhere already")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
