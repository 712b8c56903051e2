# `make demo` and `make test` are all the set-up there is; tools/ holds what they do.

ENVIRONMENT := .venv/.ready
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint format figures clean libraries

help:
	@echo "make demo      the whole story on built-in data, in napari"
	@echo "make test      all checks and tests (ARGS='-k grid' passes on to pytest)"
	@echo "make lint      the checks alone: ruff, mypy"
	@echo "make format    lay out the code as the checks want it"
	@echo "make figures   the pictures of README.md and docs/"
	@echo "make clean     remove .venv and everything generated"

demo: $(ENVIRONMENT)
	@tools/demo.sh $(ARGS)

# Two at a time: windows of napari that many tests wait for leave a second core idle.
test: lint
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

lint: $(ENVIRONMENT)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(ENVIRONMENT)
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

# The window as the demo leaves it, on a virtual screen so that it looks the same everywhere, without an
# offer of what an earlier session may have left.
figures: export NAPARI_DWI_RECOVERY := demo-out/recovery
figures: $(ENVIRONMENT)
	@xvfb-run -a -s "-screen 0 1920x1080x24" $(BIN)/napari-dwi demo --out demo-out --headless
	@mkdir -p docs && cp demo-out/screenshot.png docs/demo.png
	@$(BIN)/napari-dwi compare --model ivim --methods least-squares,bayes --snr 15 --out demo-out/compare
	@cp demo-out/compare/marginal_snr-15.png docs/comparing.png
	@xvfb-run -a -s "-screen 0 1920x1300x24" $(BIN)/python tools/picture_training.py docs/training.png

clean:
	rm -rf .venv demo-out .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Looked at every time, because the machine can change under an environment that stays.
libraries:
	@tools/system-libraries.sh

# All that the editable install copies, so that a change of it installs again. Going on in an
# existing .venv takes seconds.
$(ENVIRONMENT): pyproject.toml constraints.txt napari.yaml src/napari_dwi/__init__.py \
		$(wildcard icons/*.svg) tools/environment.sh | libraries
	@tools/environment.sh
	@touch $@
