#!/bin/sh
# Installs the system libraries that Qt and OpenGL need and a bare Debian or Ubuntu lacks.
# Looks for the libraries themselves, since the names of their packages differ between releases.
# Exit status: 0 when nothing is missing any more, 2 when the user has to install something.
set -eu
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps ldconfig, out of an ordinary user's path

[ "$(uname -s)" = Linux ] || exit 0

# One package a line, then the library it brings. Qt names only libxcb-cursor when it fails to start,
# but libxcb-icccm and libxcb-keysyms are just as needed.
libraries="
libdbus-1-3 libdbus-1.so.3
libegl1 libEGL.so.1
libfontconfig1 libfontconfig.so.1
libgl1 libGL.so.1
libglib2.0-0 libglib-2.0.so.0
libxcb-cursor0 libxcb-cursor.so.0
libxcb-icccm4 libxcb-icccm.so.4
libxcb-keysyms1 libxcb-keysyms.so.1
libxcb-shape0 libxcb-shape.so.0
libxkbcommon-x11-0 libxkbcommon-x11.so.0
"

# The software OpenGL driver is loaded by path, so ldconfig does not list it everywhere.
has_software_opengl() {
    for driver in /usr/lib/*/dri/swrast_dri.so /usr/lib*/dri/swrast_dri.so /usr/lib/*/libgallium-*.so \
        /usr/lib64/libgallium-*.so; do
        [ -e "$driver" ] && return 0
    done
    return 1
}

missing_packages() {
    known=$(ldconfig -p)
    echo "$libraries" | while read -r package library; do
        case $known in
            *"$library"*) ;;
            *) echo "$package" ;;
        esac
    done
    if ! tools/has-display.sh; then
        command -v Xvfb >/dev/null || echo xvfb
        command -v xauth >/dev/null || echo xauth
        has_software_opengl || echo libgl1-mesa-dri
    fi
    # Debian's Python cannot make a virtual environment without a package of its own.
    if [ -n "$python" ] && ! "$python" -c 'import ensurepip' 2>/dev/null; then
        "$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))'
    fi
}

python=
.venv/bin/python -c 'import pip' 2>/dev/null || python=$(tools/find-python.sh)
missing=$(missing_packages | paste -sd ' ' -)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Missing system libraries, named here as on Debian: $missing" >&2
    echo "Install their counterparts of this system, then run make again." >&2
    exit 2
fi
install="apt-get install -y --no-install-recommends $missing"
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root=sudo
else
    echo "Missing system libraries. As an administrator, run this line, then make again:" >&2
    echo "apt-get update && $install" >&2
    exit 2
fi

echo "Installing system libraries: $missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wait_for_others="-o DPkg::Lock::Timeout=120"
if $as_root apt-get $wait_for_others update >"$log" 2>&1 &&
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get $wait_for_others ${install#apt-get } >>"$log" 2>&1 &&
    [ -z "$(missing_packages)" ]; then
    exit 0
fi
tail -n 15 "$log" >&2
echo "Could not install: $(missing_packages | paste -sd ' ' -)" >&2
exit 2
