# `make run` and `make test` set up everything they need in this folder; the second time they start at once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: run test thorough newest installed suites check types format bench learn wheel site notebooks clean

run: $(READY) ## Train DQN on CartPole-v1 until solved, and say where the result is
	$(BIN)/zerone train dqn CartPole-v1

TESTS := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test: $(READY) check ## Lint, types, import order, and the tests, of long ones the first cases: some ten minutes on two cores
	$(TESTS) --part quick

thorough: $(READY) ## All that `make test` leaves out: long trainings, and the other cases of long tests
	$(TESTS) --part thorough

# Of each room that depends on somebody else's package: numbers, environments, engines, folders, figures, the command.
SHORT := tests/base tests/parts tests/environments tests/engines/test_compiled.py tests/engines/test_host.py \
	tests/training/test_run.py tests/training/test_resume.py tests/charts tests/player tests/cli/test_process.py

newest: $(READY) ## The wheel with the newest Python that is here and nothing pinned, on a part of the tests
	$(BIN)/python tools/check_newest.py .venv-newest $(SHORT)

installed: $(READY) ## The wheel on every Python that is here, in an empty environment: README's commands, time and size
	$(BIN)/python tools/check_wheel.py

suites: ## The adapters beside the suites that they adapt, which need other versions than ours: in a place of their own
	test -x .venv-suites/bin/python || $(PYTHON) -m venv .venv-suites
	.venv-suites/bin/python -m pip install --quiet --disable-pip-version-check -e '.[gymnax,brax,navix]' pytest
	.venv-suites/bin/python -m pytest tests/environments/test_suites.py

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python tools/check_imports.py

format: $(READY) ## Put every file into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

learn: $(READY) ## Every preset on 20 seeds that none was tuned on, into docs/speed.md and README: about an hour
	$(BIN)/python -m zerone_benchmarks.learning --readme

bench: $(READY) ## Speed beside the peers that are installed
	$(BIN)/zerone bench

wheel: $(READY) ## dist/zerone-*.whl
	$(BIN)/python -m hatchling build -t wheel

notebooks: $(READY) ## Every cell of the notebooks, with short trainings
	$(BIN)/python tools/notebooks.py --run

site: ## The documentation as pages, in site/, to be read from the folder: mkdocs in a place of its own
	test -x .venv-site/bin/python || $(PYTHON) -m venv .venv-site
	.venv-site/bin/python -m pip install --quiet --disable-pip-version-check -e '.[site]'
	.venv-site/bin/python tools/build_site.py site

clean:
	rm -rf $(VENV) .venv-newest .venv-suites .venv-site site build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis

# Pinned by names, versions and hashes; then the project itself, with the build backend among what is pinned.
$(READY): constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Zerone needs Python 3.11 or newer: make PYTHON=python3.12 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)
