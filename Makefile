# Two commands matter: `make demo` and `make test`. Everything is kept below this folder.
SHELL := /bin/bash
PYTHON ?= python3.11
NGM_HOME ?= .ngm
BIN := .venv/bin
TEST_ARGS ?= --numprocesses 2 --dist loadfile
export MLFLOW_DISABLE_TELEMETRY := true
export DAGSTER_DISABLE_TELEMETRY := yes
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint unit faults ui audit clean
.DEFAULT_GOAL := demo

demo: .venv/.installed  ## generate the demo estate, run everything on it, print a summary
	$(BIN)/python -m ngm_assets.cli demo --home "$(NGM_HOME)"

test: lint unit  ## ruff, mypy --strict, definitions, pytest

lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive ngm_assets
	$(BIN)/dagster definitions validate -w workspace.yaml
	$(BIN)/dg check defs

unit: .venv/.installed-dev
	$(BIN)/python -m pytest $(TEST_ARGS)

faults: .venv/.installed-dev  ## every fault, 200 kills; FAULT_ARGS="--kills 20 --only NAME"
	$(BIN)/python -m ngm_assets_tests.faults $(FAULT_ARGS)

ui: .venv/.installed  ## the Dagster UI on the demo's home, at http://localhost:3000
	DAGSTER_HOME="$$($(BIN)/python -m ngm_assets.cli config dagster --home "$(NGM_HOME)")" && \
		export DAGSTER_HOME NGM_HOME="$$(dirname "$$DAGSTER_HOME")" && $(BIN)/dagster dev -w workspace.yaml

audit:  ## known vulnerabilities of the pinned versions; asks the network, so it is no part of `make test`
	$(PYTHON) -m venv .venv/audit
	.venv/audit/bin/python -m pip install --quiet "pip-audit>=2.7,<3"
	.venv/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable . --constraint constraints.txt
	touch "$@"

.venv/.installed-dev: setup.cfg pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --editable ".[dev]" --constraint constraints.txt
	touch "$@" .venv/.installed

clean:  ## remove the virtual environment and the default home
	rm -rf .venv .ngm
