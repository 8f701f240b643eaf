# Two commands: `make up` runs the product, `make test` runs the suite. Python >= 3.11 and make are all they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: test lint score lock
test:
	$(BIN)/python -m pytest -n 2 tests

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

score:
	$(BIN)/python -m bench.score

lock:
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' requirements.in -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' requirements-dev.in -o requirements-dev.lock
