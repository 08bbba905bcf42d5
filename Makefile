# Everything starts here; `make` alone lists what there is. Works with GNU make 3.81.
.PHONY: help demo clean-demo test drill lint format bench screenshots lock

PORT ?= 8000
SERVE ?= 1
# Where Homebrew keeps the libraries that WeasyPrint looks for; without effect elsewhere.
RUN := DYLD_FALLBACK_LIBRARY_PATH=/opt/homebrew/lib:/usr/local/lib:/usr/lib

help:
	@echo "make demo         start Attestry with demonstration data on 127.0.0.1:8000 (PORT=..., SERVE=0)"
	@echo "make clean-demo   stop the demo and delete its data"
	@echo "make test         run all tests but the long proofs"
	@echo "make drill        run the long proofs"
	@echo "make lint         check style, types and layers"
	@echo "make format       format the code"
	@echo "make bench        measure, and write var/bench/results.json"
	@echo "make screenshots  take the pictures of the documentation"
	@echo "make lock         lock the dependencies anew"

demo:
	@bin/setup run
	@$(RUN) ATTESTRY_ENV=demo SITE_URL=http://127.0.0.1:$(PORT) exec .venv/bin/python manage.py demo --port $(PORT) --serve $(SERVE)

clean-demo:
	@bin/setup run
	@.venv/bin/python manage.py clean_demo

test:
	@bin/setup dev
	@PYTHONDONTWRITEBYTECODE= $(RUN) .venv/bin/python -m pytest -n 3 --dist worksteal -m "not drill"

drill:
	@bin/setup dev
	@PYTHONDONTWRITEBYTECODE= $(RUN) .venv/bin/python -m pytest -n 2 --dist worksteal -m drill

lint:
	@bin/setup dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports
	.venv/bin/mypy

format:
	@bin/setup dev
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

bench:
	@bin/setup dev
	@$(RUN) .venv/bin/python -m bench

screenshots:
	@bin/setup dev
	@$(RUN) .venv/bin/python manage.py screenshots

LOCK := .venv/bin/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11
lock:
	@bin/setup dev
	$(LOCK) requirements.in -o requirements.lock
	$(LOCK) -c requirements.lock requirements-dev.in -o requirements-dev.lock
	$(LOCK) requirements-node.in -o requirements-node.lock
	$(LOCK) requirements-uv.in -o requirements-uv.lock
