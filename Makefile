# `make help` lists the targets. Everything runs in .venv, which bin/up and bin/test make.
.DEFAULT_GOAL := help
.PHONY: help up test check static fmt bench chaos screenshots lock clean
python := .venv/bin/python
T ?= tests/unit
N ?= 2
compile := $(python) -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: --no-header

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS='	' read -r name text; do printf '%-12s %s\n' "$$name" "$$text"; done

up: ## set everything up and run the product
	@bin/up

test: ## the inner loop: make test T=tests/unit/pki, T="-k chains tests/unit", N=0 for one process
	@bin/test --setup
	TEST_DAILY=1 $(python) -m pytest -n $(N) --dist loadgroup --no-loadscope-reorder -m "not slow" $(T)

check: ## everything that guards the project, as CI runs it (bin/test); bin/test --all is the full product
	@bin/test

static: ## only what needs no test run: format, lint, layers, types, migrations, settings
	@bin/test --static

fmt: ## format the code and fix what ruff can fix
	$(python) -m ruff format .
	$(python) -m ruff check --fix .

bench: ## the benchmark: make bench ROWS=1000000
	@bin/bench --rows $(or $(ROWS),100000)

chaos: ## kill its processes under load, and count what was lost: make chaos MINUTES=10 BROKER=redis
	@bin/chaos --minutes $(or $(MINUTES),10) --broker $(or $(BROKER),redis)

screenshots: ## take the pictures of README.md and docs anew
	@bin/screenshots

lock: ## pin every requirement with its hashes, newest allowed versions: make lock, or make lock P=django for one package
	$(compile) $(if $(P),--upgrade-package $(P),--upgrade) requirements.txt -o requirements.lock
	$(compile) $(if $(P),--upgrade-package $(P),--upgrade) -c requirements.lock requirements-dev.txt -o requirements-dev.lock

clean: ## remove the environment, caches and compiled files; state in var/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis htmlcov .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
