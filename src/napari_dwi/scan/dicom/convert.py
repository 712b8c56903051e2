"""One DICOM series through dcm2niix, in a temporary folder of its own.

The converter reports success on series it has converted wrongly, so its result is accepted only
if it lies where the headers say.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.scan.dicom.geometry import Geometry, same_lattice
from napari_dwi.scan.dicom.series import DicomSeries
from napari_dwi.scan.dicom.staging import stage

if TYPE_CHECKING:
    from nibabel.arrayproxy import ArrayProxy
    from nibabel.nifti1 import Nifti1Image
    from numpy.typing import NDArray

_SHORTEST_TIMEOUT_S = 60.0
_SLOWEST_BYTES_PER_S = 500e3
# What a damaged header can make the converter ask for, at most.
_MEMORY_BYTES = 2 * 1024**3
_MEMORY_PER_BYTE = 16
_POLL_S = 0.05
_TERMINATION_S = 2.0
_TOLERANCE_MM = 0.01
_STEM = "vol"
# Nothing is ignored as derived: trace images are. No names or dates go into the side files.
_OPTIONS = ("-g", "i", "-i", "n", "-b", "y", "-ba", "y", "-z", "n", "-f", _STEM)


@dataclass(frozen=True, eq=False)
class Converted:
    """What the converter made of a series.

    Parameters
    ----------
    signal : ndarray, float32, shape (x, y, z, n)
        In scanner units.
    affine : ndarray, shape (4, 4)
        Voxel index to RAS+ mm.
    fingerprints : ndarray, float64, shape (z, n, 2)
        What tells the stored (not scaled) slices apart, see `fingerprints`.
    scaling : (float, float)
        Slope and intercept that made signal of the stored values.
    b_values : ndarray of shape (k,) or None
        What the converter takes the b-values (s/mm2) for; k need not be n.
    directions : ndarray of shape (k, 3) or None
        Gradient directions, FSL convention.
    """

    signal: NDArray[np.float32]
    affine: NDArray[np.float64]
    fingerprints: NDArray[np.float64]
    scaling: tuple[float, float]
    b_values: NDArray[np.float64] | None
    directions: NDArray[np.float64] | None


def convert(series: DicomSeries, geometry: Geometry, *, check: Callable[[], None] | None = None) -> Converted:
    """Convert one series and check the result against the geometry of its headers.

    Parameters
    ----------
    check : callable, optional
        Called at least every 0.1 s; may raise `Stopped`, which ends the converter.

    Raises
    ------
    BadInputError
        If the converter refuses the series, or its result does not agree with the headers.
    """
    # mkdtemp makes folders that only their owner can enter.
    folder = Path(tempfile.mkdtemp(prefix="napari-dwi-"))
    try:
        staged, out = folder / "in", folder / "out"
        staged.mkdir()
        out.mkdir()
        stage(series.frames, staged, check)
        code = _run(staged, out, series, check)
        images = [] if code != 0 else [_open(file, series) for file in sorted(out.glob("*.nii"))]
        # Where it takes volumes for computed ones, it writes all volumes, and again without these.
        whole = [image for image in images if _n_volumes(image) == geometry.n_volumes]
        if not (len(images) == 1 or len(whole) == 1):
            # What it wrote nevertheless is nonsense and goes with the folder.
            found = f"exit code {code}" if code != 0 else f"{len(images)} separate images"
            raise BadInputError(
                "this series cannot be converted to one image",
                file=series.selector,
                expected=f"one image of {geometry.n_volumes} volumes",
                found=found,
                remedy="Copy or export the series again, or convert it to NIfTI yourself.",
            )
        image = whole[0] if whole else images[0]
        _accept(series, geometry, image)
        return _read(image, out, series)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(staged: Path, out: Path, series: DicomSeries, check: Callable[[], None] | None) -> int:
    import dcm2niix

    command = [dcm2niix.bin, *_OPTIONS, "-o", str(out), str(staged)]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    except OSError as err:
        raise MethodFailedError(
            "the DICOM converter cannot be started",
            found=err.strerror,
            remedy="Install the package dcm2niix again.",
        ) from err
    n_bytes = sum(file.stat().st_size for file in staged.iterdir())
    timeout_s = _SHORTEST_TIMEOUT_S + n_bytes / _SLOWEST_BYTES_PER_S
    deadline = time.monotonic() + timeout_s
    try:
        _limit(process, _MEMORY_BYTES + _MEMORY_PER_BYTE * n_bytes)
        while True:
            try:
                return process.wait(timeout=_POLL_S)
            except subprocess.TimeoutExpired:
                if check is not None:
                    check()
            if time.monotonic() > deadline:
                raise BadInputError(
                    "converting this series takes too long",
                    file=series.selector,
                    expected=f"less than {timeout_s:.0f} s",
                    remedy="Copy the folder to a local disk and try again.",
                )
    finally:
        _end(process)


def _limit(process: subprocess.Popen[bytes], n_bytes: int) -> None:
    """Cap memory and output files of the converter, where the system can do so."""
    try:
        import resource

        for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE):
            resource.prlimit(process.pid, kind, (n_bytes, n_bytes))
    except (ImportError, AttributeError, OSError, ValueError):
        # Only Linux can limit a process that runs already.
        return


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_TERMINATION_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _open(image_file: Path, series: DicomSeries) -> Nifti1Image:
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        return nib.Nifti1Image.from_filename(image_file, mmap=False)
    except (ImageFileError, HeaderDataError, OSError, ValueError) as err:
        raise BadInputError("what this series was converted to cannot be read", file=series.selector) from err


def _n_volumes(image: Nifti1Image) -> int:
    return int(np.prod(image.shape[3:], dtype=int))


def _read(image: Nifti1Image, folder: Path, series: DicomSeries) -> Converted:
    voxels = cast("ArrayProxy", image.dataobj)
    try:
        stored = np.asarray(voxels.get_unscaled())
        signal = np.asarray(voxels, dtype=np.float32)
    except (OSError, ValueError, MemoryError) as err:
        raise BadInputError("what this series was converted to cannot be read", file=series.selector) from err
    stored, signal = (array.reshape((*image.shape[:3], -1), order="F") for array in (stored, signal))
    # Two images come with one list, which is that of the other image.
    alone = len(list(folder.glob("*.nii"))) == 1
    b_values = _table(folder / f"{_STEM}.bval") if alone else None
    directions = _table(folder / f"{_STEM}.bvec") if alone else None
    assert image.affine is not None
    return Converted(
        signal=signal,
        affine=np.asarray(image.affine, dtype=np.float64),
        fingerprints=fingerprints(stored),
        scaling=(float(voxels.slope), float(voxels.inter)),
        b_values=None if b_values is None else b_values[0],
        directions=None if directions is None or len(directions) != 3 else directions.T,
    )


def fingerprints(stored: NDArray[np.generic]) -> NDArray[np.float64]:
    """What tells slices apart however they are turned: sum of the values, and of their squares.

    Parameters
    ----------
    stored : ndarray, shape (x, y, ...)
        Stored values.

    Returns
    -------
    ndarray, shape (..., 2)
    """
    # Whole numbers below 2^53 are exact in float64, in whatever order they are added.
    sums = stored.sum(axis=(0, 1), dtype=np.float64)
    squares = np.einsum("xy...,xy...->...", stored, stored, dtype=np.float64, casting="unsafe")
    return np.stack([sums, squares], axis=-1)


def _table(file: Path) -> NDArray[np.float64] | None:
    if not file.is_file():
        return None
    try:
        return np.array(
            [[float(word) for word in line.split()] for line in file.read_text().splitlines() if line]
        )
    except ValueError:
        # Not a table; the headers are what counts.
        return None


def _accept(series: DicomSeries, geometry: Geometry, image: Nifti1Image) -> None:
    shape = (*image.shape[:3], _n_volumes(image))
    expected_shape = (*geometry.shape, geometry.n_volumes)
    if shape[3] != geometry.n_volumes or sorted(shape[:3]) != sorted(geometry.shape):
        raise BadInputError(
            "the converted image does not hold what the files hold",
            file=series.selector,
            expected=f"{' x '.join(map(str, expected_shape))} voxels",
            found=" x ".join(map(str, shape)),
        )
    affine = np.asarray(image.affine, dtype=np.float64)
    if geometry.is_placed and not same_lattice(shape[:3], affine, geometry, _TOLERANCE_MM):
        raise BadInputError(
            "the converted image does not lie where the headers say",
            file=series.selector,
            expected=f"the same positions within {_TOLERANCE_MM} mm",
            found="another affine matrix",
            remedy="Copy or export the series again.",
        )
