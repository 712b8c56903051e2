"""Philips PAR and REC files, with the b-values and the scaling of the PAR."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.byte_stream import open_bytes
from napari_dwi.scan.formats._directions import in_voxel_axes
from napari_dwi.scan.formats._several_files import partner_of
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.image_file import Check, FileHeader, FileImage, Format
from napari_dwi.scan.memory import check_memory
from napari_dwi.scan.nifti_header import image_shape
from napari_dwi.scan.voxels import Scaling, read_voxels

_START = b"# === DATA DESCRIPTION FILE"
# The PAR of thousands of images takes a few megabytes.
_LARGEST_PAR_BYTES = 64 * 1024 * 1024
_MAGNITUDE = 0


def _claims(path: Path, start: bytes) -> bool:
    return start.lstrip().startswith(_START) or path.suffix.lower() == ".rec"


def _read_header(path: Path, allow: Collection[Allowance]) -> FileHeader:
    return _described(_par_file(path), _parsed(_par_file(path)), allow)


def _read(path: Path, allow: Collection[Allowance], check: Check | None) -> FileImage:
    par_file = _par_file(path)
    rec_file = partner_of(par_file, ".rec", why="voxels")
    header = _parsed(par_file)
    about = _described(par_file, header, allow)
    n_values = int(np.prod(about.shape, dtype=object))
    dtype = header.get_data_dtype()
    # Slices are sorted into a second array.
    check_memory(rec_file, 2 * 4 * n_values, allow)
    order = header.get_sorted_slice_indices()
    with open_bytes(rec_file, check) as stream:
        n_stored = int(np.prod(header.get_rec_shape(), dtype=object))
        stream.check_holds(n_stored * dtype.itemsize)
        voxels = read_voxels(stream, n_stored, dtype, Scaling())
        source, doubts = stream.finish(allow)
    slope, intercept = (factor.reshape(-1, order="F") for factor in _slice_scaling(header))
    slices = voxels.values.reshape(header.get_rec_shape(), order="F")[..., order]
    slices *= slope.astype(np.float32)
    slices += intercept.astype(np.float32)
    return FileImage(
        data=slices.reshape(about.shape, order="F"),
        grid=about.grid,
        source=source,
        notes=(*about.notes, *doubts),
        b_values=about.b_values,
        n_not_finite=int(slices.size - np.count_nonzero(np.isfinite(slices))),
        n_negative=int(np.count_nonzero(slices < 0)),
    )


def _par_file(path: Path) -> Path:
    return partner_of(path, ".par", why="header") if path.suffix.lower() == ".rec" else path


def _parsed(path: Path) -> Any:
    from nibabel.parrec import PARRECError, PARRECHeader

    try:
        if path.stat().st_size > _LARGEST_PAR_BYTES:
            raise BadInputError("too large for a PAR file", file=path, expected="a text of some kilobytes")
        with path.open(encoding="latin-1") as file:
            return PARRECHeader.from_fileobj(file, strict_sort=True)
    except OSError as err:
        raise BadInputError("cannot be read", file=path, found=err.strerror) from err
    except (PARRECError, ValueError, KeyError, IndexError, AttributeError, TypeError) as err:
        if isinstance(err, BadInputError):
            raise
        truncated = "inconsistency" in str(err).lower()
        raise BadInputError(
            "slices are missing from the recording" if truncated else "the PAR file makes no sense",
            file=path,
            found=str(err).strip() or type(err).__name__,
            remedy="Export it again from the scanner.",
        ) from err


def _described(path: Path, header: Any, allow: Collection[Allowance]) -> FileHeader:
    from nibabel.parrec import PARRECError

    kinds = set(np.unique(header.image_defs["image_type_mr"]).tolist())
    if len(kinds) > 1 or (kinds != {_MAGNITUDE} and "magnitude" not in allow):
        raise BadInputError(
            "the recording does not hold magnitude images alone",
            file=path,
            expected="image type 0 (magnitude)",
            found=", ".join(f"type {kind}" for kind in sorted(kinds)),
            remedy="Export the magnitude images only.",
        )
    try:
        shape = image_shape(path, [int(n) for n in header.get_data_shape()])
        grid = Grid((shape[0], shape[1], shape[2]), header.get_affine(), "PAR")
    except (PARRECError, ValueError, KeyError) as err:
        found = err.found if isinstance(err, BadInputError) else str(err)
        raise BadInputError("the geometry of the PAR makes no sense", file=path, found=found) from err
    b_values, notes = _gradients(header, grid, shape)
    description = str(header.general_info.get("protocol_name", "")).strip()
    return FileHeader(shape, grid, notes, b_values, description)


def _slice_scaling(header: Any) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept to the floating-point value, which is comparable between volumes."""
    slopes = header.image_defs
    usable = np.isfinite(slopes["scale slope"]) & (slopes["scale slope"] != 0)
    usable &= np.isfinite(slopes["rescale slope"]) & (slopes["rescale slope"] != 0)
    slope, intercept = header.get_data_scaling("fp" if usable.all() else "dv")
    return slope, intercept


def _gradients(header: Any, grid: Grid, shape: tuple[int, ...]) -> tuple[BValues | None, tuple[str, ...]]:
    """b-value and direction of every volume, where the slices of a volume agree on them."""
    defs = header.image_defs
    if len(shape) != 4 or "diffusion_b_factor" not in defs.dtype.names:
        return None, ()
    order = header.get_sorted_slice_indices()
    by_volume = defs["diffusion_b_factor"][order].reshape(shape[2:], order="F")
    if np.ptp(by_volume, axis=0).any() or not header.general_info.get("diffusion", 1):
        return None, ()
    values = by_volume[0]
    if "diffusion" not in defs.dtype.names:
        return BValues(values, origin="PAR file"), ()
    # (anterior-posterior, feet-head, right-left) of the patient, as Philips orders all its axes.
    vectors = defs["diffusion"][order].reshape((*shape[2:], 3), order="F")[0]
    posterior, superior, left = vectors.T
    directions = in_voxel_axes(np.stack([-left, -posterior, superior], axis=1), grid)
    return BValues(values, directions, origin="PAR file"), ()


FORMAT = Format("Philips PAR/REC", (".par",), _claims, _read_header, _read)
