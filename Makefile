# The commands of this project. `make demo` and `make test` are all that a new user needs.

export PATH := $(CURDIR)/.tools/usr/bin:$(CURDIR)/.venv/bin:$(PATH)

RUNTIME := .venv/.runtime
DEVELOPMENT := .venv/.development

.PHONY: help demo test soak check format bench client lock clean

help: ## Show this.
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(RUNTIME) ## Start two real Prometheus servers with a simulated fleet, collect, serve, print the address.
	@setup/packages unpack prometheus prometheus
	@metrics-api demo

test: $(DEVELOPMENT) ## Set up and run everything: checks and tests.
	@setup/packages unpack prometheus prometheus
	@setup/packages unpack victoria-metrics victoria-metrics
	@setup/packages install chromium chromium
	@setup/grafana
	@$(MAKE) --no-print-directory check
	@pytest --numprocesses auto --dist loadfile

soak: $(DEVELOPMENT) ## What is random in the tests a hundred times as often: 2,000 collectors are killed while others read.
	@setup/packages unpack prometheus prometheus
	@DEPTH=100 pytest --numprocesses auto --dist loadfile $$(grep -rl 'import deep' tests)

check: $(DEVELOPMENT) ## Format, lint, types, imports.
	@ruff format --check .
	@ruff check .
	@sqlfmt --check --quiet queries
	@mypy
	@lint-imports >/dev/null || lint-imports

format: $(DEVELOPMENT) ## Format Python and SQL.
	@ruff format .
	@ruff check --fix .
	@sqlfmt queries

bench: $(DEVELOPMENT) ## Compare with what a user would pick instead, side by side.
	@setup/packages unpack prometheus prometheus
	@setup/packages unpack victoria-metrics victoria-metrics
	@python -m tests.benchmarks

client: $(DEVELOPMENT) ## Generate a Python client from the OpenAPI document, in client/; docs/client.md shows its use.
	@metrics-api openapi > openapi.json
	@openapi-python-client generate --path openapi.json --config docs/client.yml --output-path client --overwrite

lock: $(DEVELOPMENT) ## Resolve the dependencies anew into the lock files.
	@setup/lock

clean: ## Remove everything that the commands made, the demo's data included.
	rm -rf .venv .tools .demo .bench client openapi.json .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(RUNTIME): requirements.lock pyproject.toml
	@setup/environment requirements.lock
	@touch $@

$(DEVELOPMENT): requirements.lock requirements-dev.lock pyproject.toml
	@setup/environment requirements.lock requirements-dev.lock
	@touch $(RUNTIME) $@
