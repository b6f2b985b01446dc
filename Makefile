# Countersign: `make demo` shows the whole idea, `make test` checks everything. Both need only Python 3.11.

PYTHON ?= $(or $(shell command -v python3.11),python3)
PORT ?= 8000
SERVE ?= 1
BIN := .venv/bin
MANAGE := $(BIN)/python manage.py
DEMO := COUNTERSIGN_DATA_DIR=var/demo COUNTERSIGN_NVD_ONLINE=false COUNTERSIGN_MFA=optional \
	COUNTERSIGN_RELEASE_SOAK_HOURS=0 COUNTERSIGN_SECRETS_DIR=var/demo/secrets COUNTERSIGN_FEED_STALE_SECONDS=600

.PHONY: help demo run test pictures lint bench doctor lock clean
help:  ## Say what there is
	@grep -hE '^[a-z.]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: .venv/.base .env  ## Play the story on a database of its own, then serve it (SERVE=0: only the story; PORT=)
	@$(DEMO) $(MANAGE) prepare
	@$(DEMO) $(MANAGE) demo
	@if [ "$(SERVE)" != 0 ]; then \
		$(DEMO) $(MANAGE) serve --bind 127.0.0.1:$(PORT); fi

run: .venv/.base .env  ## Serve the portal with a worker in the same process
	@$(MANAGE) prepare
	@$(MANAGE) serve --bind 127.0.0.1:$(PORT)

test: .venv/.dev .env  ## Every test, on SQLite and, where they answer, PostgreSQL, Redis and chromium
	@$(BIN)/python -m tests.everything

pictures: .venv/.dev .env  ## Take the README's pictures anew
	PICTURES=docs/pictures $(BIN)/python -m pytest -q -m browser

lint: .venv/.dev .env  ## ruff, mypy strict, import-linter, migrations, the API's description, templates
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) makemigrations --check --dry-run
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) check --fail-level WARNING
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) spectacular --validate --fail-on-warn --file /dev/null
	git ls-files -z '*.html' | xargs -0 $(BIN)/djade --check --target-version 5.2

bench: .venv/.dev .env  ## Ratios against floors measured in the same run
	@for file in benchmarks/*.py; do $(BIN)/python $$file || exit 1; done

doctor: .venv/.base .env  ## Check settings, database, broker, keys, clock; say how to mend
	@$(MANAGE) doctor

lock: .venv/.dev  ## Write requirements/*.txt anew from requirements/*.in
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --upgrade \
		--python-version 3.11 --universal requirements/base.in -o requirements/base.txt
	$(BIN)/uv pip compile -q --generate-hashes --no-header --no-emit-index-url --upgrade \
		--python-version 3.11 --universal requirements/dev.in -o requirements/dev.txt

clean:  ## Remove the environment and all local data
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.base: requirements/base.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/base.txt
	@touch $@

.venv/.dev: requirements/dev.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@ .venv/.base

.env:
	@umask 077 && $(PYTHON) -c "import secrets; \
	print('COUNTERSIGN_SECRET_KEY=' + secrets.token_urlsafe(50)); \
	print('POSTGRES_PASSWORD=' + secrets.token_urlsafe(24))" > .env
