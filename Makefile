# One command for each thing a person does here. Everything installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SLOW_TO_TRACE := behaviour/test_splits.py behaviour/test_hostile_bytes.py behaviour/test_reader_memory.py

.PHONY: demo test check coverage bench chaos format constraints clean

$(READY): pyproject.toml constraints.txt
	@echo "Making the environment in $(VENV) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(READY)  ## start Darkroom with the practice provider and a sample campaign
	@exec $(BIN)/darkroom demo

test: $(READY)  ## run all tests on servers that the tests start themselves
	$(BIN)/python -m pytest

check: $(READY)  ## format, lint, types, import rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

coverage: $(READY)  ## hold the reader of answers to 95 % of its branches, by the tests that are quick to trace
	$(BIN)/coverage run -m pytest -q tests/worker/upstream $(addprefix --ignore=tests/worker/upstream/,$(SLOW_TO_TRACE))
	$(BIN)/coverage report

bench: $(READY)  ## measure, each figure beside its limit
	$(BIN)/python -m bench

SEED ?= 1
JOBS ?= 5000
RUNS ?= 1
chaos: $(READY)  ## break a whole fleet by a seeded schedule, and compare what is left: make chaos SEED=7 RUNS=10
	$(BIN)/python -m tests.chaos --seed $(SEED) --jobs $(JOBS) --runs $(RUNS)

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints:  ## renew the pins
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --no-header --no-emit-index-url --no-emit-find-links -o constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info
