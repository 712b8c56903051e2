#!/bin/sh
# Succeeds where windows can be shown to somebody.
[ "$(uname -s)" = Darwin ] || [ -n "${DISPLAY:-}" ] || [ -n "${WAYLAND_DISPLAY:-}" ]
