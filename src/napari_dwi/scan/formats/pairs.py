"""Pairs of .hdr and .img: NIfTI in two files, and Analyze 7.5 as SPM wrote it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.byte_stream import open_bytes
from napari_dwi.scan.formats._several_files import partner_of
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.nifti import read_image
from napari_dwi.scan.nifti_header import (
    described,
    dtype_of,
    parse_nifti_header,
    scaling_of,
    shape_of,
    spacing_grid,
)

_HEADER_BYTES = 348
_HEADER_SIZES = (348, 540)
_SINGLE_FILE_MAGIC, _PAIR_MAGIC = b"n+", b"ni"


def _claims(path: Path, start: bytes) -> bool:
    name = path.name.lower().removesuffix(".gz")
    if _magic(start) == _SINGLE_FILE_MAGIC:
        return False
    # The .img half holds voxels only; it is told by its name, and by a header of its name beside it.
    return name.endswith((".hdr", ".img")) and _has_header(path, start)


def _has_header(path: Path, start: bytes) -> bool:
    if path.name.lower().removesuffix(".gz").endswith(".hdr"):
        sizes = (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big"))
        return any(size in _HEADER_SIZES for size in sizes)
    try:
        partner_of(path, ".hdr", why="header")
    except BadInputError:
        return False
    return True


def _magic(start: bytes) -> bytes:
    """The first letters of the magic of NIfTI-1 or NIfTI-2; Analyze has none."""
    return start[4:6] if start[5:8] in (b"+2\0", b"i2\0") else start[344:346]


def _read_header(path: Path, allow: Collection[Allowance]) -> FileHeader:
    return _parsed(_header_file(path), allow)[1]


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    header_file = _header_file(path)
    voxel_file = partner_of(header_file, ".img", why="voxels")
    header, about = _parsed(header_file, allow)
    offset = float(header["vox_offset"])
    if not (np.isfinite(offset) and offset >= 0):
        raise BadInputError(
            "the header does not say where the voxels begin", file=header_file, found=f"{offset:g}"
        )
    dtype = dtype_of(header_file, header, allow)
    with open_bytes(voxel_file, check) as stream:
        return read_image(stream, about, dtype, scaling_of(header), int(offset), allow)


def _header_file(path: Path) -> Path:
    is_header = path.name.lower().removesuffix(".gz").endswith(".hdr")
    return path if is_header else partner_of(path, ".hdr", why="header")


def _parsed(path: Path, allow: Collection[Allowance]) -> tuple[Any, FileHeader]:
    with open_bytes(path) as stream:
        raw = stream.read(_HEADER_BYTES)
    if len(raw) == _HEADER_BYTES and _magic(raw) != _PAIR_MAGIC:
        return _analyze(path, raw)
    with open_bytes(path) as stream:
        header = parse_nifti_header(stream)
    return header, described(path, header, allow)


def _analyze(path: Path, raw: bytes) -> tuple[Any, FileHeader]:
    from nibabel.spatialimages import HeaderDataError
    from nibabel.spm2analyze import Spm2AnalyzeHeader

    order = "little" if int.from_bytes(raw[:4], "little") == _HEADER_BYTES else "big"
    try:
        header = Spm2AnalyzeHeader(raw, endianness=order, check=False)
        header.get_data_dtype()
        with np.errstate(all="ignore"):
            header.get_slope_inter()
    except (HeaderDataError, ValueError, KeyError) as err:
        raise BadInputError("the header makes no sense", file=path, found=str(err)) from err
    shape = shape_of(path, header)
    with np.errstate(all="ignore"):
        spacing = np.abs(header["pixdim"][1:4].astype(float))
    grid = spacing_grid(path, (shape[0], shape[1], shape[2]), spacing)
    notes = ["orientation unknown: Analyze files do not say how the patient was lying"]
    if path.with_name(path.name.rpartition(".")[0] + ".mat").is_file():
        notes.append("the .mat file beside it is not read")
    return header, FileHeader(shape, grid, tuple(notes))


FORMAT = Format("NIfTI pair or Analyze", (".hdr", ".hdr.gz"), _claims, _read_header, _read)
