"""The files of a DICOM folder, each by its header, without reading pixels."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.b_value_tags import b_value
from napari_dwi.scan.dicom.contents import content, direction, scaling, weighting
from napari_dwi.scan.dicom.headers import FrameHeader, frame_headers
from napari_dwi.scan.dicom.mosaics import slice_positions, slices_in_mosaic
from napari_dwi.scan.dicom.quiet import quietly
from napari_dwi.scan.dicom.series import Frame

_DEEPEST_FOLDER = 32
_MOST_FILES = 200_000
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_MR_IMAGE_CLASSES = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")
_HARMLESS_BYTES = 4096
_META_BYTES = 2048
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_MOST_INFLATED_BYTES = 32 * 1024**2
_HIGHEST_RATIO = 50
# Enough to tell two examinations apart, too little to be looked up anywhere.
_DIGEST_CHARACTERS = 16
# What pydicom raises on a header that breaks off or holds values its VR does not allow.
UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BytesLengthException,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class DamagedFile:
    """A DICOM image that breaks off.

    Parameters
    ----------
    file : Path
        Where it is stored.
    series_uid : str
        The series it belongs to; empty if it broke off before saying so.
    """

    file: Path
    series_uid: str


@dataclass(frozen=True)
class ImageFile:
    """One readable file: its frames, and what groups and orders it.

    Parameters
    ----------
    file : Path
        Where it is stored.
    series_uid, instance_uid : str
        Stay inside the reader.
    instance : float
        Instance number.
    number, description, image_type, vendor : str
        As in the header.
    enhanced : bool
        Whether it has functional groups.
    turned_to_ras : bool
        Whether the converter turns the volume to the nearest R, A, S axes.
    study, frame_of_reference : str
        Digests of the unique identifiers.
    frames : tuple of Frame
        In stored order.
    """

    file: Path
    series_uid: str
    instance_uid: str
    instance: float
    number: str
    description: str
    image_type: str
    vendor: str
    enhanced: bool
    turned_to_ras: bool
    study: str
    frame_of_reference: str
    frames: tuple[Frame, ...]


def walk(root: Path) -> Iterator[Path]:
    """Every file of a folder and the folders in it, in order; links that lead out are left out.

    Raises
    ------
    BadInputError
        If there are too many files to be one examination.
    """
    if root.is_file():
        yield root
        return
    inside = root.resolve()
    n_files = 0
    for folder, subfolders, names in os.walk(root, followlinks=False):
        here = Path(folder)
        if len(here.relative_to(root).parts) >= _DEEPEST_FOLDER:
            subfolders.clear()
        subfolders.sort()
        for name in sorted(names):
            file = here / name
            if file.is_symlink() and not file.resolve().is_relative_to(inside):
                continue
            if not file.is_file():
                continue
            n_files += 1
            if n_files > _MOST_FILES:
                raise BadInputError(
                    "too many files in this folder",
                    file=root,
                    expected=f"at most {_MOST_FILES}",
                    remedy="Choose the folder of one examination.",
                )
            yield file


def read_file(file: Path) -> ImageFile | DamagedFile | None:
    """One file: an image, a damaged image, or ``None`` for everything else."""
    with quietly():
        try:
            with file.open("rb") as stream:
                inflated_bytes = _inflated_bytes(stream)
                if inflated_bytes == 0:
                    return DamagedFile(file, "")
                bounded = BoundedStream(stream)
                dataset = pydicom.dcmread(bounded, stop_before_pixels=True)
                left_bytes = inflated_bytes or bounded.size - stream.tell()
        except InvalidDicomError:
            return None
        except UNREADABLE:
            return DamagedFile(file, "")
        series_uid = ""
        try:
            series_uid = str(dataset.get("SeriesInstanceUID", ""))
            return _image(file, dataset, left_bytes)
        except UNREADABLE:
            return DamagedFile(file, series_uid)


def read_pixels(file: Path) -> Dataset:
    """A whole file that `read_file` took for an image, with its pixels as they are stored.

    Raises
    ------
    UNREADABLE
        Whatever pydicom raises if it is damaged.
    """
    with file.open("rb") as stream:
        return pydicom.dcmread(BoundedStream(stream))


def _inflated_bytes(stream: IO[bytes]) -> int | None:
    """How much a deflated file holds; 0 if it is cut or would fill the memory, ``None`` for others.

    pydicom inflates such a file in one go, without asking how large it becomes.
    """
    start = stream.read(_META_BYTES)
    stream.seek(0)
    if _DEFLATED not in start:
        return None
    # Preamble, magic word and the element that says how long the rest of the file's own header is.
    stream.seek(144 + int.from_bytes(start[140:144], "little"))
    packed = stream.read()
    stream.seek(0)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(packed, max(_MOST_INFLATED_BYTES, _HIGHEST_RATIO * len(packed)))
    return len(inflated) if inflater.eof else 0


class BoundedStream:
    """A stream that sets no memory aside for bytes a damaged header only claims to be there."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.size = os.fstat(stream.fileno()).st_size
        self.name = ""
        self.seek, self.tell = stream.seek, stream.tell

    def read(self, count: int = -1) -> bytes:
        """Up to ``count`` bytes, or all there are."""
        if 0 <= count <= _HARMLESS_BYTES:
            return self._stream.read(count)
        left = max(0, self.size - self._stream.tell())
        return self._stream.read(left if count < 0 else min(count, left))


def _image(file: Path, dataset: Dataset, left_bytes: int) -> ImageFile | DamagedFile | None:
    header = FrameHeader((dataset,))
    kind = str(dataset.file_meta.get("MediaStorageSOPClassUID", "") or header.text("SOPClassUID"))
    if kind == _DIRECTORY_CLASS:
        return None
    uid = header.text("SeriesInstanceUID")
    n_frames = int(header.number("NumberOfFrames") or 1)
    rows, columns = (int(header.number(keyword) or 0) for keyword in ("Rows", "Columns"))
    is_mr_image = kind in _MR_IMAGE_CLASSES
    if not uid or rows <= 0 or columns <= 0 or n_frames <= 0 or (not is_mr_image and left_bytes <= 0):
        # A report or a protocol has no pixels; an MR image without them broke off before.
        return DamagedFile(file, uid) if is_mr_image else None
    if _is_cut(dataset, left_bytes, n_frames, rows * columns):
        return DamagedFile(file, uid)
    headers = list(frame_headers(dataset))
    if len(headers) not in (1, n_frames):
        return DamagedFile(file, uid)
    frames = tuple(_frame(file, index, frame) for index, frame in enumerate(headers))
    if len(frames) == 1 and n_frames > 1:
        # A multiframe image without functional groups does not say where its frames lie.
        frames = tuple(replace(frames[0], index=index, position_mm=None) for index in range(n_frames))
    frames = tuple(replace(frame, n_in_file=n_frames) for frame in frames)
    first = headers[0]
    sequence = first.text("ScanningSequence") or first.text("EchoPlanarPulseSequence")
    return ImageFile(
        file=file,
        series_uid=uid,
        instance_uid=header.text("SOPInstanceUID") or str(file),
        instance=header.number("InstanceNumber") or 0.0,
        number=str(max(int(header.number("SeriesNumber") or 0), 0)),
        description=header.text("SeriesDescription") or header.text("ProtocolName"),
        image_type=header.text("ImageType"),
        vendor=header.text("Manufacturer"),
        enhanced=bool(dataset.get("PerFrameFunctionalGroupsSequence")),
        turned_to_ras=header.text("MRAcquisitionType") == "3D" and not sequence.startswith(("EP", "YES")),
        study=_digest(header.text("StudyInstanceUID")),
        frame_of_reference=_digest(header.text("FrameOfReferenceUID")),
        frames=frames,
    )


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:_DIGEST_CHARACTERS] if uid else ""


def _is_cut(dataset: Dataset, left_bytes: int, n_frames: int, n_pixels: int) -> bool:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed:
        # Every frame has at least the eight bytes that say how long it is.
        return left_bytes < 8 * n_frames
    bits = int(dataset.get("BitsAllocated", 16)) * int(dataset.get("SamplesPerPixel", 1))
    return left_bytes < n_frames * n_pixels * bits // 8


def _frame(file: Path, index: int, header: FrameHeader) -> Frame:
    slices = slices_in_mosaic(header)
    tiles = slice_positions(header) if slices > 1 else ()
    position = header.numbers("ImagePositionPatient", 3) or (tiles[0] if tiles else None)
    spacing = header.numbers("PixelSpacing", 2)
    if spacing is not None and min(spacing) <= 0:
        spacing = None
    # The sign of the slice distance tells an order, which the positions tell as well.
    thickness = abs(header.number("SpacingBetweenSlices") or header.number("SliceThickness") or 1.0)
    return Frame(
        file=file,
        index=index,
        position_mm=None if position is None or spacing is None else (position[0], position[1], position[2]),
        orientation=header.numbers("ImageOrientationPatient", 6),
        b_value=b_value(header),
        rows=int(header.number("Rows") or 0),
        columns=int(header.number("Columns") or 0),
        spacing_mm=(1.0, 1.0) if spacing is None else (spacing[0], spacing[1]),
        thickness_mm=thickness,
        slices=slices,
        tiles_mm=tiles if len(tiles) == slices else (),
        weighting=weighting(header),
        content=content(header),
        direction=direction(header),
        scaling=scaling(header),
    )
