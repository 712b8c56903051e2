"""Finding the series of a DICOM folder by their headers, without reading pixels."""

from __future__ import annotations

import os
import struct
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from napari_dwi.errors import BadInputError
from napari_dwi.scan.dicom.b_value_tags import b_value, complete, slices_in_mosaic
from napari_dwi.scan.dicom.geometry import n_slice_directions
from napari_dwi.scan.dicom.headers import FrameHeader, frame_headers
from napari_dwi.scan.dicom.roles import role_of
from napari_dwi.scan.dicom.series import DicomSeries, Frame

_DEEPEST_FOLDER = 32
_MOST_FILES = 200_000
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"
_MR_IMAGE_CLASSES = ("1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1")
# What pydicom raises on a header that breaks off or holds values its VR does not allow.
_UNREADABLE = (
    EOFError,
    OSError,
    struct.error,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    NotImplementedError,
)


@dataclass(frozen=True)
class _Damaged:
    file: Path
    series_uid: str


@dataclass(frozen=True)
class _Image:
    """One readable file: its frames, and what groups and orders it."""

    file: Path
    series_uid: str
    instance_uid: str
    instance: float
    number: str
    description: str
    image_type: str
    vendor: str
    turned_to_ras: bool
    frames: tuple[Frame, ...]


def read_folder(path: Path, *, check: Callable[[], None] | None = None) -> list[DicomSeries]:
    """The series of a folder and all folders in it, ordered by series number.

    Parameters
    ----------
    path : Path
        A folder, or a single DICOM file. Links that lead out of it are not followed; files that are
        not DICOM images are passed over.
    check : callable, optional
        Called for every file; may raise `Stopped`.

    Raises
    ------
    BadInputError
        If there is no DICOM image.
    """
    images: dict[str, list[_Image]] = defaultdict(list)
    damaged: list[_Damaged] = []
    n_files = 0
    for file in _walk(path):
        if check is not None:
            check()
        n_files += 1
        found = _read_file(file)
        if isinstance(found, _Image):
            images[found.series_uid].append(found)
        elif found is not None:
            damaged.append(found)
    if not images:
        counts = f"{n_files} other files" if not damaged else f"{len(damaged)} damaged among {n_files} files"
        raise BadInputError("no DICOM files in this folder", file=path, expected="MR images", found=counts)
    series = [_series(path, images[uid], damaged) for uid in sorted(images)]
    return _numbered(series)


def _walk(root: Path) -> Iterator[Path]:
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


def _read_file(file: Path) -> _Image | _Damaged | None:
    """One file: an image, a damaged image, or ``None`` for everything else."""
    with warnings.catch_warnings():
        # Values that bend the standard are common and none of the user's business.
        warnings.simplefilter("ignore")
        try:
            with file.open("rb") as stream:
                dataset = pydicom.dcmread(stream, stop_before_pixels=True)
                left_bytes = file.stat().st_size - stream.tell()
        except InvalidDicomError:
            return None
        except _UNREADABLE:
            return _Damaged(file, "")
        try:
            return _image(file, dataset, left_bytes)
        except _UNREADABLE:
            return _Damaged(file, str(dataset.get("SeriesInstanceUID", "")))


def _image(file: Path, dataset: Dataset, left_bytes: int) -> _Image | _Damaged | None:
    header = FrameHeader((dataset,))
    meta = dataset.file_meta
    kind = str(meta.get("MediaStorageSOPClassUID", "") or header.text("SOPClassUID"))
    if kind == _DIRECTORY_CLASS:
        return None
    uid = header.text("SeriesInstanceUID")
    n_frames = int(header.number("NumberOfFrames") or 1)
    rows, columns = (int(header.number(keyword) or 0) for keyword in ("Rows", "Columns"))
    if not uid or not rows or not columns:
        # A report or a protocol has no pixels; an MR image without them broke off before.
        return _Damaged(file, uid) if kind in _MR_IMAGE_CLASSES else None
    if _is_cut(dataset, left_bytes, n_frames * rows * columns):
        return _Damaged(file, uid)
    frames = tuple(_frame(file, index, frame) for index, frame in enumerate(frame_headers(dataset)))
    if len(frames) not in (1, n_frames):
        return _Damaged(file, uid)
    if len(frames) == 1 and n_frames > 1:
        # A multiframe image without functional groups does not say where its frames lie.
        frames = tuple(replace(frames[0], index=index, position_mm=None) for index in range(n_frames))
    number = int(header.number("SeriesNumber") or 0)
    first = next(frame_headers(dataset))
    sequence = first.text("ScanningSequence") or first.text("EchoPlanarPulseSequence")
    return _Image(
        file=file,
        series_uid=uid,
        instance_uid=header.text("SOPInstanceUID") or str(file),
        instance=header.number("InstanceNumber") or 0.0,
        number=str(max(number, 0)),
        description=header.text("SeriesDescription") or header.text("ProtocolName"),
        image_type=header.text("ImageType"),
        vendor=header.text("Manufacturer"),
        turned_to_ras=header.text("MRAcquisitionType") == "3D" and not sequence.startswith(("EP", "YES")),
        frames=frames,
    )


def _is_cut(dataset: Dataset, left_bytes: int, n_pixels: int) -> bool:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is None or syntax.is_compressed:
        return left_bytes <= 0
    bits = int(dataset.get("BitsAllocated", 16)) * int(dataset.get("SamplesPerPixel", 1))
    return left_bytes < n_pixels * bits // 8


def _frame(file: Path, index: int, header: FrameHeader) -> Frame:
    position = header.numbers("ImagePositionPatient", 3)
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
        slices=slices_in_mosaic(header),
    )


def _series(folder: Path, images: list[_Image], damaged: list[_Damaged]) -> DicomSeries:
    once = {
        (image.instance_uid, image.instance, *(_frame_key(frame) for frame in image.frames)): image
        for image in reversed(images)
    }
    kept = sorted(once.values(), key=lambda image: (image.instance, str(image.file)))
    first = kept[0]
    frames = tuple(frame for image in kept for frame in image.frames)
    b_values = complete([frame.b_value for frame in frames], first.vendor)
    frames = tuple(replace(frame, b_value=b) for frame, b in zip(frames, b_values, strict=True))
    # A header that broke off before its series belongs to any series stored beside it.
    beside = {image.file.parent for image in kept}
    cut = tuple(
        item.file
        for item in damaged
        if item.series_uid == first.series_uid or (not item.series_uid and item.file.parent in beside)
    )
    n_copies = len(images) - len(kept)
    return DicomSeries(
        folder=folder,
        number=first.number,
        description=first.description,
        image_type=first.image_type,
        role=role_of(
            first.description,
            first.image_type,
            b_values,
            has_geometry=all(frame.position_mm and frame.orientation for frame in frames),
            n_directions=n_slice_directions(frames),
        ),
        frames=frames,
        turned_to_ras=first.turned_to_ras,
        damaged=cut,
        notes=(f"{n_copies} files are there twice; the copies were left out",) if n_copies else (),
    )


def _frame_key(frame: Frame) -> tuple[object, ...]:
    """What two copies of one frame have in common."""
    return frame.position_mm, frame.orientation, frame.b_value


def _numbered(series: list[DicomSeries]) -> list[DicomSeries]:
    """The series by number, with letters where a number occurs more than once."""
    groups: dict[str, list[DicomSeries]] = defaultdict(list)
    for one in sorted(series, key=lambda one: (int(one.number), one.description)):
        groups[one.number].append(one)
    return [
        one if len(group) == 1 else replace(one, number=f"{one.number}{_letters(index)}")
        for group in groups.values()
        for index, one in enumerate(group)
    ]


def _letters(index: int) -> str:
    """a, b, ..., z, ba, bb, ..."""
    letters = chr(ord("a") + index % 26)
    return letters if index < 26 else _letters(index // 26) + letters
