"""NIfTI files, read with every check that nibabel leaves to its caller.

nibabel reads damaged gzip streams, files that end early and headers that disagree with themselves
without complaint. Here the stream is read to its end, so that its checksum is verified, sizes are
checked before memory is taken, and what the header leaves unclear is said in the notes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.byte_stream import ByteStream, open_bytes
from napari_dwi.scan.image_file import Check, FileHeader, FileImage
from napari_dwi.scan.memory import check_memory
from napari_dwi.scan.nifti_header import (
    described,
    dtype_of,
    parse_nifti_header,
    scaling_of,
    voxel_offset,
)
from napari_dwi.scan.voxels import Scaling, read_voxels

_SUFFIXES = (".nii", ".nii.gz")


def is_nifti_name(path: Path) -> bool:
    """Whether a file is called .nii or .nii.gz."""
    return path.name.lower().endswith(_SUFFIXES)


def stem_of(path: Path) -> str:
    """The name of a NIfTI file without .nii or .nii.gz."""
    for suffix in (".nii.gz", ".nii"):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def read_nifti_header(path: Path, allow: Collection[Allowance] = ()) -> FileHeader:
    """Read size, geometry and notes of a NIfTI file without its voxels.

    Raises
    ------
    BadInputError
        If the file is missing, not NIfTI, or its header makes no sense.
    """
    with open_bytes(path) as stream:
        return described(path, parse_nifti_header(stream), allow)


def read_nifti(path: Path, *, allow: Collection[Allowance] = (), check: Check | None = None) -> FileImage:
    """Read a NIfTI-1 or NIfTI-2 file, plain or gzipped, into memory as float32.

    Parameters
    ----------
    path : Path
        The file; whether it is gzipped is told from its content, not from its name.
    allow : collection of str
        What the user has allowed for a doubtful file.
    check : callable, optional
        Called every few megabytes; may raise `Stopped`.

    Returns
    -------
    FileImage
        Scaled data. Axes beyond the fourth are accepted when they have length one.

    Raises
    ------
    BadInputError
        If the file is missing, cut short, damaged (checksum), larger than memory, or holds
        complex or colour voxels.
    """
    with open_bytes(path, check) as stream:
        header = parse_nifti_header(stream)
        about = described(path, header, allow)
        dtype = dtype_of(path, header, allow)
        offset = voxel_offset(path, header)
        return read_image(stream, about, dtype, scaling_of(header), offset, allow)


def read_image(
    stream: ByteStream,
    about: FileHeader,
    dtype: np.dtype[Any],
    scaling: Scaling,
    offset: int,
    allow: Collection[Allowance],
) -> FileImage:
    """Read the voxels of an image, first axis fastest, and the rest of its stream.

    Raises
    ------
    BadInputError
        As for `read_nifti`.
    """
    n_values = int(np.prod(about.shape, dtype=object))
    stream.check_holds(offset + n_values * dtype.itemsize)
    check_memory(stream.path, n_values * np.dtype(np.float32).itemsize, allow)
    stream.skip_to(offset)
    voxels = read_voxels(stream, n_values, dtype, scaling)
    source, doubts = stream.finish(allow)
    magnitude = ("the magnitude of complex numbers was taken",) if dtype.kind == "c" else ()
    return FileImage(
        data=voxels.values.reshape(about.shape, order="F"),
        grid=about.grid,
        source=source,
        notes=(*about.notes, *magnitude, *doubts),
        b_values=about.b_values,
        n_not_finite=voxels.n_not_finite,
        n_negative=voxels.n_negative,
    )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
