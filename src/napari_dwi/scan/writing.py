"""The one gate out: images as NIfTI with a fresh header, checked by reading back."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError, CannotWriteError
from napari_dwi.scan.b_value_text import b_value_text
from napari_dwi.scan.direction_text import direction_text
from napari_dwi.scan.file_set import FileSet, file_set
from napari_dwi.scan.images import DwiSeries, Volume
from napari_dwi.scan.nifti import is_nifti_name, read_nifti, stem_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan.grid import Grid

# nibabel's own default: noise hardly compresses, and higher levels only take longer.
_GZIP_LEVEL = 1
_SCANNER_CODE = 1


def save(
    image: DwiSeries | Volume,
    path: Path,
    *,
    sidecar: Mapping[str, Any] | None = None,
    never_over: Iterable[Path] = (),
) -> None:
    """Save an image, its b-values and its sidecar, or nothing.

    Parameters
    ----------
    image : DwiSeries or Volume
        Series and anatomy, maps and residuals are stored as float32 without scaling, masks and
        labels as whole numbers. NaN stays NaN.
    path : Path
        Ends in ``.nii`` or ``.nii.gz``.
    sidecar : mapping, optional
        Written beside it as JSON.
    never_over : iterable of Path
        Input files, which are never overwritten; the image's own source, with the
        b-values and the sidecar beside it, always is one.

    Raises
    ------
    CannotWriteError
        If a file cannot be written or does not read back as it was.
    """
    with file_set(path.parent, inputs_of(image, never_over)) as files:
        add_image(files, image, path, sidecar=sidecar)


def add_image(
    files: FileSet, image: DwiSeries | Volume, path: Path, *, sidecar: Mapping[str, Any] | None = None
) -> None:
    """Add an image with everything that belongs beside it to a set of files; as `save`."""
    if not is_nifti_name(path):
        raise BadInputError("not a name for an image", file=path, expected="a name ending in .nii.gz")
    array: NDArray[Any] = image.signal if isinstance(image, DwiSeries) else image.data
    if isinstance(image, Volume) and image.kind in ("mask", "labels"):
        array = _whole_numbers(array, path)
    partial = files.add(path, lambda file: _write_nifti(file, path, array, image.grid))
    _check_reads_back(partial, path, array)
    beside = path.parent / stem_of(path)
    if isinstance(image, DwiSeries):
        files.add_text(beside.with_name(beside.name + ".bval"), b_value_text(image.b_values))
        if image.b_values.directions is not None:
            files.add_text(beside.with_name(beside.name + ".bvec"), direction_text(image.b_values.directions))
    if sidecar is not None:
        files.add_text(beside.with_name(beside.name + ".json"), sidecar_text(sidecar))


def sidecar_text(sidecar: Mapping[str, Any]) -> str:
    """The text of a JSON sidecar."""
    return json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n"


def inputs_of(image: DwiSeries | Volume, more: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The file an image was read from, what lies beside it under the same name, and others."""
    if image.source is None:
        return tuple(more)
    own = image.source.path
    beside = (own.with_name(stem_of(own) + suffix) for suffix in (".bval", ".bvec", ".json"))
    return (own, *beside, *more)


def _whole_numbers(array: NDArray[np.float32], path: Path) -> NDArray[np.unsignedinteger]:
    largest = array.max(initial=0)
    if not (np.isfinite(largest) and array.min() >= 0 and (array == np.round(array)).all()):
        raise BadInputError("masks and labels must be whole numbers that are not negative", file=path)
    return array.astype(np.min_scalar_type(int(largest)))


def _write_nifti(file: Any, path: Path, array: NDArray[Any], grid: Grid) -> None:
    import nibabel as nib

    image = nib.Nifti1Image(array, grid.affine)
    image.header.set_xyzt_units("mm")
    code = _SCANNER_CODE if grid.orientation_known else 0
    image.set_sform(grid.affine, code)
    image.set_qform(grid.affine, code)
    if path.name.lower().endswith(".gz"):
        # No name and no time in the stream: the same image gives the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as stream:
            image.to_stream(stream)
    else:
        image.to_stream(file)


def _check_reads_back(partial: Path, path: Path, array: NDArray[Any]) -> None:
    try:
        read = read_nifti(partial).data
    except BadInputError as err:
        raise CannotWriteError("did not read back", file=path, found=str(err)) from err
    # A series of one volume comes back without its last axis.
    if not np.array_equal(read.reshape(array.shape), array, equal_nan=True):
        raise CannotWriteError("did not read back as it was written", file=path)
