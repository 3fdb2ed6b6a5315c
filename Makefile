.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

T ?= tests
# More than there are cores: many tests wait for a server, a browser or a time-out.
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || echo 2) * 3 / 2 )))
PYTHON ?= $(firstword $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p; done))
IN := .venv/bin/python -m
# The files of requirements name all there is; what is imported is compiled then.
PIP := $(IN) pip install -qq --disable-pip-version-check --no-input --no-compile --no-deps
TEMPLATES := $(wildcard app/templates app/simulator/templates)

# A stamp says "installed"; whether it is still true, and what an interrupted attempt left, is looked up.
STAMPS := $(wildcard .venv/installed-for-run .venv/installed-for-test)
PINS := $(if $(filter %test,$(STAMPS)),requirements-dev.txt,$(if $(STAMPS),requirements.txt))
ifneq ($(wildcard .venv),)
  LACKS := $(shell .venv/bin/python -I app/local/installed.py $(PINS) 2>&1 || echo everything)
endif
DAMAGED := $(foreach found,$(LACKS),$(if $(findstring ==,$(found)),$(found)))
ifneq ($(LACKS),)
  $(shell rm -f $(STAMPS))
endif

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[36m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/installed-for-run ## Everything on this machine, on http://127.0.0.1:8000; PORT=8080 for another
	@.venv/bin/python -c '$(START)'

# As `python -m app.local.run`, but without a traceback for a Ctrl-C in the first second.
START = import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); \
	from app.local.run import main; raise SystemExit(main())

.PHONY: setup
setup: .venv/installed-for-test ## Install everything that developers need

.PHONY: test
test: .venv/installed-for-test ## Run the tests; T=tests/payments for some of them
	@$(IN) pytest $(T) $(if $(filter-out tests,$(T)),,--numprocesses $(WORKERS) --cov --cov-report term)

.PHONY: browser
browser: .venv/installed-for-test ## Every page and path in a real Chromium (minutes); T=tests/browser/test_taps.py for some
	@$(IN) pytest $(T:tests=tests/browser) --numprocesses $(WORKERS)

.PHONY: screens
screens: .venv/installed-for-test ## What `make browser` saw, on one picture per language and size: instance/screens
	@$(IN) tests.browser.sheet

.PHONY: faults
faults: .venv/installed-for-test ## Kill, freeze and empty everything under load, for minutes; SEED=7 for the same again
	@MALIPO_FAULTS_SEED=$(SEED) $(IN) pytest -s -p no:randomly tests/faults/long_*.py

.PHONY: fuzz
fuzz: .venv/installed-for-test ## Strangers and staff at every door, 20,000 times, for minutes; SEED=7 for the same again
	@MALIPO_FUZZ_SEED=$(SEED) $(IN) pytest -s -p no:randomly tests/fuzz/long_*.py

.PHONY: fix
fix: .venv/installed-for-test ## Format and repair what can be repaired
	@$(IN) ruff check --fix .
	@$(IN) ruff format .
	@$(IN) djlint --reformat --quiet $(TEMPLATES)

.PHONY: lint
lint: .venv/installed-for-test ## Formatting, rules, types, import contracts, templates
	@$(IN) ruff format --check .
	@$(IN) ruff check .
	@$(IN) mypy
	@.venv/bin/python -c 'from importlinter.cli import lint_imports_command as lint; lint()' --no-logo
	@$(IN) djlint --check --lint --quiet $(TEMPLATES)

.PHONY: migration
migration: .venv/installed-for-test ## Write a migration; m="add plan.trial_days"
	@$(if $(m),,echo 'Say what it does: make migration m="add plan.trial_days"'; exit 1)
	@$(IN) flask --app wsgi db upgrade
	@$(IN) flask --app wsgi db migrate -m "$(m)"

.PHONY: migration-sql
migration-sql: .venv/installed-for-test ## Lint the SQL of all migrations as PostgreSQL will read it
	@$(IN) flask --app wsgi db upgrade --sql | .venv/bin/squawk --pg-version=15 \
		--exclude=require-lock-timeout,require-statement-timeout,prefer-bigint-over-smallint,prefer-text-field

TOOLS := .venv-tools/bin
# Versions that are in the file already stay; for every Python and machine that we know of.
LOCK := $(TOOLS)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --custom-compile-command "make lock"

.PHONY: lock
lock: .venv-tools/installed ## Write requirements*.txt from requirements*.in, with every hash; NEWER="--upgrade-package rq" for a newer one
	@$(LOCK) $(NEWER) --python-version 3.11 requirements.in --output-file requirements.txt
	@$(LOCK) $(NEWER) --python-version 3.11.5 requirements-dev.in --constraint requirements.txt --output-file requirements-dev.txt
	@$(LOCK) $(NEWER) --python-version 3.11 requirements-tools.in --output-file requirements-tools.txt

.PHONY: audit
audit: .venv/installed-for-test .venv-tools/installed ## Known holes in what we depend on, unused or unnamed dependencies; AUDIT="--vulnerability-service osv" asks another service
	@$(IN) deptry .
	@$(TOOLS)/python deploy/audit.py --strict --disable-pip --require-hashes $(AUDIT) -r requirements.txt

.PHONY: sbom
sbom: .venv-tools/installed ## List for a release what is in it: sbom.json (CycloneDX)
	@$(TOOLS)/cyclonedx-py requirements requirements.txt --output-reproducible --output-format JSON --output-file sbom.json
	@echo "sbom.json"

.PHONY: bench
bench: .venv/installed-for-run ## What each hot path costs beside a bare floor (minutes); ROWS="polls callbacks" for some
	@.venv/bin/python bench/run.py $(ROWS) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: bench-peers
bench-peers: .venv/installed-for-run ## The same callbacks for us and for mainfinity-django-mpesa from PyPI
	@.venv/bin/python bench/peers.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SECONDS),--seconds $(SECONDS))

.PHONY: bench-growth
bench-growth: .venv/installed-for-run ## What gets slower when the database grows (minutes, gigabytes); SIZES="10000 10000000"
	@.venv/bin/python bench/growth.py $(SIZES) $(if $(PARTS),--parts $(PARTS))

.PHONY: mutants
mutants: .venv/installed-for-test ## Break the money rules one by one; the tests must notice (minutes)
	@$(IN) tests.mutants

.PHONY: sure
sure: lint test browser ## Everything CI runs

# What a marked text looks like: _("…") and ngettext are known, these are ours. Refused is said to customers.
EXTRACT := --mapping-file babel.cfg --keyword N_ --keyword _l --keyword Refused --add-location file --sort-by-file --no-wrap
UPDATE := --ignore-obsolete --no-fuzzy-matching --no-wrap --ignore-pot-creation-date
BABEL := $(IN) babel.messages.frontend --quiet

.PHONY: strings
strings: .venv/installed-for-run ## Put new texts into the Kiswahili catalogue, and compile it: commit both
	@mkdir -p instance
	@$(BABEL) extract $(EXTRACT) --output-file instance/messages.pot app
	@$(BABEL) update $(UPDATE) --input-file instance/messages.pot --output-dir app/translations
	@$(IN) babel.messages.frontend compile --statistics --directory app/translations

.PHONY: clean
clean: ## Remove what can be made again; instance/ keeps the data
	@rm -rf .venv .venv-tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache htmlcov .coverage*
	@find app tests migrations -name __pycache__ -prune -exec rm -rf {} +

.venv/installed-for-run: requirements.txt
	@$(environment)
	@echo "Installing what runs into .venv …"
	@$(PIP) -r requirements.txt || { echo '$(NO_PACKAGES)'; exit 1; }
	@touch $@

.venv/installed-for-test: requirements.txt requirements-dev.txt
	@$(environment)
	@echo "Installing what develops into .venv …"
	@$(PIP) -r requirements-dev.txt || { echo '$(NO_PACKAGES)'; exit 1; }
	@touch $@ .venv/installed-for-run

.venv-tools/installed: requirements-tools.txt
	@$(PYTHON) -m venv .venv-tools
	@$(TOOLS)/python -m pip install -qq --disable-pip-version-check --no-input -r $< || { echo '$(NO_PACKAGES)'; exit 1; }
	@touch $@

NO_PACKAGES := pip could not install everything: it needs a way to a package index. Then the same again.

# Made, or made again where an interrupted attempt left one without a working pip.
define environment
	mkdir -p instance/log; \
	test -n "$(PYTHON)" || { echo "Malipo needs Python 3.11 or newer: install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }; \
	if ! $(IN) pip --version >/dev/null 2>&1; then \
		$(PYTHON) -m venv --clear .venv >instance/log/venv.log 2>&1 \
		|| { rm -rf .venv; echo "Python's venv does not work here (see instance/log/venv.log): on Debian, apt install python3-venv"; exit 1; }; \
	fi; \
	$(if $(DAMAGED),$(if $(filter everything,$(LACKS)),,$(PIP) --force-reinstall --no-deps $(DAMAGED)))
endef
