# The two commands are `make book` and `make test`; each sets up what it needs. `make help` lists the others.
SHELL := /bin/sh
PY := .venv/bin/python
STARTED := $(shell date +%s)
export PYTHONHASHSEED := 0
export OMP_WAIT_POLICY := PASSIVE
WORKERS ?= 2

.PHONY: help book test test-all notebooks stale serve address bench lint newest setup clean
.DEFAULT_GOAL := help

help:  ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

book: .venv/.ready  ## execute the stale notebooks and build the pages into _build/html
	@$(PY) -m tools.book --execute --since $(STARTED)

test: .venv/.ready  ## lints, unit tests, every notebook once, and the built book in a browser
	@tools/test.sh

test-all: .venv/.ready  ## the same with the slow tests
	@tools/test.sh --all

notebooks: .venv/.ready  ## execute every notebook, in place
	@$(PY) -m tools.notebooks run --all

stale: .venv/.ready  ## name the pages to execute again, if only because the library changed; fails where there is one
	@$(PY) -m tools.notebooks stale

serve: book  ## build the book and show it at http://localhost:8000
	@$(PY) -m http.server 8000 --bind 127.0.0.1 --directory _build/html

address: .venv/.ready  ## write the repository's address everywhere: make address URL=https://github.com/OWNER/REPO
	@$(PY) -m tools.address "$(URL)"

bench: .venv/.ready  ## measure the library's speed and save the table under data/results/
	@$(PY) -m tools.bench

lint: .venv/.ready  ## only the lints of code and pages (seconds)
	@$(PY) -m ruff check . && $(PY) -m ruff format --check . && $(PY) -m tools.lints

newest:  ## reinstall with the newest versions that requirements.txt allows, then test
	@rm -rf .venv && tools/setup.sh --newest
	@tools/test.sh

setup: .venv/.ready  ## only make .venv

clean:  ## remove .venv, the built pages and caches
	rm -rf .venv _build .pytest_cache .ruff_cache .hypothesis

.venv/.ready: requirements.txt constraints.txt pyproject.toml tools/setup.sh
	@tools/setup.sh
