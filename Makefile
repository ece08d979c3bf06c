# The same targets for people and for CI. Everything runs inside .venv, which is made here.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
export HF_HUB_OFFLINE ?= 1

.PHONY: help setup demo test test-all check fix bench clean

help:       ## this list
	@grep -E '^[a-z-]+: .*##' Makefile | sed 's/:.*##/\t/'

setup: $(STAMP)  ## make .venv and install the package with its pinned versions

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,demo]'
	touch $(STAMP)

demo: setup  ## the main job on the embedded data set: corpus to INT8 model and report
	$(BIN)/afina demo --out runs/demo

test: setup  ## fast tests, under 90 s
	$(BIN)/python -m pytest -q -n 2 -m 'not slow and not gpu'

test-all: setup  ## with the slow ones
	$(BIN)/python -m pytest -q -n 2

check: setup  ## ruff, formatting, types; layers and budgets are tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layers.py tests/test_budget.py

fix: setup  ## repair what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup  ## the main job's benchmark (about half an hour)
	$(BIN)/python benchmarks/main_job.py

clean:      ## remove the environment and all caches
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
