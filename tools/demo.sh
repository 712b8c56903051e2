#!/bin/sh
# Runs the demo on the desktop or, where there is none, in the same napari on a virtual screen.
set -eu
cd "$(dirname "$0")/.."
if tools/has-display.sh; then
    exec .venv/bin/napari-dwi demo --out demo-out "$@"
fi
exec xvfb-run -a -s "-screen 0 1920x1080x24" .venv/bin/napari-dwi demo --out demo-out --headless "$@"
