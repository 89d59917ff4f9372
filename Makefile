# `make bench` and `make ci` start from a fresh clone; `make help` lists every target.
# Needed: Python 3.11 to 3.13, cargo, make. Everything else goes into .venv and .cache.

CARGO = cargo
BIN = .venv/bin
READY = .venv/ready
IN_RUST = --manifest-path rust/Cargo.toml

# One interpreter for pyo3 in every cargo command, so that switching between them rebuilds nothing.
export PYO3_PYTHON = $(CURDIR)/$(BIN)/python

.PHONY: help setup build bench results versions figures gif parity goldens examples test mutants lint docs fmt ci wheel clean instructions counted parts
.PHONY: mutants-rust mutants-python
.DEFAULT_GOAL = help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r target text; do \
		printf '%-12s %s\n' "$$target" "$$text"; done

setup: $(READY) ## .venv with the pinned Python packages (PYTHON=... names the interpreter of a new .venv)

# Always asked, because cargo knows best what is out of date: the commit is built in, too. Quick if nothing is.
# maturin refuses to choose between .venv and an active conda environment.
build: $(READY) ## the extension in release mode, installed into .venv as an editable package
	@echo "build: compiling the engine: 2 minutes on 2 idle cores, seconds where nothing has changed"
	env -u CONDA_PREFIX VIRTUAL_ENV="$(CURDIR)/.venv" PATH="$(CURDIR)/$(BIN):$$PATH" maturin develop --release --uv

bench: build ## evalengine bench snake
	@echo "bench: Snake against two multiprocessing loops, a random and a trained population: a minute"
	$(BIN)/evalengine bench snake

# Close other programs first. RESULTS="--only latency.csv" measures one file; --help lists what else there is.
# Peers that cannot be installed here are left out with a line.
results: build ## measures everything that is published, some 25 minutes on 2 cores, then renders it
	if [ -f requirements/peers.txt ]; then \
		$(BIN)/uv pip install --python $(BIN)/python --requirements requirements/dev.txt --requirements requirements/peers.txt; fi
	$(BIN)/python scripts/measure_results.py $(RESULTS)
	$(BIN)/python scripts/render_results.py

# VERSIONS='--only "torch 2.15.0"' measures one row; a new version is added to TABLED in references/versions.py first.
versions: build ## with which PyTorch, Gymnasium, NumPy, ... the claims hold, into parity/PARITY.md (20 GB of downloads)
	$(BIN)/python scripts/version_matrix.py $(VERSIONS)

figures: $(READY) ## plots and tables made again from bench_results/*.csv, without measuring
	$(BIN)/python scripts/render_results.py

gif: build ## docs/trained.gif: trained individuals in the real Gymnasium, side by side
	$(BIN)/python scripts/make_gif.py docs/trained.gif

# PARITY="--record parity/PARITY.md" writes the table of evidence; --help lists what else there is.
parity: build ## the long proof that every bit is the references' (minutes; resumes where it was interrupted)
	$(BIN)/python -m evalengine.parity.long $(PARITY)

goldens: build ## records parity/golden anew from Gymnasium and PyTorch
	$(BIN)/python -m evalengine.parity.golden_recording parity/golden

# Each ends with the mean return of what it has learnt; tests/project/test_slot_ins.py judges it.
examples: build ## examples/slot_ins, one evolutionary library after the other, and a short evolution (a minute)
	$(BIN)/uv pip install --python $(BIN)/python --constraints requirements/dev.txt --requirements requirements/examples.txt
	set -e; for example in examples/slot_ins/*.py; do echo "== $$example"; $(BIN)/python $$example; done
	$(BIN)/python examples/evolution.py --generations 30

# The tests last: their last line counts them.
ci: lint docs counted test ## everything that must hold before a change lands

lint: build ## formatting, lints, types, documentation, workflows
	$(CARGO) fmt $(IN_RUST) --all --check
	$(CARGO) clippy $(IN_RUST) --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc $(IN_RUST) --workspace --no-deps --locked
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/actionlint -shellcheck= -pyflakes=
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.citation-file-format CITATION.cff

# Not with --quiet: warnings that are not shown are not counted, and then --strict forgives them. The variable silences
# Material's note about its successor.
docs: build ## the documentation site, strictly, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: build ## Rust and Python tests; the last line counts them
	$(BIN)/python scripts/run_tests.py

# Another order of inlining moves counts by some percent: record them anew where that is all.
instructions: build ## counts the instructions of a step of each workload into rust/instructions.csv (valgrind, two minutes)
	$(BIN)/python scripts/count_instructions.py --record

counted: build ## compares them with what is recorded: a step may not take 2% more (100 seconds; says so where it cannot)
	$(BIN)/python scripts/count_instructions.py

# Times, so close other programs first.
parts: build ## times the parts of a step beside the whole, into rust/PERFORMANCE.md (a minute, and compiling)
	$(BIN)/python scripts/parts_table.py

# Not part of ci: it tells how much the tests notice, and survivors are for people to judge. `make -k mutants` goes on with
# Python where Rust has some. MUTANTS="policy -- --sharding round-robin --shard 0/20" tries every twentieth change of one crate.
mutants: mutants-rust mutants-python ## changes the code one expression at a time and lists what no test notices (many hours)

mutants-rust: $(READY)
	scripts/rust_mutants.sh $(MUTANTS)

mutants-python: build
	$(BIN)/uv pip install --python $(BIN)/python --requirements requirements/mutants.txt
	$(BIN)/python scripts/run_mutants.py

fmt: $(READY) ## formats Rust and Python
	$(CARGO) fmt $(IN_RUST) --all
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

wheel: build ## sdist and manylinux wheel into dist/, checked in an empty environment
	$(BIN)/uv pip install --python $(BIN)/python --requirements requirements/dist.txt
	rm -rf dist
	$(BIN)/python scripts/build_dist.py dist --portable
	$(BIN)/twine check --strict dist/*
	EVALENGINE_DIST=dist $(BIN)/pytest tests/project/test_wheel.py

clean: ## removes what the other targets made
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache dist site rust/target cli/evalengine/_engine*.so
	find cli examples scripts tests -name __pycache__ -prune -exec rm -rf {} +

# The stamp is written last, so an interrupted set-up starts again; a newer requirements file does too.
$(READY): requirements/dev.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" UV="$(UV)" scripts/setup.sh
	@touch $@
