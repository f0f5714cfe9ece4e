# Everything a person runs. Needs Python 3.11 or newer and make; all else goes into .venv.

PYTHON ?= python3
UV ?= uv
ARGS ?=
# How many processes run the tests: a number, or "logical" for one more than there are cores.
WORKERS ?= logical

BIN := .venv/bin
# Wheels only: an installation never needs a compiler, and never runs a package's set-up code.
# -qq keeps to errors. --no-deps, because the lock files are complete; "pip check" confirms it.
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -qq
LOCKED := $(INSTALL) --require-hashes --no-deps --only-binary :all: -r
EDITABLE := $(INSTALL) --no-build-isolation --no-deps -e .
PIP_CHECK := $(BIN)/python -m pip --disable-pip-version-check check >.venv/pip-check.txt || { cat .venv/pip-check.txt; exit 1; }

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test check lint bench lock clean venv

help: ## This list
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 14

demo: .venv/.runtime ## Demo data and a server on http://127.0.0.1:8000
	@$(BIN)/tresen demo $(ARGS)

test: .venv/.dev ## All tests; a selection with ARGS="tests/core -k name"
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: lint test ## Lint, format, types and all tests

lint: .venv/.dev ## Lint, format and types, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.dev ## The benchmarks
	$(BIN)/python -m benchmarks $(ARGS)

# For maintainers: the only target that needs uv. Takes the newest allowed versions anew.
COMPILE := $(UV) pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-header --no-annotate --extra postgresql
lock: ## Renew the lock files (maintainers; needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv on the PATH, or UV=/path/to/uv" >&2; exit 1; }
	$(COMPILE) --group dev --output-file requirements-dev.lock
	$(COMPILE) --group build --constraint requirements-dev.lock --output-file requirements.lock

clean: ## Remove .venv and caches; data/ stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis test-results
	find app.py core plugins tests benchmarks -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# Scripts in a virtual environment hold its absolute path: one that was moved, or whose Python is gone, is made
# anew. The stamps go before make looks at them.
USABLE := [ -x $(BIN)/python ] && [ "$$(cat .venv/.made-at 2>/dev/null)" = "$(CURDIR)" ]
$(shell $(USABLE) || rm -f .venv/.runtime .venv/.dev)
venv:
	@if ! { $(USABLE); }; then \
		command -v $(PYTHON) >/dev/null || { \
			echo "Tresen needs Python 3.11 or newer; no '$(PYTHON)' was found. Say which with PYTHON=…" >&2; exit 1; }; \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
			echo "Tresen needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) -V 2>&1). Say which with PYTHON=…" >&2; exit 1; }; \
		echo "Making .venv with $$($(PYTHON) -V 2>&1)"; \
		rm -rf .venv; \
		$(PYTHON) -m venv .venv || { rm -rf .venv; \
			echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu it is the package python3-venv." >&2; exit 1; }; \
		echo "$(CURDIR)" > .venv/.made-at; \
	fi

# A stamp newer than the lock file and the metadata means: installed. So a second run starts at once.
.venv/.runtime: requirements.lock pyproject.toml | venv
	@echo "Installing the packages in requirements.lock"
	@$(LOCKED) requirements.lock
	@$(EDITABLE)
	@$(PIP_CHECK)
	@touch $@

# The development lock holds the runtime lock entirely, so it settles both stamps.
.venv/.dev: requirements-dev.lock requirements.lock pyproject.toml | venv
	@echo "Installing the packages in requirements-dev.lock"
	@$(LOCKED) requirements-dev.lock
	@$(EDITABLE)
	@$(PIP_CHECK)
	@touch .venv/.runtime $@
