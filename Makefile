# `make demo` shows it, `make test` proves it. Both prepare .venv themselves; a second run installs nothing.
#
#   make demo ARGS="--orders 200 --seed 7"   orders through four services while the coordinator is killed; Ctrl-C ends it
#   make test                                the house and every test, the fast ones first
#   make fast                                the tests that need no server
#   make check                               the house alone: format, lint, types, imports, sizes, names, documents
#   make mend                                format, mend what lint can mend, write the generated documents
#   make lock                                resolve requirements*.lock again (ARGS=--upgrade: to newer versions)
#   make clean                               remove .venv and caches
#
# The proof: each command prints seed, counts and a verdict per invariant. ARGS="--seed 7 --max-seconds 600 --json"; --record keeps the run.
#
#   make explore ARGS="--states 1000000"     every order of events of small sagas, on the real core
#   make simulate ARGS="--sagas 100000"      whole replicas on a clock that jumps, struck by faults drawn from a seed
#   make chaos ARGS="--minutes 60"           a cluster under load while its servers and replicas die; needs Java and, once, Maven
#   make bad-input                           a million hostile records and 200,000 hostile calls; all accounted for
#   make soak                                an hour of steady orders; does anything grow?
#   make crash ARGS="--max-seconds 600"      real processes killed, stopped and cut off at every await, on real servers
#   make upgrade ARGS="--cycles 3"           the last release and this one in turn, under load; recorded histories, decided again
#   make planted                             defects put into copies of the tree: is each found by its rung
#   make mutants ARGS="--sample 200"         mutants of the core: how many does a test kill
#   make bench ARGS="--rows happy,calm"      how fast, with what CPU, on how many bytes, on one machine; results verified first
#   make bench-peers                         the same orders on DBOS, in turn with ours
#   make bench-profile                       where a replica's time goes under load, function by function

VENV := .venv
PEERS := tests/bench/peers
PYTHON := $(VENV)/bin/python
UV = $(firstword $(shell command -v uv 2>/dev/null) $(wildcard $(VENV)/bin/uv))
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

FAST := $(wildcard tests/unit tests/contract tests/flow tests/conformance)
SLOW := $(filter-out tests/house $(FAST) tests/__pycache__,$(patsubst %/,%,$(wildcard tests/*/)))

.PHONY: help demo test fast check mend lock clean bad-input mutants explore simulate crash chaos soak upgrade planted bench bench-peers \
	bench-profile

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/ready
	@trap : INT; $(VENV)/bin/saga demo $(ARGS) || [ $$? -eq 130 ]

# The rooms with servers and processes of their own come one after the other: beside others they would wait, and a time-out is a failure.
test: $(VENV)/ready-to-test
	$(PYTHON) -m pytest tests/house $(FAST) -n 2 --dist loadfile $(ARGS)
	$(PYTHON) -m pytest $(SLOW) $(ARGS)

fast: $(VENV)/ready-to-test
	$(PYTHON) -m pytest $(FAST) -m 'not integration' -k 'not ([postgres or [mock or [real)' $(ARGS)

check: $(VENV)/ready-to-test
	$(PYTHON) -m tests.house

mend: $(VENV)/ready-to-test
	$(PYTHON) -m ruff format --quiet .
	$(PYTHON) -m ruff check --quiet --fix .
	$(PYTHON) -m tests.house --write

# Why the other locks are held to the first: what is tested is what runs. The image's has no embedded servers and no build backend.
lock:
	@test -n "$(UV)" || { echo "uv is needed to resolve the locks: $(PYTHON) -m pip install uv" >&2; exit 1; }
	$(COMPILE) --group build --extra embedded --extra otlp --extra speed --extra dev $(ARGS) pyproject.toml -o requirements-dev.lock
	$(COMPILE) --group build --extra embedded --constraint requirements-dev.lock $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) --extra otlp --extra speed --constraint requirements-dev.lock $(ARGS) pyproject.toml -o requirements-image.lock
	$(COMPILE) $(ARGS) $(PEERS)/peers.in -o $(PEERS)/peers.lock

# Each is the command of a room of that name.
explore simulate crash chaos soak upgrade planted bench: $(VENV)/ready-to-test
	@$(PYTHON) -m tests.$@ $(ARGS)

bad-input: $(VENV)/ready-to-test
	@$(PYTHON) -m tests.hostile --records 1000000 --calls 200000 $(ARGS)

bench-peers: $(VENV)/ready-to-test $(VENV)-peers/ready
	@$(PYTHON) -m tests.bench.peers $(ARGS)

bench-profile: $(VENV)/ready-to-test
	@$(PYTHON) -m tests.bench.profile $(ARGS)

mutants: $(VENV)/ready-to-test
	@$(PYTHON) -m tests.planted.mutants $(ARGS)

clean:
	rm -rf $(VENV) $(VENV)-peers .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps are touched after a complete installation; whoever can test can also run.
$(VENV)/ready: requirements.lock pyproject.toml
	@sh tools/prepare.sh requirements.lock
	@touch $@

$(VENV)/ready-to-test: requirements-dev.lock pyproject.toml
	@sh tools/prepare.sh requirements-dev.lock
	@touch $@ $(VENV)/ready

# Peers have packages of their own, which need not agree with ours.
$(VENV)-peers/ready: $(PEERS)/peers.lock $(VENV)/ready-to-test
	@$(PYTHON) -m venv $(VENV)-peers
	@$(VENV)-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(PEERS)/peers.lock
	@touch $@
