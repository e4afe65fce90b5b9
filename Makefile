# Two commands on a fresh machine: `make demo` and `make test`. Both set up all they need; Python 3.11 or 3.12 is enough.

# The first that runs and is of a supported version: a name on PATH may be a shim for a Python that is not there.
PYTHON ?= $(shell for p in python3.11 python3.12 python3 python; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
# An index with CPU-only builds saves gigabytes where the default one serves CUDA builds: make demo TORCH_INDEX=https://...
TORCH_INDEX ?=
INDEX := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt $(INDEX)
RUN_EXTRAS := agents,chain,compute,plot
ARGS ?=

.PHONY: demo test check contracts bench soak prove test-gpu clean help

help: ## List these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/run.stamp ## Set up and run the demo; ARGS="--seed 2" passes options on
	$(BIN)/coase demo $(ARGS)

test: $(VENV)/dev.stamp contracts/node_modules/.stamp ## Every test but the long ones, under 10 minutes on 2 cores
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not soak and not gpu" $(ARGS)

check: $(VENV)/dev.stamp ## Formatting, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

contracts: $(VENV)/dev.stamp contracts/node_modules/.stamp ## Rebuild the contracts and compare with the artifacts that ship
	$(BIN)/python contracts/build.py --check

bench: $(VENV)/dev.stamp contracts/node_modules/.stamp ## Measure speed and cost beside peers; minutes, on a quiet machine
	$(BIN)/coase bench --all $(ARGS)

soak: $(VENV)/dev.stamp contracts/node_modules/.stamp ## The long runs: every crash point, and more; hours
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m soak --timeout 3600 $(ARGS)

prove: $(VENV)/dev.stamp contracts/node_modules/.stamp ## Invariants, seeded bugs, halmos and slither on the contracts; long
	$(BIN)/python contracts/prove.py $(ARGS)
	COASE_PROVE=1 $(BIN)/python -m pytest --timeout 3600 tests/settlement/test_escrow_model.py tests/settlement/channels/test_channel_model.py

test-gpu: $(VENV)/dev.stamp ## What needs a CUDA device
	$(BIN)/python -m pytest -m gpu $(ARGS)

clean: ## Remove what was built, installed and run here
	rm -rf $(VENV) runs dist build contracts/node_modules contracts/out contracts/cache
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null || \
	  { echo 'coase needs Python 3.11 or 3.12; name one: make demo PYTHON=/path/to/python3.11' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing coase with its extras (about 1.4 GB with a CPU build of torch; once) ...'
	$(PIP) --editable '.[$(RUN_EXTRAS)]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'Installing coase with all extras and the tools of development (about 2 GB; once) ...'
	$(PIP) --editable '.[all,dev]'
	@touch $@ $(VENV)/run.stamp

contracts/node_modules/.stamp: contracts/package-lock.json | $(VENV)/dev.stamp
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/npm --prefix contracts ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
