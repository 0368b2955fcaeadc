# Commands for developers. `make serve` and `make test` also work in a fresh checkout.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-for-tests
SERVE_STAMP := $(VENV)/.installed

# CI runs everything; elsewhere, the journeys with real clients are left out.
LEFT_OUT := $(if $(CI),battery,journey or battery)
# The short tests run in two processes a core, as many of them wait for a server. Journeys run one by
# one: the last of them checks the results of all.
PROCESSES := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN))))
IN_PARALLEL := --numprocesses $(PROCESSES) --maxprocesses 8 --dist worksteal

.PHONY: serve demo test check lint journeys client-matrix screenshots battery bench clean

serve: $(SERVE_STAMP)  ## run the server on 127.0.0.1:8726
	$(BIN)/stageproxy serve

demo: $(SERVE_STAMP)  ## stage, install and publish a sample release in a minute
	$(BIN)/stageproxy demo

test: $(STAMP) $(if $(CI),lint)  ## run the short tests; with CI=true also lint, types, imports, journeys
	$(BIN)/pytest $(IN_PARALLEL) -m "not (journey or battery)" $(PYTEST)
	$(if $(CI),$(BIN)/pytest -m "journey and not battery" $(PYTEST))
	@$(BIN)/pytest -m "$(LEFT_OUT)" --collect-only -q 2>/dev/null \
		| grep -c '::' | sed 's/$$/ tests were left out: $(LEFT_OUT) (see CONTRIBUTING.md)/' || true

lint: $(STAMP)  ## check style, types, imports, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

check: lint  ## run everything that CI runs
	$(MAKE) test CI=true

journeys: $(STAMP)  ## test real clients against a real server
	$(BIN)/pytest -m journey $(PYTEST)

client-matrix: $(STAMP)  ## write the tables of docs/how-to/clients.md from the results of the journeys
	$(BIN)/pytest -m "not battery" tests/journeys --write-client-matrix $(PYTEST)

screenshots: $(STAMP)  ## take the screenshots of the documentation
	SCREENSHOTS=docs/images $(BIN)/pytest -m journey tests/journeys/browser/test_screenshots.py

battery: $(STAMP)  ## run all batteries in their long form, before a release; a table follows
	rm -rf build/batteries
	@$(BIN)/python -c "from tests.batteries.report import SEED; print(f'The seed is {SEED}; BATTERY_SEED sets another.')"
	$(BIN)/pytest -m "battery or journey" --timeout=7200 tests/batteries tests/core/archives $(PYTEST); \
		status=$$?; $(BIN)/python -m tests.batteries.summary && exit $$status

bench: $(STAMP)  ## measure speed and memory, as ratios within one run; BENCH names parts and options
	@$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(SERVE_STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[speedups,verdict]'
	touch $@

$(STAMP): pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	touch $@ $(SERVE_STAMP)
