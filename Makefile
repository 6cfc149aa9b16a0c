# Everything happens in .venv; nothing is installed outside it but, where it may, the peer programs.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PEER_PACKAGES := dcmtk xorriso genisoimage p7zip-full libarchive-tools libgdcm-tools udftools \
  libudfread0 mtools dosfstools unzip poppler-utils zbar-tools fonts-noto-core libxml2-utils tmux \
  postgresql redis-server openssl chromium
PEER_PROGRAMS := dcmdump xorriso isoinfo 7z bsdtar gdcminfo udfinfo mcopy fsck.fat unzip pdftotext \
  zbarimg xmllint tmux redis-server openssl chromium
PEER_LIBRARIES := libudfread.so.0
PEER_FILES := /usr/share/fonts/truetype/noto/NotoSansDevanagari-Regular.ttf \
  /usr/lib/postgresql/*/bin/initdb

.PHONY: demo test lint fuzz bench pictures reference walk peers pins clean

demo: $(VENV)/.ready
	$(RUN) -m mediastation demo

test: $(VENV)/.ready-dev peers
	$(RUN) -m pytest -n 2 --dist worksteal $(TESTS)

lint: $(VENV)/.ready-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

# Spoiled media for every reader; FUZZ="--target udf --minutes 60 --jobs 2" asks for more.
fuzz: $(VENV)/.ready-dev
	$(RUN) -m tests.fuzz $(FUZZ)

bench: $(VENV)/.ready-dev peers
	$(RUN) -m benchmarks

# What the guides show; no network, and the same pictures until the console changes.
pictures: $(VENV)/.ready-dev
	$(RUN) docs/pictures.py

reference: $(VENV)/.ready
	$(RUN) docs/fill_reference.py

# What the page on importing shows of the commands: they are run, on a disc with faults.
walk: $(VENV)/.ready-dev
	$(RUN) docs/fill_importing.py

# The peers are oracles in tests. Who may not install them skips what needs them. Where an init
# runs, Debian starts postgresql and redis-server as services of their own on loopback: the tests
# use none of these and need none, so that they may be disabled.
peers:
	@missing=; for program in $(PEER_PROGRAMS); do \
	  command -v $$program >/dev/null || missing="$$missing $$program"; done; \
	for file in $(PEER_FILES); do [ -e $$file ] || missing="$$missing $$file"; done; \
	known=$$(PATH="$$PATH:/sbin:/usr/sbin" ldconfig -p 2>/dev/null); \
	for library in $(PEER_LIBRARIES); do \
	  case "$$known" in *"$$library"*) ;; *) missing="$$missing $$library" ;; esac; done; \
	[ -z "$$missing" ] && exit 0; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as="sudo -n"; \
	else echo "not installed, their tests are skipped:$$missing"; exit 0; fi; \
	command -v apt-get >/dev/null || { echo "no apt-get; not installed:$$missing"; exit 0; }; \
	$$as apt-get update -qq && \
	$$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
	  $(PEER_PACKAGES) >/dev/null

# Needs uv. The files name versions and hashes, never where they come from.
pins:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml --extra build -o requirements.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header pyproject.toml --extra build --extra dev -o requirements-dev.txt

clean:
	rm -rf $(VENV)

$(VENV)/.ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	$(RUN) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

$(VENV)/.ready-dev: requirements-dev.txt $(VENV)/.ready
	$(RUN) -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@
