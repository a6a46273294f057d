# chargewatch. `make` alone prints what there is.

PYTHON ?= python3
BIN := .venv/bin
PACKAGES := chargewatch registry collector uptime subsidy ledger compliance payments scheduler portal simulators

.DEFAULT_GOAL := help
.PHONY: test-mutations test-faults bench-archive rebuild-long bench-uptime help install demo test profile-pages figures-long bench-collector bench-findings check format lock clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: .venv/installed ## Make .venv with all that is needed to run; the program is .venv/bin/chargewatch
	@echo "$(BIN)/chargewatch is ready."

demo: .venv/installed ## One simulated month from message to yuan; KEEP=1 keeps it serving
	@$(BIN)/chargewatch demo $(if $(KEEP),--keep)

test: .venv/installed-for-tests ## Install what the tests need and run all of them
	@$(BIN)/python tests/bring.py
	@$(BIN)/pytest --cache-clear -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal --durations=12 || { \
	  status=$$?; test $$status -eq 1 || exit $$status; \
	  echo "What failed is run once more, alone: a defect fails again, a machine that was too busy does not."; \
	  $(BIN)/pytest --last-failed --last-failed-no-failures none; }

profile-pages: .venv/installed-for-tests ## Write docs/commission/profiles from the profiles and their cases
	@for file in uptime/profiles/*.yaml; do id=$$(basename $$file .yaml); $(BIN)/chargewatch uptime profile show $$id --format markdown --cases tests/spec > docs/commission/profiles/$$id.md || exit 1; done

figures-long: .venv/installed-for-tests ## 10,000 random histories a profile, engine against slow reference; about an hour on two cores
	@$(BIN)/pytest -n auto --timeout=0 --hypothesis-profile=long tests/generative/test_figures.py -k equal

bench-collector: .venv/installed-for-tests ## What the collector costs, beside a bare client, COPY and the usual script; QUICK=1 in short
	@$(BIN)/python -m benchmarks.collector $(if $(QUICK),--quick)

bench-findings: .venv/installed-for-tests ## Cheats injected into ten simulated cities: which are found, how many honest orders are held; QUICK=1 in short
	@$(BIN)/python -m benchmarks.cheats $(if $(QUICK),--quick)

bench-uptime: .venv/installed-for-tests ## What availability costs, from the store to intervals to a month's report; QUICK=1 in short
	@$(BIN)/python -m benchmarks.uptime $(if $(QUICK),--quick)

bench-archive: .venv/installed-for-tests ## What the archive costs, and what a province and the country need; three minutes
	@$(BIN)/python -m benchmarks.archive

rebuild-long: .venv/installed-for-tests ## Rebuild a larger city on 1, 2 and 4 worker processes, three of them killed on the way
	@ARCHIVE_STATIONS=60 ARCHIVE_LAST=2023-06-16 ARCHIVE_KILLS=3 $(BIN)/pytest -q --timeout=0 tests/integration/test_archive.py

test-faults: .venv/installed-for-tests ## Hundreds of kills, partitions and full disks: nothing acknowledged may be lost; SEED=N as then
	@$(BIN)/python tests/bring.py
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(FAULTS)

test-mutations: .venv/installed-for-tests ## 1,000,000 mutated messages through broker, collector and database: each item has one fate; about 17 minutes
	@$(BIN)/python tests/bring.py
	@$(BIN)/python -m tests.faults.mutations --count 1000000 --seed $(or $(SEED),1)

check: .venv/installed-for-tests ## Only style, types and walls between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-for-tests ## Format the code and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: ## Renew requirements/*.txt from *.in (needs uv)
	uv pip compile -q --upgrade --python-version 3.11 --universal --generate-hashes requirements/run.in -o requirements/run.txt
	uv pip compile -q --upgrade --python-version 3.11 --universal --generate-hashes -c requirements/run.txt requirements/test.in -o requirements/test.txt

clean: ## Remove .venv, the demo's data and all caches
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	rm -rf .chargewatch

# The environment. Each stamp is younger than what it was made from, so nothing is installed twice.

.venv/bin/python:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON). On Debian or Ubuntu: apt install python3 python3-venv" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "chargewatch needs Python 3.11 or newer, and $(PYTHON) is `$(PYTHON) -V`. Name another: make PYTHON=python3.12 …" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "$(PYTHON) cannot make environments. On Debian or Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements/run.txt pyproject.toml | .venv/bin/python
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/installed-for-tests: requirements/test.txt .venv/installed
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@
