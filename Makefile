# Everything a newcomer types. `make help` lists it.
SHELL := /bin/sh
# Debian's own first: it is what a server runs, and is built with more care for speed than most that people build themselves.
PYTHON ?= $(shell for one in /usr/bin/python3.11 python3.11 python3; do $$one -c 'import ensurepip' 2>/dev/null && echo $$one && break; done)
VENV := .venv
BIN := $(VENV)/bin
ROOMS := crypto store source_app journalist_app deploy
# What the tests drive besides Python: two browsers, Tor and its authorities, the firewall and its network namespaces, the parsers of
# profiles and units, a tracer, a second implementation of age, OpenPGP, and every script of the pages to look at.
PACKAGES := python3-venv firefox-esr chromium tor nftables iproute2 apparmor systemd curl strace fonts-noto-cjk fonts-noto-core gpg gpg-agent

.PHONY: help setup packages demo test test-fast test-host check bench clean
.DEFAULT_GOAL := help

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/ready ## make the virtual environment from the locked list

# One package (stem) comes as source: what builds it is installed first and by hash, not fetched unseen while it is built.
$(VENV)/ready: deploy/locks/build.txt deploy/locks/development.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement deploy/locks/build.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --require-hashes --requirement deploy/locks/development.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Only what is missing is installed, and a node that is already here is left alone.
packages:
	@missing=""; \
	for package in $(PACKAGES); do dpkg-query --show --showformat='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; done; \
	command -v node >/dev/null || missing="$$missing nodejs npm"; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then \
	    apt-get update --quiet=2 && DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends $$missing >/dev/null; \
	  else echo "The tests need these Debian packages first:  sudo apt-get install$$missing"; exit 1; fi; \
	fi

demo: setup ## a throwaway organisation on this machine: source page, desk, three vaults
	$(BIN)/dengwen demo --dir demo

test: packages setup check ## everything: checks, then all tests
	$(BIN)/pytest -m "not host"

test-fast: setup ## the tests that need no browser and no patience
	$(BIN)/pytest -m "not slow and not browser and not host"

# Not part of `make test`: it wants root, debootstrap, qemu and Debian's mirror, and most of an hour where the processor has to be emulated.
test-host: setup ## a plain Debian that sends in parts, and a guest installed from this tree as an operator would; seen: build/test-host.json
	$(BIN)/pytest -m host
	$(BIN)/python -u -m tests.host

check: setup ## lint, types, import rules, words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/interrogate --quiet tests

bench: setup ## measure every figure against its limit; writes bench.json
	$(BIN)/python -m tests.bench

clean: ## remove what the other targets made
	rm -rf $(VENV) build demo bench.json .mypy_cache .ruff_cache .pytest_cache .hypothesis tests/interop/node_modules *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
