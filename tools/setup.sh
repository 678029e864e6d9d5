#!/bin/sh
# Make .venv with the book's packages and this checkout in it. Usage: tools/setup.sh [--newest]
# --newest ignores constraints.txt. PYTHON names an interpreter; else the first one that is new enough is taken.
set -eu
cd "$(dirname "$0")/.."
die() { echo "setup: $*" >&2; exit 1; }
new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
room() { [ "$(df -Pk . | awk 'NR == 2 { print $4 }')" -ge 20480 ]; }  # 20 MB: less than pip needs to begin
full="the disk is full: make room (torch takes about a gigabyte) and run make again."

constraints="-c constraints.txt"
if [ "${1:-}" = --newest ]; then constraints=; fi

if [ ! -x .venv/bin/python ]; then
    python=
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
        if new_enough "$candidate"; then python=$candidate; break; fi
    done
    [ -n "$python" ] || die "the book needs Python 3.11 or newer; found $(python3 --version 2>&1 | tail -1). Install one, or name it: make PYTHON=/path/to/python"
    if ! said=$("$python" -m venv .venv 2>&1); then
        rm -rf .venv
        room || die "$full"
        case "$said" in
            *ensurepip* | *"No module named venv"*) die "$python cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt install python3-venv)." ;;
            *) die "$python cannot make a virtual environment: $(printf '%s\n' "$said" | tail -1)" ;;
        esac
    fi
fi

log=.venv/setup.log
echo "Installing torch and the book's packages into .venv (some minutes the first time; follow it in $log) ..."
# shellcheck disable=SC2086  # no constraints means no argument
if ! .venv/bin/python -m pip install --disable-pip-version-check $constraints -r requirements.txt -e . >$log 2>&1; then
    if ! room || grep -q "No space left" $log; then die "$full"; fi
    if grep -q -i -E "connection|name resolution|timed out|network is unreachable|ssl|proxy" $log; then
        die "no package index could be reached: check the network and run make again (details: $log)."
    fi
    die "the packages could not be installed: $(grep -i error $log | tail -1) (details: $log)."
fi
touch .venv/.ready
