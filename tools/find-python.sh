#!/bin/sh
# Prints the Python that .venv is made from: $PYTHON, or the first one here that is new enough.
# Python 3.11 comes first because constraints.txt was resolved with it.
set -eu
for python in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        command -v "$python"
        exit 0
    fi
done
echo "napari-dwi needs Python 3.11 or newer, and none was found. Install one, or name it: make PYTHON=/path/to/python3" >&2
exit 2
