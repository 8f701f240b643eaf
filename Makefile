# Two commands: `make up` runs the product, `make test` runs the suite. Python >= 3.11 and make are all they need.
#   make up ARGS=--no-sandbox      for real clusters          AIOPS_PORT=8001 make up    on another port
#   make test ARGS=tests/core      a part of the suite        make up PYTHON=python3.12  with another Python
PYTHON ?= python3
WORKERS ?= auto
BIN := .venv/bin
HAVE_PYTHON := command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11 or newer, or name one: make up PYTHON=/path/to/python3.11" >&2; exit 1; }

.PHONY: up test lint lock readme bench bench-loop faults score vendor installed installed-dev
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n '1,3s/^# *//p' Makefile

up: installed
	@exec $(BIN)/python manage.py up $(ARGS)

test: installed-dev
	@started=$$(date +%s); $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(or $(ARGS),tests); result=$$?; \
	echo "The suite took $$(($$(date +%s) - started)) s"; exit $$result

lint: installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Versions that are pinned already stay; `make lock UPGRADE=--upgrade` takes newer ones. No index address gets into the files.
LOCK := $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock'
lock: installed-dev
	$(LOCK) $(UPGRADE) requirements.in -o requirements.lock
	$(LOCK) $(UPGRADE) requirements-dev.in -c requirements.lock -o requirements-dev.lock

# Measurements and the fault catalogue at full size; N and SEED choose how much.
bench: installed-dev
	$(BIN)/python -m bench $(ARGS)

bench-loop: installed-dev
	$(BIN)/python -m bench.loop --n $(or $(N),500) --seed $(or $(SEED),1) $(ARGS)

faults: installed-dev
	$(BIN)/python -m bench.faults $(ARGS)

score: installed-dev
	$(BIN)/python -m bench.score $(ARGS)

# htmx and its websocket extension, as published on npm, checked against static/vendor/SHA256SUMS.
HTMX := 4.0.1
vendor:
	@command -v npm >/dev/null || { echo "make vendor needs npm: install the system package npm" >&2; exit 1; }
	@made=$$(mktemp -d) && trap 'rm -rf "$$made"' EXIT && npm pack --silent --pack-destination "$$made" htmx.org@$(HTMX) && \
	tar xzf "$$made"/htmx.org-$(HTMX).tgz -C "$$made" && \
	cp "$$made"/package/dist/htmx.min.js static/vendor/htmx-$(HTMX).min.js && \
	cp "$$made"/package/dist/ext/hx-ws.min.js static/vendor/hx-ws-$(HTMX).min.js && \
	cp "$$made"/package/LICENSE static/vendor/htmx-LICENSE && \
	cd static/vendor && sha256sum -c SHA256SUMS

installed:
	@$(HAVE_PYTHON); $(PYTHON) aiops/runtime/environment.py requirements.lock

installed-dev:
	@$(HAVE_PYTHON); $(PYTHON) aiops/runtime/environment.py requirements-dev.lock

# The table of settings in the README.
readme: installed-dev
	$(BIN)/python -m aiops.config_table
