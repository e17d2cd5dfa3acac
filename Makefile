# make demo    one run from an empty folder to a table
# make test    the whole test suite
# make check   lint, format, types, order of imports, tables against records
# make docs    the documentation as a site in build/docs; warnings are errors

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
BOARDS := sim7 mics7

.PHONY: demo test check docs format clean

demo: $(READY)
	$(BIN)/devbench run --method umc-synth --source iphone14

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_import_order.py tests/test_packaging.py
	for name in $(BOARDS); do \
	    $(BIN)/devbench leaderboard --records leaderboards/$$name/records \
	        --out leaderboards/$$name --check || exit; \
	done

docs: $(READY)
	$(BIN)/python docs/site/generate.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet \
	    -c docs/site -d build/docs-cache . build/docs

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "devbench needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $(READY)

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache
