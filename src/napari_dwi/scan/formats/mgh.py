"""MGH and MGZ files of FreeSurfer."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.byte_stream import ByteStream, open_bytes
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.nifti import read_image
from napari_dwi.scan.nifti_header import image_shape, spacing_grid
from napari_dwi.scan.voxels import Scaling

_VOXELS_BEGIN = 284
_DTYPES = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}
_VERSION = b"\0\0\0\1"


def _claims(path: Path, start: bytes) -> bool:
    # The first number is 1 in many files, so the name must agree.
    return start[:4] == _VERSION and path.name.lower().endswith((".mgh", ".mgz", ".mgh.gz"))


def _read_header(path: Path, allow: Collection[Allowance]) -> FileHeader:
    with open_bytes(path) as stream:
        return _described(path, *_parsed(stream), allow)


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    with open_bytes(path, check) as stream:
        header, has_axes = _parsed(stream)
        dtype = np.dtype(_DTYPES[int(header["type"])])
        about = _described(path, header, has_axes, allow)
        return read_image(stream, about, dtype, Scaling(), _VOXELS_BEGIN, allow)


def _parsed(stream: ByteStream) -> tuple[Any, bool]:
    """The header, and whether the file itself says where its axes point."""
    from nibabel.freesurfer.mghformat import MGHHeader

    raw = stream.read(_VOXELS_BEGIN)
    if len(raw) < _VOXELS_BEGIN:
        raise BadInputError(
            "the header is cut short", file=stream.path, expected=_VOXELS_BEGIN, found=len(raw)
        )
    # nibabel fills in FreeSurfer's default axes, with voxels of 1 mm, where the file has none.
    with np.errstate(all="ignore"):
        header = MGHHeader(raw, check=False)
    if int(header["type"]) not in _DTYPES:
        raise BadInputError(
            "the header makes no sense", file=stream.path, found=f"voxels of type {header['type']}"
        )
    return header, any(raw[28:30])


def _described(path: Path, header: Any, has_axes: bool, allow: Collection[Allowance]) -> FileHeader:
    sizes = [int(n) for n in header["dims"]]
    if min(sizes) < 1:
        raise BadInputError(
            "the header has an impossible size", file=path, expected="at least one voxel", found=sizes
        )
    shape = image_shape(path, sizes)
    volume_shape = (shape[0], shape[1], shape[2])
    with np.errstate(all="ignore"):
        spacing = np.abs(header["delta"].astype(float))
    if not has_axes:
        notes = ("orientation unknown and voxels of 1 mm assumed: the file does not say",)
        return FileHeader(shape, spacing_grid(path, volume_shape, spacing), notes)
    try:
        with np.errstate(all="ignore"):
            return FileHeader(shape, Grid(volume_shape, header.get_affine(), "MGH"))
    except BadInputError as err:
        usable = bool(np.isfinite(spacing).all() and (spacing > 0).all())
        if usable and "voxel-sizes" in allow:
            notes = (f"orientation unknown: the voxel sizes were used, because {err.what}",)
            return FileHeader(shape, spacing_grid(path, volume_shape, spacing), notes)
        raise BadInputError(
            err.what,
            file=path,
            found=err.found,
            remedy="The file's geometry must be repaired first.",
            offers=("voxel-sizes",) if usable else (),
        ) from err


FORMAT = Format("MGH", (".mgh", ".mgz", ".mgh.gz"), _claims, _read_header, _read)
