# `make demo` and `make test` need Python 3.11 or later with pip and venv, and nothing else.
PYTHON ?= python3
PIP = .venv/bin/python -m pip --disable-pip-version-check
INSTALL = $(PIP) install --quiet --retries 10 --timeout 60 -c constraints.txt

.PHONY: demo test test-slow lint bench docs

demo: .venv/installed          ## set up, then build the demo dataset
	.venv/bin/vidal demo

test: .venv/installed-dev      ## set up, then run the tests
	.venv/bin/python -m pytest -n 2 --dist loadfile

test-slow: .venv/installed-dev ## the tests that take minutes
	.venv/bin/python -m pytest -m slow

lint: .venv/installed-dev      ## ruff, and the direction of imports
	.venv/bin/ruff check .
	.venv/bin/python -m pytest -q tests/docs/test_imports.py

bench: .venv/installed-dev     ## print the benchmark tables
	for script in bench/*.py; do .venv/bin/python $$script || exit 1; done

docs: .venv/installed-dev      ## write docs/pipeline-file.md from the schema
	.venv/bin/python docs/generate.py

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	touch $@

.venv/installed-dev: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e '.[dev]'
	touch $@ .venv/installed
