# Two commands do everything on a machine that has Python 3.11 or newer and a package index:
#   make run     own environment, models and recordings, every claim on every system, a report
#   make test    what continuous integration runs: lint, layers, types, tests
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
OUT ?= results
ARGS ?=
WORKERS ?= 2
BIN := $(VENV)/bin
# What is imported is compiled then, and kept; compiling the rest takes longer than installing it.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt
SOURCES := pyproject.toml constraints.txt

export PYTHONUNBUFFERED := 1
# Threads that wait for work sleep instead of spinning: other processes run at full speed.
export OMP_WAIT_POLICY ?= PASSIVE
# Compiled modules are kept: without them every start of a test run compiles thousands anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test lint layers types tests docs clean

help:  ## show this
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

run: $(VENV)/.installed-models  ## compare every claim on every system; report in results/
	@$(BIN)/homologue fetch --panel > /dev/null
	@$(BIN)/homologue compare --out "$(OUT)" $(ARGS)

test: $(VENV)/.installed-checks  ## everything continuous integration runs
	@$(MAKE) --no-print-directory --jobs=2 lint layers types tests

lint: $(VENV)/.installed-checks  ## style, and formatting
	@$(BIN)/ruff check --no-cache
	@$(BIN)/ruff format --no-cache --check

layers: $(VENV)/.installed-checks  ## who may import whom
	@$(BIN)/lint-imports --no-cache > $(VENV)/layers.log || { cat $(VENV)/layers.log; exit 1; }
	@tail -n 1 <(grep -v '^$$' $(VENV)/layers.log)

types: $(VENV)/.installed-checks  ## static types
	@$(BIN)/mypy

tests: $(VENV)/.installed-dev  ## pytest (ARGS="-k name" for some, WORKERS=0 in one process)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

clean:  ## remove the environment and caches, not results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# Environments are made once and renewed when the dependencies change.
$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "homologue needs Python 3.11 or newer; there is no '$(PYTHON)'. Try: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "homologue needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version). Try: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "making $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 2; }

$(VENV)/.installed-models: $(SOURCES) | $(BIN)/python
	@echo "installing homologue[models] (once; a few minutes, most of it torch)" >&2
	@$(PIP) --editable '.[models]'
	@touch $@

# Style, layers and types do without torch, which is installed while they run.
$(VENV)/.installed-checks: $(SOURCES) | $(BIN)/python
	@echo "installing homologue[nwb,lineage,dev] (once; a minute)" >&2
	@$(PIP) --editable '.[nwb,lineage,dev]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed-checks
	@echo "installing homologue[models,nwb,lineage,dev] (once; a minute, most of it torch)" >&2
	@$(PIP) --editable '.[models,nwb,lineage,dev]'
	@touch $@ $(VENV)/.installed-models
