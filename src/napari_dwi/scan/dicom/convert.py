"""One DICOM series through dcm2niix, in a temporary folder of its own.

The converter reports success on series it has converted wrongly, so its result is accepted only
if it lies where the headers say.
"""

from __future__ import annotations

import os
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

if TYPE_CHECKING:
    from nibabel.arrayproxy import ArrayProxy
    from numpy.typing import NDArray

_TIMEOUT_S = 900.0
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
    stored_sums : ndarray, float64, shape (z, n)
        Sum of the stored (not scaled) values of every slice.
    b_values : ndarray of shape (k,) or None
        What the converter takes the b-values (s/mm2) for; k need not be n.
    directions : ndarray of shape (k, 3) or None
        Gradient directions, FSL convention.
    """

    signal: NDArray[np.float32]
    affine: NDArray[np.float64]
    stored_sums: NDArray[np.float64]
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
        _stage(series, staged, check)
        code = _run(staged, out, series, check)
        images = sorted(out.glob("*.nii"))
        if code != 0 or len(images) != 1:
            # What it wrote nevertheless is nonsense and goes with the folder.
            found = f"exit code {code}" if code != 0 else f"{len(images)} separate images"
            raise BadInputError(
                "this series cannot be converted to one image",
                file=series.selector,
                expected=f"one image of {geometry.n_volumes} volumes",
                found=found,
                remedy="Copy or export the series again, or convert it to NIfTI yourself.",
            )
        converted = _read(images[0])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    _accept(series, geometry, converted)
    return converted


def _stage(series: DicomSeries, folder: Path, check: Callable[[], None] | None) -> None:
    """Give every file a plain name in one flat folder."""
    for index, file in enumerate(series.files):
        if check is not None:
            check()
        target = folder / f"{index:06d}.dcm"
        try:
            os.symlink(file.resolve(), target)
        except OSError:
            # Windows allows links only to administrators and developers.
            shutil.copyfile(file, target)


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
    deadline = time.monotonic() + _TIMEOUT_S
    try:
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
                    expected=f"less than {_TIMEOUT_S:.0f} s",
                    remedy="Copy the folder to a local disk and try again.",
                )
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(timeout=_TERMINATION_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _read(image_file: Path) -> Converted:
    import nibabel as nib

    image = nib.Nifti1Image.from_filename(image_file, mmap=False)
    voxels = cast("ArrayProxy", image.dataobj)
    stored = np.asarray(voxels.get_unscaled())
    signal = np.asarray(voxels, dtype=np.float32)
    if stored.ndim == 3:
        stored, signal = stored[..., None], signal[..., None]
    b_values = _table(image_file.with_suffix(".bval"))
    directions = _table(image_file.with_suffix(".bvec"))
    return Converted(
        signal=signal,
        affine=np.asarray(image.affine, dtype=np.float64),
        stored_sums=stored.sum(axis=(0, 1), dtype=np.float64),
        b_values=None if b_values is None else b_values[0],
        directions=None if directions is None or len(directions) != 3 else directions.T,
    )


def _table(file: Path) -> NDArray[np.float64] | None:
    if not file.is_file():
        return None
    return np.array(
        [[float(word) for word in line.split()] for line in file.read_text().splitlines() if line]
    )


def _accept(series: DicomSeries, geometry: Geometry, converted: Converted) -> None:
    shape = converted.signal.shape
    expected_shape = (*geometry.shape, geometry.n_volumes)
    if shape[3] != geometry.n_volumes or sorted(shape[:3]) != sorted(geometry.shape):
        raise BadInputError(
            "the converted image does not hold what the files hold",
            file=series.selector,
            expected=f"{' x '.join(map(str, expected_shape))} voxels",
            found=" x ".join(map(str, shape)),
        )
    # The header position of a mosaic is that of its corner, not of a slice.
    if not series.is_mosaic and not same_lattice(shape[:3], converted.affine, geometry, _TOLERANCE_MM):
        raise BadInputError(
            "the converted image does not lie where the headers say",
            file=series.selector,
            expected=f"the same positions within {_TOLERANCE_MM} mm",
            found="another affine matrix",
            remedy="Copy or export the series again.",
        )
