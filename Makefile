# make demo    the main job with the built-in model; QUERY="..." DOCS=folder for your own text
# make test    every check and every test, in one process more than there are processors, at most
#              four, since some tests wait; WORKERS=8 for more
# make docs    the site, into build/site; make notebooks, make evaluate, make bench: see there
# make test-packages, test-latest   the packages alone in empty environments; the newest frameworks
# make test-peers   the tests of other libraries that can be had, against our stand-ins for them
# make names   after a change of PUBLIC_NAMES: what type checkers see in secondpass/__init__.py
# They set up what they need in .venv; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROCESSORS := $(shell getconf _NPROCESSORS_ONLN)
WORKERS ?= $(or $(word $(PROCESSORS),2 3 4),4)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LLAMA := adapters/llama-index-postprocessor-secondpass
LANGCHAIN := adapters/langchain-secondpass
HAYSTACK := adapters/secondpass-haystack

# the tests start some hundred processes, which would compile every module each time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-clients test-packages test-latest test-peers lint types style names docs \
	notebooks evaluate bench clean

demo: $(VENV)/demo.ready
	@$(BIN)/python -W ignore cookbook/demo.py --query "$(QUERY)" $(if $(DOCS),--docs "$(DOCS)")

test: $(VENV)/test.ready lint
	$(BIN)/python -m pytest -m "" -n $(WORKERS) --no-loadscope-reorder

# clients of the service that do not fit into one environment, each in its own; needs an index
test-clients: $(VENV)/test.ready
	$(BIN)/python tests/clients/run.py

# each adapter installs alone into an empty environment and runs its README; minutes
test-packages: $(VENV)/test.ready
	$(BIN)/python tests/packages.py alone

# for every night: the newest version of each framework, in a new environment, and the adapters' tests
test-latest: $(VENV)/test.ready
	$(BIN)/python tests/packages.py latest

# the tests of the libraries that we stand in for, against ours; needs an index
test-peers: $(VENV)/test.ready
	$(BIN)/python tests/peers.py

CHECKS := types $(patsubst adapters/%,types-%,$(LLAMA) $(LANGCHAIN) $(HAYSTACK)) style

lint: $(VENV)/test.ready
	@$(MAKE) --no-print-directory --jobs=$(WORKERS) $(CHECKS)

types:
	$(BIN)/mypy

types-%:
	$(BIN)/mypy --config-file adapters/$*/mypy.ini

style:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

names: $(VENV)/test.ready
	$(BIN)/python tests/write_public_names.py

docs: $(VENV)/test.ready
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict

# every figure that the documentation gives, about an hour; writes benchmarks/results and docs/evaluation.md
evaluate: $(VENV)/test.ready
	for each in builtin_collections builtin_quality evaluation calibration guarantee \
		learned_fusion fine_tuning split footprint judges production page; do \
		$(BIN)/python benchmarks/$$each.py || exit 1; done

# ours and every peer in one run, planned for 25 minutes; writes benchmarks/results/speed.*
bench: $(VENV)/bench.ready
	$(BIN)/python benchmarks/speed $(BENCH)

# the cookbook's notebooks, run, beside their scripts; NAMES="01_llamaindex.py" for some of them
notebooks: $(VENV)/test.ready
	$(BIN)/python cookbook/execute.py $(NAMES)

clean:
	rm -rf $(VENV) dist

$(VENV)/made:
	$(PYTHON) -m venv $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/demo.ready: $(VENV)/made pyproject.toml $(LLAMA)/pyproject.toml
	$(PIP) -e ".[bm25]" -e $(LLAMA)
	touch $@

# torch first and pinned: this release installs without gigabytes of GPU libraries where the
# index offers a processor build, and sentence-transformers would ask for the newest
$(VENV)/test.ready: $(VENV)/made pyproject.toml $(wildcard adapters/*/pyproject.toml)
	$(PIP) torch==2.13.0
	$(PIP) -e ".[all]" -e $(LLAMA) -e $(LANGCHAIN) -e $(HAYSTACK) --group dev --group docs
	touch $@

$(VENV)/bench.ready: $(VENV)/test.ready benchmarks/speed/requirements.txt
	$(PIP) -r benchmarks/speed/requirements.txt
	touch $@
