# The two commands of a fresh machine are `make book` and `make test`; `make help` lists the rest.
# On Windows, or without make: README.md says the same in plain Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# One more than two cores: a browser test waits for its browser half of the time.
WORKERS ?= 3
STAMP := $(VENV)/installed

# Python keeps what it has compiled, whatever is set outside: the tests start it a thousand times.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install book serve test bench vary lint lock shots pieces sky clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP)  ## make the environment that all other commands use, as they do by themselves

book: $(STAMP)  ## execute the chapters that changed, build the site, say where it is
	$(BIN)/python -m bookbuild build

serve: $(STAMP)  ## read the book at http://127.0.0.1:8000/ (another port: make serve PORT=8001)
	$(BIN)/python -m bookbuild serve --port $(PORT)

test: $(STAMP)  ## run every test (those that need a browser skip, with a reason, where there is none)
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist worksteal --durations 25

bench: $(STAMP)  ## measure speed: ratios against another way of doing it, in one run
	$(BIN)/python tests/bench.py
	$(BIN)/python tests/bench_nanogpt.py
	$(BIN)/python tests/bench_widgets.py
	$(BIN)/python tests/bench_keys.py

vary: $(STAMP)  ## execute the chapters as other processors would, and list what the pages would say otherwise
	$(BIN)/python tests/other_processors.py

lint: $(STAMP)  ## check style and types, change nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

shots: $(STAMP)  ## take screenshots of every page, phone and desktop, light and dark, into .cache/shots
	$(BIN)/python tests/shots.py

pieces: $(STAMP)  ## take screenshots of every live piece, phone and desktop, light and dark, into .cache/shots
	$(BIN)/python tests/shots.py --pieces

sky:  ## an environment of its own in which tests check docs/your-own-gpt/rent-a-gpu.yaml by SkyPilot's schema
	@test -x .cache/sky/bin/python || $(PYTHON) -m venv .cache/sky
	.cache/sky/bin/python -m pip install --quiet --disable-pip-version-check "skypilot==0.14.1"

lock: ## resolve pyproject.toml afresh into requirements.lock
	rm -rf .cache/lock && $(PYTHON) -m venv .cache/lock
	.cache/lock/bin/python -m pip install --quiet --disable-pip-version-check "torch==2.13.0" -e ".[book,test,data]"
	{ sed -n '/^#/p' requirements.lock; .cache/lock/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//'; } > .cache/new.lock
	mv .cache/new.lock requirements.lock && rm -rf .cache/lock

clean:  ## remove all that can be made again: environment, caches, site
	rm -rf $(VENV) .cache site dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for everything, made once and again when the locked versions or the package's needs change.
# Not compiled: most of its 18,000 files are never imported, and Python keeps what it has compiled by itself.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or later is needed, this is " + sys.version.split()[0] + "; say which one: make book PYTHON=python3.12")'
	@test -x $(BIN)/python || { echo "Making the environment $(VENV) (once; it downloads about 400 MB)"; $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock --editable .
	@touch $(STAMP)
