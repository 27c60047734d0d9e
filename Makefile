# Every target needs only Python 3.11 to 3.13 and make. uv is used where it is installed, pip otherwise.
#
#   PYTHON=python3.12    the interpreter that .venv is made from
#   PERIOD=2025Q4        the quarter of `make report`
#   HEADLESS=1           `make workbench` prints its address and opens no browser
#   REQUIRE_BROWSER=1    `make test` fails, rather than skips, where there is no Chromium or Chrome
#   LARGE=1              `make bench` also takes ten million events, 4 GB of memory, and 1,000 plans of 5,000 payees
#   UPGRADE=1            `make lock` moves to the newest versions that pyproject.toml allows

PYTHON ?= python3
PERIOD ?= 2025Q4
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

# These two mark a finished installation, so that a second start installs nothing.
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev

# uv takes the interpreter that is there and fetches none.
export UV_PYTHON_DOWNLOADS := never
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help workbench test report check bench lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

workbench: $(RUNTIME) ## compare plans with sliders, in the browser
	@$(BIN)/compmodel workbench

report: $(RUNTIME) ## render the quarterly report of PERIOD into reports/
	@$(BIN)/compmodel report --period $(PERIOD) --out reports/

test: check ## every check and every test, on as many cores as there are
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(DEV) ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(DEV) ## time a full comparison, a million events, and one and many plans beside others' ways
	@$(BIN)/python tests/bench/bench.py
	@$(BIN)/python tests/bench/events.py $(if $(LARGE),--large)
	@$(BIN)/python tests/bench/ratios.py $(if $(LARGE),--large)

lock: ## write both lock files again, from pyproject.toml (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv on the PATH: python3 -m pip install uv"; exit 1; }
	$(COMPILE) --extra build --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra build --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## remove the environment and the caches; what is in reports/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

# The lock is complete, hence --no-deps: older pips reject an extra of a package that is pinned without it.
# The package itself goes in by a second command: an editable install cannot stand beside hashed requirements.
define install
	@echo "Installing $(1) with $(if $(UV),uv,pip), once; this can take a minute or two."
	@$(if $(UV),,$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null)
	@$(INSTALLER) --require-hashes --no-deps -r $(1)
	@$(INSTALLER) --no-deps --no-build-isolation -e .
endef
# Bytecode is compiled once here, so that no start has to (uv leaves it, and some machines forbid it at run time).
INSTALLER = $(if $(UV),$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python,$(BIN)/python -m pip install --quiet)

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements.lock)
	@touch $@

# The development requirements contain the runtime ones.
$(DEV): requirements-dev.lock requirements.lock pyproject.toml | $(BIN)/python
	$(call install,requirements-dev.lock)
	@touch $(RUNTIME) $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
		echo "compmodel needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)."; \
		echo "Name another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@rm -rf $(VENV)
	@$(if $(UV),$(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV),$(PYTHON) -m venv $(VENV)) || { rm -rf $(VENV); exit 1; }
