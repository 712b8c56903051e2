"""NIfTI-1 and NIfTI-2 in one file, plain or gzipped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.nifti import is_nifti_name, read_nifti, read_nifti_header

_MAGIC_PLACES = ((344, b"n+1\0"), (4, b"n+2\0"))


def _claims(_path: Path, start: bytes) -> bool:
    return any(start[place : place + 4] == magic for place, magic in _MAGIC_PLACES)


def _read_header(path: Path, allow: Collection[Allowance]) -> FileHeader:
    header = read_nifti_header(path, allow)
    return replace(header, notes=(*header.notes, *_name_notes(path)))


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    image = read_nifti(path, allow=allow, check=check)
    return replace(image, notes=(*image.notes, *_name_notes(path)))


def _name_notes(path: Path) -> tuple[str, ...]:
    if not is_nifti_name(path):
        return (f"the file is called {path.suffix or 'without a suffix'} and holds NIfTI",)
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    if is_gzip == path.name.lower().endswith(".gz"):
        return ()
    return ("the file is gzipped although not called .gz" if is_gzip else "the file is not gzipped",)


FORMAT = Format("NIfTI", (".nii", ".nii.gz"), _claims, _read_header, _read)
