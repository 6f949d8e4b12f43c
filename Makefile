# Two commands on a machine with Python 3.11 or later and nothing else prepared:
#
#     make run      starts the server and says how to connect
#     make test     runs the tests
#
# Everything they need goes into .venv; set-up is done again when setup.cfg changes.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR ?= $(or $(PA_DATA_DIR),./data)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
TRIAL := $(BIN)/python -m twisted.trial
WEB := $(BIN)/python clients/web/build.py

# More options for the server: make run ARGS="--port 9443 --root ~/code"
ARGS ?=
# Less than all tests, or one at a time: make test TESTS=tests.wire JOBS=1
TESTS ?= tests
JOBS ?= 2
# Seconds of fuzzing.
SECONDS ?= 600

.PHONY: help run test lint web web-test web-types fuzz bench man pictures clean
.DEFAULT_GOAL := help

help:
	@echo 'make run      start the server and say how to connect    (ARGS="--port 9443", DATA_DIR=./data)'
	@echo 'make test     run the tests                              (TESTS=tests.wire JOBS=1)'
	@echo 'make lint     style, types and the floors of the house'
	@echo 'make web      build the web client'
	@echo 'make web-test check its types and its style, and run its tests'
	@echo 'make web-types make its types of what the server says of itself'
	@echo 'make fuzz     the longer hunt for bad input              (SECONDS=600)'
	@echo 'make bench    measure the figures of the README'
	@echo 'make man      write docs/pocketagent.1 anew, when commands changed'
	@echo 'make pictures draw the pictures of the README anew'
	@echo 'make clean    remove what these made, never your data'

# -- the server

run: $(BIN)/python
	@$(WEB) 2>/dev/null || echo 'The web client could not be built (`make web` says why): the server starts without it.'
	@$(MAKE) --no-print-directory $(VENV)/.run
	@command -v claude >/dev/null || $(BIN)/python -c 'import claude_agent_sdk' 2>/dev/null || \
		{ echo 'No Claude CLI on PATH: installing the one of claude-agent-sdk (170 MB) …'; $(PIP) -e '.[cli]'; } || \
		echo 'It could not be installed: the server starts, and says so to whoever asks for work.'
	@$(BIN)/pocketagent token create --if-none --name 'first device' --data-dir '$(DATA_DIR)'
	@root=; if [ "$$(id -u)" = 0 ]; then root=--allow-root; \
		echo 'Warning: you are root, so every prompt may do everything on this machine.' >&2; fi; \
	exec $(BIN)/twistd -n --pidfile= pocketagent --data-dir '$(DATA_DIR)' $$root $(ARGS)

# -- checks

test: $(VENV)/.test
	@$(WEB) || echo 'Tests that need the web client are skipped.'
	@$(TRIAL) --jobs=$(JOBS) $(TESTS)

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# -- the web client

web: $(BIN)/python
	@$(WEB)

web-test: $(VENV)/.test
	@$(WEB) check test
	@$(BIN)/python docs/make_openapi.py | $(WEB) types-check

web-types: $(VENV)/.test
	@$(BIN)/python docs/make_openapi.py | $(WEB) types

# -- more

fuzz: $(VENV)/.test
	FUZZ_SECONDS=$(SECONDS) $(TRIAL) tests.inbound.test_fuzz

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks

man: $(VENV)/.test
	$(BIN)/python docs/make_manpage.py

pictures: $(VENV)/.test
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python docs/make_screenshots.py

clean:
	rm -rf $(VENV) clients/web/node_modules pocketagent/static build dist *.egg-info _trial_temp* .mypy_cache .ruff_cache .hypothesis twisted/plugins/dropin.cache
	find pocketagent tests twisted benchmarks -name __pycache__ -type d -exec rm -rf {} +

# -- set-up
#
# sslyze has a place of its own: it needs an older cryptography than the server.

FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

$(BIN)/python:
	@for python in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
		if "$$python" -c '$(FITS)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo 'Python 3.11 or later with venv is needed: apt install python3 python3-venv, or see python.org.' >&2; exit 1; \
	fi; \
	echo "Setting up $(VENV) with $$($$found --version) …"; \
	"$$found" -m venv $(VENV)

$(VENV)/.run: setup.cfg pyproject.toml | $(BIN)/python
	@$(PIP) -e .
	@touch $@

$(VENV)/.test: setup.cfg pyproject.toml benchmarks/node/package.json | $(BIN)/python
	@echo 'Installing what the tests need …'
	@$(PIP) -e '.[test]'
	@test -e $(BIN)/sslyze || { $(BIN)/python -m venv $(VENV)/sslyze && \
		$(VENV)/sslyze/bin/python -m pip --disable-pip-version-check --quiet install 'sslyze>=6.3.1' && \
		ln -s ../sslyze/bin/sslyze $(BIN)/sslyze; } || echo 'sslyze could not be installed: its tests are skipped.'
	@if command -v npm >/dev/null; then \
		npm install --prefix benchmarks/node --no-audit --no-fund --no-package-lock --silent >/dev/null || \
		echo 'ws could not be installed: the test that needs it is skipped.'; fi
	@touch $@ $(VENV)/.run

$(VENV)/.lint: $(VENV)/.test
	@$(PIP) -e '.[test,lint]'
	@touch $@
