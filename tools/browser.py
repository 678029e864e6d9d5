"""Find a browser for the tests of the built book, or get one.

python -m tools.browser          print its path, after installing one where that is possible
python -m tools.browser why      print why there is none, if there is none
"""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge")
MAC = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")]
REASON = "no browser: none is installed, and neither playwright nor the package manager could bring one"
ROOT_USER = hasattr(os, "geteuid") and os.geteuid() == 0
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *["--no-sandbox"] * ROOT_USER,
]


def find() -> str | None:
    """Path of a Chromium or Chrome that starts; SNIP_BROWSER comes first, then what is installed, then playwright's."""
    named = [os.environ.get("SNIP_BROWSER"), *map(shutil.which, NAMES), *MAC]
    found = next((path for path in named if path and starts(path)), None)
    return found or playwrights_own()


def playwrights_own() -> str | None:
    """Path of the browser that `playwright install chromium` brings, if it is there and starts."""
    script = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    path = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.strip()
    return path if path and starts(path) else None


def starts(path: str) -> bool:
    """Whether the program is there and finds its libraries (a stub that only points to a store does not start)."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def install() -> str | None:
    """Try playwright's download, then apt-get where we are root; gives the path of what starts then."""
    attempts = [[sys.executable, "-m", "playwright", "install", "chromium"]]
    if shutil.which("apt-get") and ROOT_USER:
        attempts += [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]]
    patience = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "15000", "DEBIAN_FRONTEND": "noninteractive"}
    for command in attempts:
        try:
            subprocess.run(command, capture_output=True, timeout=600, env={**os.environ, **patience})
        except (OSError, subprocess.TimeoutExpired):
            continue
        if path := find():
            return path
    return None


def main(arguments: list[str]) -> int:
    path = find()
    if arguments == ["why"]:
        print("" if path else f"Not run: the tests in a browser ({REASON}).", end="" if path else "\n")
    else:
        print(path or install() or REASON)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
