# One command for each thing a person does here. Everything installs into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --quiet
PROCESSES ?= 5
PYTEST := $(BIN)/python -m pytest -n $(PROCESSES)
unexport PYTHONDONTWRITEBYTECODE  # without compiled files, each process that a test starts compiles all it imports
# Of the reader's tests these take three quarters of the time when traced, and reach 2 % of its branches alone.
SLOW_TO_TRACE := $(addprefix behaviour/test_,splits.py hostile_bytes.py reader_memory.py hostile_server.py \
	plain_chunks.py corpus.py blame.py first_answers.py) parsing/test_image_extraction.py parsing/test_markdown.py

.PHONY: sbom openapi screenshots demo test test-fast check coverage bench chaos attack deploy-test format constraints clean

# uv installs in seconds what takes pip minutes: the one on the PATH, else one from pip. Both verify the hashes: uv
# those of constraints, pip those of requirements only, and no folder has a hash: so it installs this one by itself.
$(READY): pyproject.toml constraints.txt
	@echo "Making the environment in $(VENV) (10 to 20 seconds, once)"
	@$(PYTHON) -m venv $(VENV)
	@uv=$$(command -v uv) || uv=$(BIN)/uv; \
	sed -n '/^uv==/,/# via/p' constraints.txt > $(VENV)/uv.txt; \
	test -x "$$uv" || $(PIP) --require-hashes -r $(VENV)/uv.txt; \
	"$$uv" pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]' || { \
		echo "Without uv: pip makes the environment instead (about two minutes)"; \
		$(PIP) --require-hashes -r constraints.txt && $(PIP) --no-deps -e .; }
	@touch $@

demo: $(READY)  ## start Darkroom with the practice provider and a sample campaign
	@exec $(BIN)/darkroom demo

test: $(READY)  ## run all tests on servers that the tests start themselves, in $(PROCESSES) processes
	$(PYTEST)

test-fast: $(READY)  ## run the unit tests on SQLite: no server, no fleet, no behaviour or API test with a database, nothing marked slow
	$(BIN)/python -m pytest -n 3 --fast

check: $(READY)  ## format, lint, types, import rules, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PYTEST)

coverage: $(READY)  ## hold the reader of answers to 95 % of its branches, by the tests that are quick to trace
	$(BIN)/coverage run -m pytest -q tests/worker/upstream $(addprefix --ignore=tests/worker/upstream/,$(SLOW_TO_TRACE))
	$(BIN)/coverage report

bench: $(READY)  ## measure, each figure beside its limit
	$(BIN)/python -m bench

SEED ?= 1
JOBS ?= 5000
RUNS ?= 1
WITHOUT ?=
chaos: $(READY)  ## break a whole fleet by a seeded schedule, and compare what is left: make chaos SEED=7 RUNS=10 WITHOUT="attack break_row"
	$(BIN)/python -m tests.chaos --seed $(SEED) --jobs $(JOBS) --runs $(RUNS) --without $(WITHOUT)

attack: $(READY)  ## hostile callers, providers and networks against a real `darkroom up`, with a table: make attack SEED=7
	$(BIN)/python -m tests.attack --seed $(SEED)

deploy-test: $(READY)  ## a fleet on the servers that operators run, each restarted and broken in the middle; prints what to install
	$(BIN)/python -m pytest -n 2 --deploy tests/deploy

format: $(READY)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: $(READY)  ## renew the pins and their hashes
	$(COMPILE) --upgrade --no-header --no-emit-index-url --no-emit-find-links -o $(VENV)/pins.txt
	sed -n '/^#/p;/^#/!q' constraints.txt > $(VENV)/head.txt
	cat $(VENV)/head.txt $(VENV)/pins.txt > constraints.txt

screenshots: $(READY)  ## take the pictures of the dashboard in docs/pictures/dashboard from the demo's data; needs chromium
	$(BIN)/python -m tests.support.screenshots

sbom: $(READY)  ## write darkroom.cdx.json, what Darkroom is made of (CycloneDX)
	$(BIN)/python ops/sbom.py sheets top mcp otel sentry oidc > darkroom.cdx.json

openapi: $(READY)  ## write docs/openapi.json, from which clients in other languages are generated
	$(BIN)/python -m api.openapi_file

clean:
	rm -rf $(VENV) build dist *.egg-info
