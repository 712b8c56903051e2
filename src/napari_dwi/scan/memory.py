"""Whether an image fits into memory, asked before any of it is taken."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

import psutil

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance

# Display and methods need as much again, so an image beyond this share is asked about.
_SHARE_WITHOUT_ASKING = 0.5
_CGROUP = Path("/sys/fs/cgroup")


def check_memory(path: Path, needed_bytes: int, allow: Collection[Allowance] = ()) -> None:
    """See that an image can be held in memory.

    Raises
    ------
    BadInputError
        If it needs more memory than there is; or, with an offer, more than half of what is free.
    """
    there, free = psutil.virtual_memory().total, free_bytes()
    if needed_bytes > there:
        raise BadInputError(
            "too large for the memory of this computer",
            file=path,
            expected=f"less than {there / 1e9:.3g} GB",
            found=f"{needed_bytes / 1e9:.3g} GB",
        )
    if needed_bytes > _SHARE_WITHOUT_ASKING * free and "large-file" not in allow:
        raise BadInputError(
            "this image takes most of the free memory",
            file=path,
            expected=f"less than {_SHARE_WITHOUT_ASKING * free / 1e9:.3g} GB",
            found=f"{needed_bytes / 1e9:.3g} GB",
            remedy="Close other programs first, or read it nevertheless.",
            offers=("large-file",),
        )


def free_bytes() -> int:
    """Memory that can still be taken: of the computer, of its container and of this process."""
    available: int = psutil.virtual_memory().available
    return max(0, min(available, _left_to_container(), _left_to_process()))


def _left_to_container() -> int:
    try:
        most = (_CGROUP / "memory.max").read_text().strip()
        taken = (_CGROUP / "memory.current").read_text()
        return sys.maxsize if most == "max" else int(most) - int(taken)
    except (OSError, ValueError):
        return sys.maxsize


def _left_to_process() -> int:
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    most: int = resource.getrlimit(resource.RLIMIT_AS)[0]
    taken: int = psutil.Process().memory_info().vms
    return sys.maxsize if most == resource.RLIM_INFINITY else most - taken
