#!/bin/sh
# Makes .venv, or brings it up to date: the project, everything it can use, and the checkers, at the
# versions of constraints.txt. Starting it again after an interruption goes on where it stopped.
set -eu
cd "$(dirname "$0")/.."
log=.venv/setup.log
pip=".venv/bin/python -m pip --disable-pip-version-check --no-input"

# Runs a command with its output in the log; shows the end of the log when the command fails.
step() {
    echo "  $1"
    shift
    if ! "$@" >>"$log" 2>&1; then
        tail -n 15 "$log" >&2
        echo "Setting up .venv failed; the whole story is in $log. Run make again to go on." >&2
        exit 1
    fi
}

# Without an NVIDIA GPU, PyTorch's build for the CPU does the same at a tenth of the download. It
# comes from wherever pip is set up to look or, failing that, from PyTorch's own index of CPU builds.
install_torch() {
    torch=$(grep '^torch==' constraints.txt)
    if .venv/bin/python -c 'import sys, torch; sys.exit(torch.__version__.split("+")[0] != sys.argv[1])' \
        "${torch#torch==}" 2>/dev/null; then
        return
    fi
    # By force, since it may be here in part, from an interrupted installation; its dependencies come
    # with the rest.
    install="$pip install --no-deps --force-reinstall"
    if [ "$(uname -s)" = Linux ] && ! nvidia-smi -L >/dev/null 2>&1; then
        quickly="--timeout 15 --retries 1"
        $install $quickly "$torch+cpu" && return
        $install $quickly "$torch+cpu" --index-url https://download.pytorch.org/whl/cpu && return
        echo "  no CPU build of PyTorch within reach: the general one is large (some gigabytes)" >&3
    fi
    $install "$torch"
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(tools/find-python.sh)
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
else
    echo "Bringing .venv up to date"
fi
: >"$log"
exec 3>&1

# pip first, because older ones know no dependency groups; hatchling here rather than in an isolated
# build, so that it is pinned as well.
step "the installer" $pip install --constraint constraints.txt --upgrade pip hatchling editables
step "PyTorch" install_torch
step "napari-dwi and everything it uses" $pip install --constraint constraints.txt \
    --no-build-isolation --editable '.[all]' --group dev
