"""Whether a file is still the one that was read."""

from __future__ import annotations

from napari_dwi.scan.images import Source
from napari_dwi.scan.nifti import sha256_of


def change_since_read(source: Source) -> str | None:
    """What has become of an input since it was read; ``None`` if it is the same.

    Everything is in memory, so nothing is lost: the user should only know that the result cannot be
    made again from what lies there now. Of a DICOM folder only its absence is noticed.
    """
    path = source.path
    folder = path.with_name(path.name.rpartition("#")[0]) if "#" in path.name else path
    if not path.exists() and not folder.exists():
        return f"{path.name} is no longer where it was read"
    if not path.is_file():
        return None
    try:
        same = path.stat().st_size == source.size_bytes and sha256_of(path) == source.sha256
    except OSError as err:
        return f"{path.name} can no longer be read ({err.strerror})"
    return None if same else f"{path.name} is no longer the file that was read: its SHA-256 differs"
