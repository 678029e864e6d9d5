#!/bin/sh
# Everything `make test` checks, cheapest first; `--all` adds the slow tests, and that every page was executed with the
# library as it is, which a release needs. It writes nothing that git tracks.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python
which='not slow and not browser'
if [ "${1:-}" = --all ]; then which='not browser'; fi
workers="-n ${WORKERS:-2} --dist loadfile"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE PYTHONHASHSEED=0 SNIP_STATIC=1
step() { printf '\n== %s\n' "$*"; }

tracked() { git status --porcelain book data 2>/dev/null; git diff book data 2>/dev/null | cksum; }
before=$(tracked)

step "ruff"
$python -m ruff check .
$python -m ruff format --check --quiet .
if [ "${1:-}" = --all ]; then
    step "pages executed with today's library"
    $python -m tools.notebooks stale
fi
step "unit tests"
$python -m pytest -q $workers -m "$which" tests
step "every notebook, its outputs compared"
SNIP_DATA="${TMPDIR:-/tmp}/no-data-sets" $python -m pytest -q $workers -p no:cacheprovider --nbval-lax --nbval-current-env --nbval-cell-timeout 600 book
step "the book"
$python -m tools.book
step "the built book in a browser"
$python -m tools.browser
$python -m pytest -q -rs -n "${WORKERS:-2}" -m browser tests
if [ "$(tracked)" != "$before" ]; then echo "the tests changed book/ or data/" >&2; exit 1; fi
$python -m tools.browser why
