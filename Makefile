# Each target brings what it needs: Debian packages (scripts/system-packages), .venv, the pinned packages, this package.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# scripts of the environment first: discovery of processors looks along PATH
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test test-long chaos fuzz fuzz-api audit lint types unit bench lock install clean

help:
	@echo "make demo       render a small book, recognise it with real processors, show its text"
	@echo "make test       lint, types and all tests (minutes: see CONTRIBUTING.md)"
	@echo "make test-long  the full fault matrices and long runs"
	@echo "make chaos      kill a cluster's servers, workers, runners, queue and database connections over a hundred times"
	@echo "make fuzz       METS, PAGE, workflows, page ranges, URLs and zips changed at random, for five minutes"
	@echo "make audit      look for known faults in what requirements.lock names (needs the network)"
	@echo "make lint       ruff, import contracts        make types   mypy        make unit   the fast tests only"
	@echo "make fuzz-api   thousands of requests to every operation of the OpenAPI document"
	@echo "make bench      print the benchmark table"
	@echo "make lock       renew requirements.lock       make clean   remove what these targets made"

$(INSTALLED): requirements.lock pyproject.toml scripts/system-packages scripts/language-data
	scripts/system-packages "$(PYTHON)"
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	scripts/language-data $(VENV)
	touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/python -m offizin.demo

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: $(INSTALLED)
	$(BIN)/mypy

unit: $(INSTALLED)
	$(BIN)/pytest -q tests/unit

# Much of the time tests wait for processes, so two go on side by side; those of one file stay together.
test: lint types
	$(BIN)/pytest -q -n 2 --dist loadfile --durations=10

test-long: $(INSTALLED)
	$(BIN)/pytest -q -m long --durations=20

# CHAOS_SEED and CHAOS_KILLS change what happens; RELIABILITY_PAGE=docs/reliability.md writes the table down.
chaos: $(INSTALLED)
	$(BIN)/pytest -q -m long tests/chaos/test_cluster.py

# Thousands of requests to every operation of the OpenAPI document; EXAMPLES and SEED change how many and which.
fuzz-api: $(INSTALLED)
	$(BIN)/python -m tests.api_fuzz $(or $(EXAMPLES),100) $(SEED)

# FUZZ="--seconds 60 --seed 7" changes what is tried; FUZZ="--page docs/security.md" writes the table down.
fuzz: $(INSTALLED)
	$(BIN)/python -m tests.fuzz $(FUZZ)

# In an environment of its own: pip-audit is not needed for anything else. AUDIT="--vulnerability-service osv" asks there.
audit: $(VENV)/audit/bin/pip-audit
	$< --requirement requirements.lock --no-deps --disable-pip --strict --progress-spinner off $(AUDIT)

$(VENV)/audit/bin/pip-audit: $(INSTALLED)
	"$(PYTHON)" -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit

bench: $(INSTALLED)
	$(BIN)/python -m benchmarks

# The newest versions that pyproject.toml allows, written down.
lock:
	scripts/system-packages "$(PYTHON)"
	test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	scripts/write-lock $(BIN)/python > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) demo-book .demo-home .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
