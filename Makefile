# The doors of the checkout. `make` alone lists them; README.md says what they are for.
#
# What is made, from what, and when again:
#   .venv/bin/python          the environment            once
#   .venv/requirements        its packages               when requirements.lock changes
#   gateway/_engine.abi3.so   the extension, release     when a Rust source, a manifest or the environment changes
# Everything else (Rust's own incremental builds) is cargo's business, in target/.

SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
BIN := .venv/bin
ENGINE := gateway/_engine.abi3.so
RUST := $(shell find rust/core/src rust/engine/src -name '*.rs')
MANIFESTS := Cargo.toml Cargo.lock rust/core/Cargo.toml rust/engine/Cargo.toml pyproject.toml

EXAMPLE ?= examples/quickstart.yaml
SECONDS ?= 300

.PHONY: help build run test lint format bench fuzz soak docs clean

help:    ## this list
	@sed -n 's/^\([a-z]*\):[^#]*## */\1|/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r name words; \
	do printf '  make %-8s %s\n' "$$name" "$$words"; done

build: $(ENGINE)    ## a ready environment in .venv: .venv/bin/gateway runs from the checkout

run: build    ## start the gateway on examples/quickstart.yaml (EXAMPLE=file: on another one)
	@exec $(BIN)/gateway run --hints -c $(EXAMPLE)

test:    ## everything: tools, build, lint, Rust tests, fuzzing, Python tests, end to end (about ten minutes)
	@.ci/test

lint: build    ## ruff, mypy, the stub against the built module, rustfmt, rustdoc, clippy
	@.ci/lint

format:    ## put Python and Rust into the one form that lint asks for
	$(BIN)/ruff check --quiet --fix-only .
	$(BIN)/ruff format --quiet .
	cargo fmt

bench: build    ## this gateway beside six peers and a bare relay (BENCH='load URL': only the load tool)
	@$(BIN)/python -m bench $(or $(BENCH),compare)

fuzz:    ## fuzz the codec, SECONDS=300 for each target
	@rust/fuzz/run.sh $(SECONDS)

soak: build    ## the tests that take minutes, then load, reloads and handlers for SECONDS=300
	@$(BIN)/python -m pytest -n 0 -m soak
	@SOAK_SECONDS=$(SECONDS) $(BIN)/python -m pytest tests/soak -n 0 -s

docs: build    ## make again what is generated: the configuration reference, the tables of docs/operating.md
	@$(BIN)/python -m gateway.config.reference > docs/configuration.md
	@$(BIN)/python -m docs.tables

clean:    ## remove everything that was made, the environment included
	rm -rf .venv target rust/fuzz/target build .pytest_cache .mypy_cache .ruff_cache .hypothesis $(ENGINE)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@PYTHON=$(PYTHON) .ci/environment

.venv/requirements: requirements.lock | $(BIN)/python
	@echo "build: installing the packages of requirements.lock"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.lock
	@touch $@

$(ENGINE): .venv/requirements $(RUST) $(MANIFESTS)
	@echo "build: compiling the engine in release mode (a minute or two the first time)"
	@PATH="$(CURDIR)/$(BIN):$$PATH" MATURIN_PEP517_ARGS=--locked $(BIN)/python -m pip install --quiet \
	    --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
	@echo "build: ready: .venv/bin/gateway"
