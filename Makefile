PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready

SPACE_PY := .venv-space/bin/python
SECOND_PY := .venv-second/bin/python
SDK = $(shell sed -n 's/^sdk_version: *//p' README.md)

.PHONY: app demo test setup check lint bench browser film check-space gpu-check t4-check second-opinion space

app: setup  ## the app, at http://127.0.0.1:7860
	$(PY) app.py

demo: setup  ## train the embedded model for real, and see whether it helped
	$(PY) -m grpo_space train tiny

test: setup
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

check: setup lint test  ## what CI runs

lint: setup
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: setup
	$(PY) -m benchmarks
	$(PY) -m benchmarks.app

browser:  ## Chromium for tests/browser, from Debian or Ubuntu; without it `make test` skips those
	@if ! { command -v chromium || command -v chromium-browser || command -v google-chrome; } >/dev/null; then \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends chromium; fi

film: setup browser  ## docs/film.gif: the whole road in a browser, against a local Hub: four minutes
	$(PY) -m docs.film

gpu-check:  ## on a GPU, with requirements.txt installed: does the embedded model learn through Unsloth, 4 bits and vLLM?
	$(PYTHON) -m benchmarks.gpu.check

t4-check:  ## on a T4 or another CUDA GPU, with requirements.txt installed: four steps of each GPU preset, into a file to send
	$(PYTHON) -m benchmarks.gpu.t4_check

# In an environment of its own (about 2 GB), with the packages that a run has here.
second-opinion: setup  ## does lm-evaluation-harness count the same? the embedded model's rows, base and tuned
	$(PYTHON) -m venv .venv-second
	$(SECOND_PY) -m pip install --quiet --disable-pip-version-check "lm_eval[hf]==0.4.11" \
	  $$(grep -E '^(torch|transformers|peft|accelerate|huggingface-hub)==' requirements-cpu.txt)
	$(PY) -m benchmarks.second_opinion "$(CURDIR)/$(SECOND_PY)"

# As a Space's builder installs it, from nothing (about 11 GB); then what a Space on CPU hardware does first.
check-space:
	$(PYTHON) -m venv --clear .venv-space
	$(SPACE_PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt \
	  "gradio[oauth,mcp]==$(SDK)" "uvicorn>=0.14.0" "websockets>=10.4" spaces
	$(SPACE_PY) -m grpo_space doctor --no-gpu
	$(SPACE_PY) -m grpo_space train tiny --set grpo.max_steps=2

space: setup  ## make space SPACE=user/name: this project as a Space, created or updated
	$(PY) -m grpo_space.cli.deploy_space "$(SPACE)"

# The mark is written last and holds what was installed, so that a half-made or outdated .venv is made again from nothing.
setup:
	@if ! $(PY) -c 'import sys' 2>/dev/null || ! cat requirements-cpu.txt pyproject.toml | cmp -s - $(READY); then \
	  $(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v[:2] >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.11 ...")' && \
	  echo "Setting up $(VENV): about 2 GB, two or three minutes" && \
	  $(PYTHON) -m venv --clear $(VENV) && \
	  $(PY) -m pip install --quiet --disable-pip-version-check 'pip>=25.1' && \
	  $(PY) -m pip install --quiet --disable-pip-version-check -r requirements-cpu.txt --group dev && \
	  cat requirements-cpu.txt pyproject.toml > $(READY); fi
