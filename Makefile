# Each target makes what it needs: the virtual environment when it is missing or the lock has changed.
# Needs python3 (3.11 to 3.13) and make, nothing else.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.stamp
LOCKED := .venv/.locked
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WORKERS ?= 2
UV ?= uv
FUZZ_RUNS ?= 20000
# Compiled once, as an installation is, and not by each of the hundreds of processes that the tests start.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-offline lint bench bench-large scaling engines scoreboard test-nightly fuzz wheelhouse sbom lock clean
.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || sed -n 's/^\([a-z-]*\):.*## /  \1: /p' $(MAKEFILE_LIST)

demo: $(STAMP) ## a synthetic ward, reconciled: worklist, council PDF, HTML page, and the table on the terminal
	@$(BIN)/reconcile demo

test: lint ## all that CI runs: lint, then the whole suite
	@$(BIN)/python -m pytest -n $(WORKERS)

test-offline: $(STAMP) ## the whole suite where no network is but loopback (Linux)
	@$(BIN)/python -m tests.offline $(BIN)/python -m pytest -n $(WORKERS)

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }
	@echo 'lint: clean'

bench: $(STAMP) ## what it costs, beside the bare operation and the peers; written to docs/benchmarks.md
	@$(BIN)/python -m tests.bench.bench --write docs/benchmarks.md

bench-large: $(STAMP) ## 14 million a side, and more as far as the disk allows; ours only
	@$(BIN)/python -m tests.bench.bench --large --write docs/benchmarks.md

scaling: $(STAMP) ## how the time grows with rows, columns, differences, duplicates, partitions, threads; table and plot
	@$(BIN)/python -m tests.bench.scaling --write docs/benchmarks.md --plot docs/scaling.svg

engines: $(STAMP) ## the tasks of many machines on Dask, Ray and PySpark, in local mode
	@$(BIN)/python -m tests.bench.engines --write docs/benchmarks.md

scoreboard: $(STAMP) ## the traps of comparing, put to six other tools and to us; written to docs/scoreboard.md
	@$(BIN)/python -m tests.bench.scoreboard --write docs/scoreboard.md

.PHONY: faults
faults: $(STAMP) ## every fault of docs/faults.md tried: as required, open, not testable
	@$(BIN)/python -m tests.faults -n $(WORKERS)

.PHONY: mutants
mutants: $(STAMP) ## small faults in the modules that must not be wrong: does a test notice each? Written to docs/mutation.md
	@$(BIN)/python -m tests.mutation
	@$(BIN)/python -m tests.mutation --write

test-nightly: lint ## the long versions: more examples, every byte, every system call
	@$(BIN)/python -m pytest -n $(WORKERS) -m 'not bench' --hypothesis-profile=nightly
	@$(MAKE) --no-print-directory fuzz FUZZ_RUNS=1000000

# Atheris has wheels for some machines only: it is no part of the lock, and stands in a folder of its own.
fuzz: $(STAMP) ## every reader of outside bytes under atheris, FUZZ_RUNS times each; findings in .fuzz/
	@test -d .fuzz/atheris || $(PIP) install --no-deps --only-binary=:all: --target .fuzz/atheris 'atheris>=3,<4'
	@for target in $$($(BIN)/python -m tests.fuzz.targets); do \
	  PYTHONPATH=.fuzz/atheris $(BIN)/python -m tests.fuzz.run $$target $(FUZZ_RUNS) > .fuzz/$$target.log 2>&1 \
	    || { tail -n 40 .fuzz/$$target.log; exit 1; }; \
	  echo "$$target: $$(sed -n 's/^Done/done/p' .fuzz/$$target.log)"; \
	done

wheelhouse: $(STAMP) ## every wheel of the lock and our own, for a machine without a network
	@$(PIP) download --only-binary=:all: --require-hashes -r requirements.lock.txt -d dist/wheelhouse
	@$(PIP) wheel --no-deps --no-build-isolation -w dist/wheelhouse .

sbom: $(STAMP) ## what the lock installs, every file by its digest: dist/sbom.json (CycloneDX)
	@mkdir -p dist
	@$(BIN)/python -m cyclonedx_py requirements requirements.lock.txt --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.json

# Needs uv (`pip install uv`); nothing else here does. `--universal`: one file for Python 3.11 to 3.13 on every system.
# The pip of a stock 3.11 (23.2) takes neither `sqlalchemy` for a pin of `sqlalchemy[asyncio]` nor the other way round:
# the entries with extras stand twice.
lock: ## requirements.lock.txt anew from pyproject.toml
	@$(UV) pip compile pyproject.toml --extra pdf --extra postgres --group dev --universal --python-version 3.11 \
	  --upgrade --no-strip-extras --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o .lock.tmp
	@{ echo '# Written by `make lock` from pyproject.toml: core, pdf, postgres and dev, every file by its digest.'; \
	  awk 'function flush() { printf "%s", e; if (sub(/^[^ ]+\[[^]]*\]/, name, e)) printf "%s", e; e = "" } \
	       /^[^ ]/ { flush(); name = $$0; sub(/\[.*/, "", name) } { e = e $$0 "\n" } END { flush() }' .lock.tmp; \
	} > requirements.lock.txt
	@rm .lock.tmp

clean: ## the virtual environment, caches and outputs
	rm -rf .venv .venv-peers build dist out .pytest_cache .mypy_cache .ruff_cache .hypothesis .fuzz .mutation .import_linter_cache

# Two steps, so that an edit of pyproject.toml does not install 160 packages again. `--clear`: a package that left the
# lock must leave the environment too. The stamps come last: an interrupted installation is not taken for a good one.
$(LOCKED): requirements.lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14) and "needs Python 3.11 to 3.13, got " + sys.version.split()[0])'
	@echo 'Making .venv from requirements.lock.txt (once, some minutes)' >&2
	@$(PYTHON) -m venv --clear .venv
	@$(PIP) install --require-hashes -r requirements.lock.txt
	@touch $@

$(STAMP): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
