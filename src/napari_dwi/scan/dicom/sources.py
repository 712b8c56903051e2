"""Which files a series was read from, and whether they are still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from napari_dwi.scan.dicom.choosing import choose, opened
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.images import Source

Check = Callable[[], None]

_CHUNK_BYTES = 16 * 1024 * 1024


def source_of(series: DicomSeries, check: Check | None) -> Source:
    """The files of a series, by the digest of their sorted digests."""
    digests = []
    size_bytes = 0
    for file in series.files:
        digest = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                if check is not None:
                    check()
                digest.update(chunk)
                size_bytes += len(chunk)
        digests.append(digest.hexdigest())
    return Source(
        path=series.selector,
        sha256=hashlib.sha256("".join(sorted(digests)).encode()).hexdigest(),
        size_bytes=size_bytes,
        frame_of_reference=series.frame_of_reference,
    )


def source_of_merge(path: Path, sources: Sequence[Source]) -> Source:
    """The files of several series, in the order in which they are named."""
    frames = {one.frame_of_reference for one in sources}
    return Source(
        path=path,
        sha256=hashlib.sha256("".join(source.sha256 for source in sources).encode()).hexdigest(),
        size_bytes=sum(source.size_bytes for source in sources),
        frame_of_reference=frames.pop() if len(frames) == 1 else "",
    )


def source_now(path: Path, number: str, check: Check | None = None) -> Source:
    """What `Source` a series would have if it were read now.

    Parameters
    ----------
    path : Path
        A DICOM folder or an archive of one.
    number : str
        Series number, or several as in ``"8+9"``.

    Raises
    ------
    BadInputError
        If it is no longer there.
    """
    with opened(path, check) as found:
        chosen = [choose(found, path, one, (), "series") for one in number.split("+")]
        sources = [source_of(one, check) for one in chosen]
    return sources[0] if len(sources) == 1 else source_of_merge(path, sources)
