"""The names of files that are being written, from which those of dead processes can be told."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
from functools import cache
from pathlib import Path

import psutil

_ENDING = ".partial"
# Leaves room for the rest of the name where a file has the longest name it may have.
_KEPT_OF_NAME = 32
_NAME = re.compile(r"\..*\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-[0-9a-f]+" + re.escape(_ENDING))


def partial_name(name: str, token: str) -> str:
    """A temporary name for a file that this process is writing.

    Parameters
    ----------
    name : str
        The name the file will have.
    token : str
        Hexadecimal digits that make it unique.
    """
    return f".{name[:_KEPT_OF_NAME]}.{_machine()}-{os.getpid()}-{token}{_ENDING}"


def is_stale_partial(name: str) -> bool:
    """Whether a file is what a process of this machine left behind when it was killed.

    Of processes on other machines, which may share the disk, nothing is known: their files are
    left alone.
    """
    match = _NAME.fullmatch(name)
    return (
        match is not None and match["machine"] == _machine() and not psutil.pid_exists(int(match["process"]))
    )


def remove_stale_partials(folder: Path) -> None:
    """Remove what killed processes have left in a folder; what cannot be removed stays."""
    for file in folder.glob(f".*{_ENDING}"):
        if is_stale_partial(file.name):
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


@cache
def _machine() -> str:
    """A short digest of the machine; containers count processes on their own, so they are machines."""
    namespace = ""
    with contextlib.suppress(OSError):
        namespace = Path("/proc/self/ns/pid").readlink().name
    return hashlib.sha256(f"{platform.node()} {namespace}".encode()).hexdigest()[:8]
