"""Whether a file is still the one that was read."""

from __future__ import annotations

from napari_dwi.errors import BadInputError
from napari_dwi.scan.images import Source
from napari_dwi.scan.listing import split_series
from napari_dwi.scan.nifti import sha256_of


def change_since_read(source: Source) -> str | None:
    """What has become of an input since it was read; ``None`` if it is the same.

    Everything is in memory, so nothing is lost: the user should only know that the result cannot be
    made again from what lies there now.
    """
    path = source.path
    try:
        folder, number = split_series(path)
        if not folder.exists():
            return f"{path.name} is no longer where it was read"
        if number is not None:
            from napari_dwi.scan import dicom

            same = dicom.source_now(folder, number).sha256 == source.sha256
        elif folder.is_file():
            same = path.stat().st_size == source.size_bytes and sha256_of(path) == source.sha256
        else:
            return None
    except (OSError, BadInputError) as err:
        why = err.strerror if isinstance(err, OSError) else err.what
        return f"{path.name} can no longer be read ({why})"
    return None if same else f"{path.name} is no longer what was read: its SHA-256 differs"
