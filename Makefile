# Two commands:  make run   make test
# Needs Python 3.11 to 3.14; everything else is installed into .venv.

DATA ?= data
OPEN ?=
PORT ?= 8080
KILLS ?= 200
MINUTES ?= 10
WORKERS ?= 2

BEDS ?= 6

.PHONY: help run demo-ward test setup setup-dev races torture torture-bridge lint

help:
	@echo 'make run       start the server on this machine, with synthetic patients; Ctrl-C stops it'
	@echo 'make run OPEN=1   the same without authentication'
	@echo 'make demo-ward   a ward of $(BEDS) simulated monitors, a device bridge, and a page to watch them'
	@echo 'make test      run the tests'
	@echo 'make races     send the same conditions from fifty clients at once'
	@echo 'make torture   kill a server $(KILLS) times under load and look for damage'
	@echo 'make torture-bridge   kill a device bridge, its server and database for $(MINUTES) minutes'
	@echo 'make lint      what CI checks besides the tests'
	@echo 'Variables: DATA=$(DATA) PORT=$(PORT) PATIENTS=100 PYTHON=... BEDS=$(BEDS) KILLS=$(KILLS) MINUTES=$(MINUTES) WORKERS=$(WORKERS)'

run: setup
	@scripts/first-data '$(DATA)' '$(PORT)'
	@exec .venv/bin/fhirserver serve $(if $(OPEN),--open) --port '$(PORT)' --data-dir '$(DATA)'

demo-ward:
	@scripts/setup bridge
	@exec .venv/bin/python scripts/demo-ward --beds '$(BEDS)' --port '$(PORT)' --data-dir '$(DATA)-ward'

# Files go out in the order of their names: by the number of their tests, those that start servers
# and have few would come last, and one worker would wait for the other.
# Bytecode is kept whatever the environment says: the tests start some thousand processes, and each
# would compile the server anew.
test: setup-dev
	@unset PYTHONDONTWRITEBYTECODE && exec .venv/bin/pytest -n '$(WORKERS)' --dist loadfile --no-loadscope-reorder

races: setup-dev
	@exec .venv/bin/python -m tests.races.races

torture: setup-dev
	@exec .venv/bin/python -m tests.torture.torture --kills $(KILLS)

torture-bridge: setup-dev
	@exec .venv/bin/python -m tests.torture.bridge --minutes $(MINUTES)

lint: setup-dev
	@exec scripts/lint

setup:
	@scripts/setup

setup-dev:
	@scripts/setup dev
