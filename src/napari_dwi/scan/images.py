"""The two kinds of image everything works on: a diffusion series and a single volume."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import BValues
from napari_dwi.scan.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

VolumeKind = Literal["anatomy", "map", "mask", "labels", "residual"]
Volumes = Literal["keep", "average", "trace-geometric", "trace-arithmetic"]


@dataclass(frozen=True)
class Source:
    """Where an image was read from, without anything about the patient.

    Parameters
    ----------
    path : Path
        File or DICOM folder; ``folder#5`` is series number 5 of a folder.
    sha256 : str
        Digest of the file, or of the sorted digests of all files of a DICOM series.
    size_bytes : int
        Size of all files together.
    allowed : tuple of str
        What the user allowed, for it to be read at all (see `napari_dwi.scan.allowances`).
    frame_of_reference : str
        The same word for all images taken while the patient lay still on the table, without any
        identifier of the patient in it; empty where the files do not say.
    alignment : tuple of tuple of float, optional
        How a registration moved the image after reading: rows of a 4x4 affine in RAS+ mm.
    volumes : str
        What was made of the volumes of a series after reading (see `napari_dwi.scan.averaging`).
    acquired : BValues, optional
        b-values and directions of the volumes as they were read, where means were made of them.
    """

    path: Path
    sha256: str
    size_bytes: int
    allowed: tuple[str, ...] = ()
    frame_of_reference: str = ""
    alignment: tuple[tuple[float, ...], ...] | None = None
    volumes: Volumes = "keep"
    acquired: BValues | None = None


@dataclass(frozen=True, eq=False)
class DwiSeries:
    """A diffusion-weighted series: one volume per b-value, repeat and direction.

    Parameters
    ----------
    signal : ndarray, float32, shape (x, y, z, n)
        Magnitude signal in scanner units. NaN marks voxels that hold no value.
    grid : Grid
        Geometry shared by all volumes.
    b_values : BValues
        One b-value (s/mm2) per volume.
    name : str
        Short name for layers and output files; never taken from patient fields.
    source : Source, optional
        Where it was read from; ``None`` for computed series.
    notes : tuple of str
        What the user should know about how it was read.

    Raises
    ------
    BadInputError
        If the array, the grid and the b-values do not fit together.
    """

    signal: NDArray[np.float32]
    grid: Grid
    b_values: BValues
    name: str = "dwi"
    source: Source | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _check_float32(self.signal, 4, "a diffusion series")
        _check_shape(self.signal.shape[:3], self.grid)
        if self.signal.shape[3] != len(self.b_values):
            raise BadInputError(
                "the number of b-values does not match the number of volumes",
                expected=f"{self.signal.shape[3]} b-values for {self.signal.shape[3]} volumes",
                found=f"{len(self.b_values)}",
            )

    def volumes(self, index: ArrayLike) -> DwiSeries:
        """The series made of some of the volumes, given by index."""
        chosen = np.asarray(index, dtype=np.intp)
        return DwiSeries(
            self.signal[..., chosen],
            self.grid,
            self.b_values.subset(chosen),
            self.name,
            self.source,
            self.notes,
        )


@dataclass(frozen=True, eq=False)
class Volume:
    """A single three-dimensional image.

    Parameters
    ----------
    data : ndarray, float32, shape (x, y, z)
        Values in ``unit``; NaN means no value (outside, not fitted). Labels and masks are whole
        numbers.
    grid : Grid
        Geometry.
    kind : str
        ``"anatomy"``, ``"map"``, ``"mask"``, ``"labels"`` or ``"residual"``.
    unit : str
        Unit of the values; empty for scanner units and plain numbers.
    name, source, notes
        As for `DwiSeries`.
    """

    data: NDArray[np.float32]
    grid: Grid
    kind: VolumeKind = "anatomy"
    unit: str = ""
    name: str = "volume"
    source: Source | None = None
    notes: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        _check_float32(self.data, 3, "a volume")
        _check_shape(self.data.shape, self.grid)


def _check_float32(array: NDArray[np.float32], dimensions: int, what: str) -> None:
    if array.ndim != dimensions or array.dtype != np.float32:
        raise BadInputError(
            f"not the array of {what}",
            expected=f"{dimensions}-dimensional float32",
            found=f"{array.ndim}-dimensional {array.dtype}",
        )


def _check_shape(shape: tuple[int, ...], grid: Grid) -> None:
    if shape != grid.shape:
        raise BadInputError("the image does not have the size of its grid", expected=grid.shape, found=shape)
