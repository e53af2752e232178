# Everything lives in .venv, which is made on first use and reused until the lock changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo browser test test-slow check fix bench bench-quick lock clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 20

setup: $(READY)  ## Make the virtual environment with the locked packages

$(READY): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mpsjobs needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "Cannot make a virtual environment. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@echo "Setting up $(VENV) (once; about a minute) ..."
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)  ## Plan and apply the demo soundtrack on the embedded emulator
	@$(BIN)/mpsjobs apply --auto-approve
	@$(BIN)/mpsjobs output
	@printf '\nListen, compare and choose on a page in the browser:\n  $(BIN)/mpsjobs review --open\n'

# Tests of the listening page want a browser; without one they are skipped and say so.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  echo "Installing Chromium for the tests of the listening page (once) ..." && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	  || echo "There is no Chromium, so the tests of the listening page are skipped. On Debian and Ubuntu: apt-get install chromium"

# Half of the time tests wait for processes, so four of them keep two cores busy.
test: $(READY) browser  ## Run the tests
	@$(BIN)/pytest -n 4 --dist worksteal -q

test-slow: $(READY)  ## Run the long tests (kills, fuzzing, races)
	@$(BIN)/pytest -n 2 -q -m slow

check: $(READY)  ## Formatting, lint, types and layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(READY)  ## Format and mend what can be mended by machine
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY)  ## Run the benchmarks
	@$(BIN)/python -m benchmarks

bench-quick: $(READY)  ## Run those benchmarks that take no time
	@$(BIN)/python -m benchmarks --quick

lock: $(READY)  ## Resolve the newest allowed versions of all packages into the lock
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --group dev -o requirements-dev.txt pyproject.toml

clean:  ## Remove the environment and caches (never state, takes or audio)
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
