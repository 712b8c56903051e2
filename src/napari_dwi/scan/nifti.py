"""NIfTI files, read with every check that nibabel leaves to its caller.

nibabel reads damaged gzip streams, files that end early and headers that disagree with themselves
without complaint. Here the stream is read to its end, so that its checksum is verified, sizes are
checked before memory is taken, and what the header leaves unclear is said in the notes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.allowances import Allowance
from napari_dwi.scan.grid import AffineSource, Grid
from napari_dwi.scan.images import Source

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GZIP_MAGIC = b"\x1f\x8b"
# Deflate cannot shrink data further than this, so a header that promises more is wrong.
_LARGEST_GZIP_RATIO = 1032
_CHUNK_BYTES = 16 * 1024 * 1024
_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_FORM_DISAGREEMENT_VOXELS = 0.1
_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")


@dataclass(frozen=True, eq=False)
class NiftiImage:
    """A NIfTI image as read: float32 data (x, y, z) or (x, y, z, n), its grid, source and notes."""

    data: NDArray[np.float32]
    grid: Grid
    source: Source
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NiftiHeader:
    """What the header alone says: ``shape``, ``grid`` and ``notes``."""

    shape: tuple[int, ...]
    grid: Grid
    notes: tuple[str, ...]


def is_nifti_name(path: Path) -> bool:
    """Whether a file is called .nii or .nii.gz."""
    return path.name.lower().endswith((".nii", ".nii.gz"))


def stem_of(path: Path) -> str:
    """The name of a NIfTI file without .nii or .nii.gz."""
    for suffix in (".nii.gz", ".nii"):
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read size, geometry and notes of a NIfTI file without its voxels.

    Raises
    ------
    BadInputError
        If the file is missing, not NIfTI, or its header makes no sense.
    """
    with _opened(path) as (stream, _):
        return _header_of(path, _parsed_header(path, stream))


def read_nifti(
    path: Path, *, allow: Collection[Allowance] = (), check: Callable[[], None] | None = None
) -> NiftiImage:
    """Read a NIfTI-1 or NIfTI-2 file, plain or gzipped, into memory as float32.

    Parameters
    ----------
    path : Path
        The file; whether it is gzipped is told from its content, not from its name.
    allow : collection of str
        What the user has allowed for a doubtful file.
    check : callable, optional
        Called between chunks; may raise `Stopped`.

    Returns
    -------
    NiftiImage
        Scaled data. Axes beyond the fourth are accepted when they have length one.

    Raises
    ------
    BadInputError
        If the file is missing, cut short, damaged (checksum), larger than memory, or holds
        complex or colour voxels.
    """
    with _opened(path) as (stream, is_gzip):
        header = _parsed_header(path, stream)
        described = _header_of(path, header, allow)
        dtype = _real_dtype(path, header)
        n_bytes = int(np.prod(described.shape, dtype=object)) * dtype.itemsize
        offset = _voxel_offset(path, header)
        _check_size(path, offset + n_bytes, is_gzip)
        stored = _read_voxels(path, stream, offset - stream.tell(), n_bytes, check)
    raw = np.frombuffer(stored, dtype=dtype).reshape(described.shape, order="F")
    slope, intercept = header.get_slope_inter()
    # Numbers too large for float32 become infinite, and infinite values are left out and counted.
    with np.errstate(over="ignore", invalid="ignore"):
        if slope is not None and (slope, intercept) != (1.0, 0.0):
            # In double precision where the stored numbers are, so that large intercepts lose nothing.
            raw = raw.astype(np.float64, order="F") * slope + (intercept or 0.0)
        data = raw.astype(np.float32, order="F")
    return NiftiImage(data, described.grid, _source(path), described.notes)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _opened:  # noqa: N801 - reads as a verb where it is used
    """Open a file, gzipped or not, turning every way of failing into `BadInputError`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> tuple[BinaryIO, bool]:
        try:
            self._file = self._path.open("rb")
            try:
                is_gzip = self._file.read(2) == _GZIP_MAGIC
                self._file.seek(0)
            except OSError:
                self._file.close()
                raise
        except OSError as err:
            raise BadInputError("cannot be read", file=self._path, found=err.strerror) from err
        stream: Any = gzip.GzipFile(fileobj=self._file) if is_gzip else self._file
        self._stream: BinaryIO = stream
        return self._stream, is_gzip

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._stream.close()
        self._file.close()
        if isinstance(error, EOFError):
            raise BadInputError(
                "the file ends too early", file=self._path, remedy="Copy it again from its source."
            ) from error
        if isinstance(error, (gzip.BadGzipFile, zlib.error)):
            raise BadInputError(
                "the file is damaged (its checksum does not match)",
                file=self._path,
                remedy="Copy it again from its source.",
            ) from error
        if isinstance(error, OSError):
            raise BadInputError("cannot be read", file=self._path, found=error.strerror) from error


def _parsed_header(path: Path, stream: BinaryIO) -> Any:
    import nibabel as nib
    from nibabel.spatialimages import HeaderDataError

    start = stream.read(4)
    kinds: dict[int, Any] = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
    sizes = {order: int.from_bytes(start, order) for order in _BYTE_ORDERS}
    known = [(order, kinds[size]) for order, size in sizes.items() if size in kinds]
    if len(start) < 4 or not known:
        raise BadInputError(
            "this is not a NIfTI file",
            file=path,
            expected="a header of 348 or 540 bytes",
            found="an empty file" if not start else f"a file that begins with {start!r}",
        )
    order, kind = known[0]
    rest = stream.read(kind.sizeof_hdr - 4)
    if len(rest) < kind.sizeof_hdr - 4:
        raise BadInputError(
            "the header is cut short", file=path, expected=kind.sizeof_hdr, found=len(rest) + 4
        )
    try:
        # nibabel would guess the byte order from the number of dimensions, which may be wrong.
        header = kind(start + rest, endianness=order, check=False)
        header.get_data_dtype()
        header.get_slope_inter()
    except (HeaderDataError, ValueError, KeyError) as err:
        raise BadInputError("the header makes no sense", file=path, found=str(err)) from err
    if bytes(header["magic"])[:2] not in (b"n+", b"ni"):
        raise BadInputError(
            "this is not a NIfTI file", file=path, expected="magic n+1 or n+2", found=bytes(header["magic"])
        )
    return header


def _header_of(path: Path, header: Any, allow: Collection[Allowance] = ()) -> NiftiHeader:
    n_dimensions = int(header["dim"][0])
    sizes = [int(n) for n in header["dim"][1 : n_dimensions + 1]] if 1 <= n_dimensions <= 7 else []
    if not sizes or min(sizes) < 1:
        raise BadInputError(
            "the header has an impossible size",
            file=path,
            expected="one to seven dimensions of at least one voxel",
            found=f"{n_dimensions} dimensions of {sizes}",
        )
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) == 5 and sizes[3] == 1:
        sizes.pop(3)
    if len(sizes) not in (3, 4):
        raise BadInputError(
            "an image needs three axes, or four with the volumes last",
            file=path,
            expected="(x, y, z) or (x, y, z, volumes)",
            found=tuple(sizes),
        )
    grid, notes = _grid_of(path, header, (sizes[0], sizes[1], sizes[2]), allow)
    return NiftiHeader(tuple(sizes), grid, notes)


def _grid_of(
    path: Path, header: Any, shape: tuple[int, int, int], allow: Collection[Allowance]
) -> tuple[Grid, tuple[str, ...]]:
    """The grid by the rule: sform, else qform, else voxel sizes with unknown orientation."""
    from nibabel.spatialimages import HeaderDataError

    try:
        has_sform, has_qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
        unit = header.get_xyzt_units()[0]
    except KeyError:
        raise BadInputError(
            "the header has an unknown unit of length", file=path, found=int(header["xyzt_units"])
        ) from None
    mm = np.diag([_MM_PER_UNIT[unit]] * 3 + [1.0])
    notes = [] if unit in ("mm", "unknown") else [f"lengths converted from {unit} to mm"]
    # The NIfTI standard takes anything but -1 as 1; nibabel refuses it.
    if header["pixdim"][0] != -1:
        header["pixdim"][0] = 1
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            qform = mm @ header.get_qform() if has_qform else None
            sform = mm @ header.get_sform() if has_sform else None
            sizes = np.abs(header["pixdim"][1:4].astype(float)) * _MM_PER_UNIT[unit]
    except (HeaderDataError, ValueError) as err:
        raise BadInputError("the header holds an impossible rotation", file=path, found=str(err)) from err
    affine, source = (sform, "sform") if has_sform else (qform, "qform")
    try:
        if affine is None:
            notes.append("orientation unknown: the file does not say how the patient was lying")
            return Grid.from_spacing(shape, sizes), tuple(notes)
        kind: AffineSource = "sform" if source == "sform" else "qform"
        grid = Grid(shape, affine, kind)
    except BadInputError as err:
        usable = np.isfinite(sizes).all() and (sizes > 0).all()
        if usable and "voxel-sizes" in allow:
            notes.append(f"the voxel sizes were used, orientation unknown: {err.what}")
            return Grid.from_spacing(shape, sizes), tuple(notes)
        raise BadInputError(
            err.what,
            file=path,
            found=err.found,
            remedy="The file's geometry must be repaired first.",
            offers=("voxel-sizes",) if usable else (),
        ) from err
    if sform is not None and qform is not None:
        corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], 1)).reshape(4, 8)
        with np.errstate(over="ignore", invalid="ignore"):
            shift = np.linalg.solve(sform[:3, :3], (qform - sform)[:3, :]) @ corners
        if not np.abs(shift).max() <= _FORM_DISAGREEMENT_VOXELS:
            notes.append("sform and qform disagree: sform was used")
    return grid, tuple(notes)


def _real_dtype(path: Path, header: Any) -> np.dtype[Any]:
    dtype: np.dtype[Any] = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise BadInputError(
            "voxels must be plain numbers",
            file=path,
            expected="integers or real numbers",
            found="complex numbers" if dtype.kind == "c" else "colours",
            remedy="Export the magnitude image.",
        )
    return dtype


def _voxel_offset(path: Path, header: Any) -> int:
    offset = float(header["vox_offset"])
    if not (np.isfinite(offset) and offset >= header.sizeof_hdr):
        raise BadInputError(
            "the header does not say where the voxels begin",
            file=path,
            expected=f"an offset of at least {header.sizeof_hdr} bytes",
            found=f"{offset:g}",
            remedy="A pair of .hdr and .img must be converted to one .nii file first.",
        )
    return int(header["vox_offset"])


def _check_size(path: Path, needed_bytes: int, is_gzip: bool) -> None:
    size = path.stat().st_size
    most = size * _LARGEST_GZIP_RATIO if is_gzip else size
    if needed_bytes > most:
        raise BadInputError(
            "the file is shorter than its header says",
            file=path,
            expected=f"{needed_bytes} bytes ({needed_bytes / 1e9:.3g} GB)",
            found=f"{size} bytes",
            remedy="Copy it again from its source.",
        )
    # Stored numbers and their float32 copy are held together for a moment.
    if 3 * needed_bytes > (memory := _physical_memory_bytes()):
        raise BadInputError(
            "too large for the memory of this computer",
            file=path,
            expected=f"less than {memory / 3e9:.3g} GB",
            found=f"{needed_bytes / 1e9:.3g} GB",
        )


def _physical_memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        # Windows has no sysconf: trust the allocation to fail by itself.
        return 2**63


def _read_voxels(
    path: Path, stream: BinaryIO, skip: int, n_bytes: int, check: Callable[[], None] | None
) -> bytes:
    while skip > 0:
        skip -= len(stream.read(min(skip, _CHUNK_BYTES))) or skip
    buffer = io.BytesIO()
    while (missing := n_bytes - buffer.tell()) > 0:
        chunk = stream.read(min(missing, _CHUNK_BYTES))
        if not chunk:
            raise BadInputError(
                "the file ends too early",
                file=path,
                expected=f"{n_bytes} bytes of voxels",
                found=f"{buffer.tell()}",
                remedy="Copy it again from its source.",
            )
        buffer.write(chunk)
        if check is not None:
            check()
    # The gzip checksum stands at the very end: only a stream read to its end is verified.
    while stream.read(_CHUNK_BYTES):
        if check is not None:
            check()
    return buffer.getbuffer()  # type: ignore[return-value]


def _source(path: Path) -> Source:
    return Source(path, sha256_of(path), path.stat().st_size)
