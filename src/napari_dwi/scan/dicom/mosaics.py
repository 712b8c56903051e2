"""Frames that hold all slices of a volume side by side: how many, and where they lie."""

from __future__ import annotations

import struct
import warnings

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from napari_dwi.scan.dicom.headers import FrameHeader, first_number

_MOST_SLICES = 65_535


def slices_in_mosaic(header: FrameHeader) -> int:
    """How many slices one frame holds side by side; 1 for ordinary frames."""
    count = first_number(header.find_private(0x0065, 0x50, "IMAGE PRIVATE HEADER"))
    if "MOSAIC" in header.text("ImageType"):
        value = header.find_private(0x0019, 0x0A, "SIEMENS MR HEADER")
        # The element is a 16-bit number; as bytes without VR it must not be taken for text.
        if isinstance(value, bytes) and len(value) == 2:
            count = float(int.from_bytes(value, "little"))
        else:
            count = first_number(value)
        if count is None:
            count = csa_number(header, "NumberOfImagesInMosaic")
    return int(count) if count is not None and 1 <= count <= _MOST_SLICES else 1


def slice_positions(header: FrameHeader) -> tuple[tuple[float, float, float], ...]:
    """ImagePositionPatient of every slice of a UIH grid, in the order of its tiles; else nothing."""
    items = header.find_private(0x0065, 0x51, "IMAGE PRIVATE HEADER")
    if not isinstance(items, Sequence):
        return ()
    positions = [FrameHeader((item,)).numbers("ImagePositionPatient", 3) for item in _datasets(items)]
    return tuple((place[0], place[1], place[2]) for place in positions if place is not None)


def _datasets(items: Sequence) -> list[Dataset]:
    return [item for item in items if isinstance(item, Dataset)][:_MOST_SLICES]


def csa_number(header: FrameHeader, name: str) -> float | None:
    """The first number of an item of Siemens' CSA image header."""
    data = header.find_private(0x0029, 0x10, "SIEMENS CSA HEADER")
    if not isinstance(data, bytes):
        return None
    with warnings.catch_warnings():
        # nibabel warns on import that its DICOM readers are experimental.
        warnings.simplefilter("ignore")
        from nibabel.nicom import csareader

    try:
        items = csareader.read(data)["tags"].get(name, {}).get("items", [])
    except (csareader.CSAReadError, struct.error, ValueError, AssertionError):
        return None
    return first_number(items)
