"""What a NIfTI header says, with every check that nibabel leaves to its caller."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.byte_stream import ByteStream
from napari_dwi.scan.grid import AffineSource, Grid
from napari_dwi.scan.image_file import FileHeader
from napari_dwi.scan.voxels import Scaling
from napari_dwi.scan.wrong_content import content_in_words

_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_FORM_DISAGREEMENT_VOXELS = 0.1
_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
_SINGLE_FILE_MAGIC, _PAIR_MAGIC = b"n+", b"ni"


def parse_nifti_header(stream: ByteStream) -> Any:
    """The header a stream begins with, as nibabel's ``Nifti1Header`` or ``Nifti2Header``.

    Raises
    ------
    BadInputError
        If it is not NIfTI, or its codes make no sense.
    """
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError

    start = stream.read(4)
    kinds: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
    sizes = {order: int.from_bytes(start, order) for order in _BYTE_ORDERS}
    known = [(order, kinds[size]) for order, size in sizes.items() if size in kinds]
    if len(start) < 4 or not known:
        raise BadInputError(
            "this is not a NIfTI file",
            file=stream.path,
            expected="a header of 348 or 540 bytes",
            found=content_in_words(start + stream.read(1020)),
        )
    order, kind = known[0]
    rest = stream.read(kind.sizeof_hdr - 4)
    if len(rest) < kind.sizeof_hdr - 4:
        raise BadInputError(
            "the header is cut short", file=stream.path, expected=kind.sizeof_hdr, found=len(rest) + 4
        )
    try:
        # nibabel would guess the byte order from the number of dimensions, which may be wrong.
        header = kind(start + rest, endianness=order, check=False)
        header.get_data_dtype()
        header.get_slope_inter()
    except (HeaderDataError, ValueError, KeyError) as err:
        raise BadInputError("the header makes no sense", file=stream.path, found=str(err)) from err
    if bytes(header["magic"])[:2] not in (_SINGLE_FILE_MAGIC, _PAIR_MAGIC):
        raise BadInputError(
            "this is not a NIfTI file",
            file=stream.path,
            expected="magic n+1 or n+2",
            found=bytes(header["magic"]),
        )
    return header


def described(path: Path, header: Any, allow: Collection[Allowance] = ()) -> FileHeader:
    """Size, geometry and notes of a parsed header.

    Axes beyond the fourth are accepted when they have length one.

    Raises
    ------
    BadInputError
        If the size is impossible or the geometry holds no voxels.
    """
    shape = shape_of(path, header)
    grid, notes = _grid_of(path, header, (shape[0], shape[1], shape[2]), allow)
    return FileHeader(shape, grid, (*notes, *_scaling_notes(header)))


def shape_of(path: Path, header: Any) -> tuple[int, ...]:
    """(x, y, z) or (x, y, z, n) of a NIfTI or Analyze header.

    Raises
    ------
    BadInputError
        If a dimension is not positive, or there are too few or too many axes.
    """
    n_dimensions = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : n_dimensions + 1]] if 1 <= n_dimensions <= 7 else []
    if not sizes or min(sizes) < 1:
        raise BadInputError(
            "the header has an impossible size",
            file=path,
            expected="one to seven dimensions of at least one voxel",
            found=f"{n_dimensions} dimensions of {sizes}",
        )
    return image_shape(path, sizes)


def image_shape(path: Path, sizes: Collection[int]) -> tuple[int, ...]:
    """Three sizes, or four with the volumes last, of the axes of an array.

    Raises
    ------
    BadInputError
        If there are too few axes, or too many longer than one.
    """
    shape = list(sizes)
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) == 5 and shape[3] == 1:
        shape.pop(3)
    if len(shape) not in (3, 4):
        raise BadInputError(
            "an image needs three axes, or four with the volumes last",
            file=path,
            expected="(x, y, z) or (x, y, z, volumes)",
            found=tuple(shape),
        )
    return tuple(shape)


def scaling_of(header: Any) -> Scaling:
    """Slope and intercept; none where the slope means nothing."""
    slope, intercept = header.get_slope_inter()
    return Scaling() if slope is None else Scaling(float(slope), float(intercept or 0))


def dtype_of(path: Path, header: Any, allow: Collection[Allowance] = ()) -> np.dtype[Any]:
    """The kind of number stored.

    Raises
    ------
    BadInputError
        For colours; for complex numbers with an offer.
    """
    dtype: np.dtype[Any] = header.get_data_dtype()
    is_complex = dtype.kind == "c"
    if dtype.kind not in "iuf" and not (is_complex and "magnitude" in allow):
        raise BadInputError(
            "voxels must be plain numbers",
            file=path,
            expected="integers or real numbers",
            found="complex numbers" if is_complex else "colours",
            remedy="Export the magnitude image." if is_complex else "Export the image without colours.",
            offers=("magnitude",) if is_complex else (),
        )
    return dtype


def voxel_offset(path: Path, header: Any) -> int:
    """Where the voxels begin in a file that holds header and voxels.

    Raises
    ------
    BadInputError
        If that is inside the header.
    """
    offset = float(header["vox_offset"])
    if not (np.isfinite(offset) and offset >= header.sizeof_hdr):
        raise BadInputError(
            "the header does not say where the voxels begin",
            file=path,
            expected=f"an offset of at least {header.sizeof_hdr} bytes",
            found=f"{offset:g}",
            remedy="If this is half of a pair, both .hdr and .img are needed under their own names.",
        )
    return int(header["vox_offset"])


def spacing_grid(path: Path, shape: tuple[int, int, int], spacing_mm: np.ndarray) -> Grid:
    """A grid of unknown orientation.

    Raises
    ------
    BadInputError
        If the voxel sizes leave voxels without volume.
    """
    try:
        return Grid.from_spacing(shape, spacing_mm)
    except BadInputError as err:
        raise BadInputError(
            err.what, file=path, found=err.found, remedy="The file's geometry must be repaired first."
        ) from err


def _scaling_notes(header: Any) -> tuple[str, ...]:
    # Through text, because nibabel hides what it does not use.
    slope = float(header["scl_slope"])
    if slope == 0 or not np.isfinite(slope):
        return (f"stored numbers taken as they are: the header's slope is {slope:g}",)
    if slope < 0:
        return (f"the header's slope is negative ({slope:g}): bright and dark may be exchanged",)
    return ()


def _grid_of(
    path: Path, header: Any, shape: tuple[int, int, int], allow: Collection[Allowance]
) -> tuple[Grid, tuple[str, ...]]:
    """The grid by the rule: sform, else qform, else voxel sizes with unknown orientation."""
    mm, unit = _mm_per_unit(path, header)
    notes = [] if unit in ("mm", "unknown") else [f"lengths converted from {unit} to mm"]
    # The NIfTI standard takes anything but -1 as 1; nibabel refuses it.
    if header["pixdim"][0] != -1:
        header["pixdim"][0] = 1
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.abs(header["pixdim"][1:4].astype(float)) * mm
    try:
        affine, source, disagreement = _affine_of(header, mm, shape)
        if affine is None:
            notes.append("orientation unknown: the file does not say how the patient was lying")
            return spacing_grid(path, shape, sizes), tuple(notes)
        return Grid(shape, affine, source), (*notes, *disagreement)
    except BadInputError as err:
        if err.file is not None:
            raise
        usable = bool(np.isfinite(sizes).all() and (sizes > 0).all())
        if usable and "voxel-sizes" in allow:
            notes.append(f"orientation unknown: the voxel sizes were used, because {err.what}")
            return spacing_grid(path, shape, sizes), tuple(notes)
        raise BadInputError(
            err.what,
            file=path,
            found=err.found,
            remedy="The file's geometry must be repaired first.",
            offers=("voxel-sizes",) if usable else (),
        ) from err


def _mm_per_unit(path: Path, header: Any) -> tuple[float, str]:
    try:
        unit = header.get_xyzt_units()[0]
    except KeyError:
        raise BadInputError(
            "the header has an unknown unit of length", file=path, found=int(header["xyzt_units"])
        ) from None
    return _MM_PER_UNIT[unit], unit


def _affine_of(
    header: Any, mm: float, shape: tuple[int, int, int]
) -> tuple[np.ndarray | None, AffineSource, tuple[str, ...]]:
    """The affine in mm that is used, where it comes from, and whether the other one disagrees."""
    from nibabel.spatialimages import HeaderDataError

    to_mm = np.diag([mm, mm, mm, 1.0])
    has_sform, has_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    sform = qform = None
    unreadable = ""
    with np.errstate(over="ignore", invalid="ignore"):
        if has_sform:
            sform = to_mm @ header.get_sform()
        try:
            qform = to_mm @ header.get_qform() if has_qform else None
        except (HeaderDataError, ValueError) as err:
            unreadable = str(err)
    if sform is None:
        if unreadable:
            raise BadInputError("the header holds an impossible rotation", found=unreadable)
        return qform, "qform", ()
    if unreadable:
        return sform, "sform", ("the qform makes no sense: sform was used",)
    if qform is not None and np.linalg.matrix_rank(np.nan_to_num(sform[:3, :3])) == 3:
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], 1)).reshape(4, 8)
        with np.errstate(over="ignore", invalid="ignore"):
            shift = np.linalg.solve(sform[:3, :3], (qform - sform)[:3, :]) @ corners
        if not np.abs(shift).max() <= _FORM_DISAGREEMENT_VOXELS:
            return sform, "sform", ("sform and qform disagree: sform was used",)
    return sform, "sform", ()
