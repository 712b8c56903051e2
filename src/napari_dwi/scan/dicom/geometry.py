"""Where the voxels of a DICOM series lie, from its headers alone.

The converter keeps the rows as x, turns the columns around (DICOM counts downwards, NIfTI upwards)
and stacks the slices along the normal row x column. Single volumes of 3D acquisitions are then
turned to the nearest R, A, S axes.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.b_values import format_b_value
from napari_dwi.scan.dicom.series import DicomSeries, Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Positions of one slice differ by rounding only; no slices lie closer together than this.
_SAME_SLICE_MM = 0.05
_UNEVEN = 0.01
_FLATTEST_CELL = 1e-3
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Geometry:
    """The voxel grid a series will have once it is converted.

    Parameters
    ----------
    shape : (int, int, int)
        Size along the array axes (x, y, z) of the converted volume.
    affine : ndarray, shape (4, 4)
        Voxel index to RAS+ mm. Its translation is not meaningful where ``is_placed`` is false.
    n_volumes : int
        Number of volumes.
    slice_of_frame : tuple of int
        For every frame of the series, its slice along the normal; 0 for mosaics.
    is_placed : bool
        Whether the headers say where every slice lies, as they do not for Siemens mosaics.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    n_volumes: int
    slice_of_frame: tuple[int, ...]
    is_placed: bool = True

    @property
    def n_slices(self) -> int:
        """Number of slices of a volume, along the normal."""
        return max(self.slice_of_frame) + 1


def n_slice_directions(frames: tuple[Frame, ...]) -> int:
    """How many different orientations the frames have."""
    return len({tuple(round(c, 3) for c in frame.orientation or ()) for frame in frames})


def geometry_of(series: DicomSeries) -> Geometry:
    """The grid of a series.

    Raises
    ------
    BadInputError
        If frames differ in size or direction, a slice is missing from a volume, the slices are not
        equally far apart (within 1 %), or a mosaic does not say how many slices it holds.
    """
    frames = series.frames
    _check_alike(series)
    first = frames[0]
    row, column = np.array(first.orientation)[:3], np.array(first.orientation)[3:]
    normal = np.cross(row, column)
    if "MOSAIC" in series.image_type.upper() and not series.is_mosaic:
        raise BadInputError(
            "the slices of these mosaic images cannot be told apart",
            file=series.selector,
            expected="the number of slices in the header",
            found="none",
            remedy="Export the series again with its private elements.",
        )
    if series.is_mosaic:
        return _mosaic_geometry(series, row, column)

    positions = np.array([frame.position_mm for frame in frames])
    distances = positions @ normal
    order = np.argsort(distances, kind="stable")
    slice_of_frame = np.empty(len(frames), dtype=int)
    slice_of_frame[order] = np.concatenate([[0], np.cumsum(np.diff(distances[order]) > _SAME_SLICE_MM)])
    n_slices = int(slice_of_frame.max()) + 1
    centres = np.array([positions[slice_of_frame == index].mean(axis=0) for index in range(n_slices)])
    _check_complete(series, slice_of_frame, centres, normal)
    _check_equidistant(series, centres, normal)
    step = normal * first.thickness_mm if n_slices == 1 else (centres[-1] - centres[0]) / (n_slices - 1)
    shape = (first.columns, first.rows, n_slices)
    affine = _affine(row, column, step, centres[0], first, shape)
    if not _spans_space(affine):
        raise BadInputError(
            "the rows, columns and slices of these images do not span a volume",
            file=series.selector,
            expected="two directions in the plane, and pixels and slices with a size",
            remedy="Copy or export the series again.",
        )
    n_volumes = len(frames) // n_slices
    if series.turned_to_ras and n_volumes == 1 and n_slices > 1:
        shape, affine = _turned(shape, affine)
    return Geometry(shape, affine, n_volumes, tuple(int(index) for index in slice_of_frame))


def _mosaic_geometry(series: DicomSeries, row: NDArray[np.float64], column: NDArray[np.float64]) -> Geometry:
    frames, first = series.frames, series.frames[0]
    normal = np.cross(row, column)
    across = math.ceil(math.sqrt(first.slices))
    # Siemens lays out a square, UIH leaves empty rows out.
    down = math.ceil(first.slices / across) if first.tiles_mm else across
    shape = (first.columns // across, first.rows // down, first.slices)
    on_first_slice = (0,) * len(frames)
    if not all(frame.tiles_mm for frame in frames):
        affine = _affine(row, column, normal * first.thickness_mm, np.array(first.position_mm), first, shape)
        return Geometry(shape, affine, len(frames), on_first_slice, is_placed=False)
    places = np.array([frame.tiles_mm for frame in frames])
    if np.abs(places - places[0]).max() > _SAME_SLICE_MM:
        raise BadInputError(
            "the volumes of this series do not lie at the same place",
            file=series.selector,
            expected=f"slices within {_SAME_SLICE_MM} mm of each other",
            found=f"{np.abs(places - places[0]).max():.2f} mm",
        )
    centres = places[0][np.argsort(places[0] @ normal)]
    _check_equidistant(series, centres, normal)
    step = (centres[-1] - centres[0]) / (first.slices - 1)
    return Geometry(shape, _affine(row, column, step, centres[0], first, shape), len(frames), on_first_slice)


def same_lattice(
    shape: tuple[int, ...], affine: NDArray[np.float64], geometry: Geometry, tolerance_mm: float
) -> bool:
    """Whether converted voxels lie where the headers say, in whatever order the axes are stored."""
    if not _spans_space(affine) or not _spans_space(geometry.affine):
        return False
    (found_shape, found), (expected_shape, expected) = (
        _turned(shape, affine),
        _turned(geometry.shape, geometry.affine),
    )
    return found_shape == expected_shape and bool(np.abs(found - expected).max() <= tolerance_mm)


def _spans_space(affine: NDArray[np.float64]) -> bool:
    if not np.isfinite(affine).all():
        return False
    edges_mm = np.linalg.norm(affine[:3, :3], axis=0)
    # Of a unit cube the volume is 1; gantry tilt takes little off it.
    return bool(edges_mm.min() > 0) and abs(np.linalg.det(affine[:3, :3] / edges_mm)) > _FLATTEST_CELL


def _affine(
    row: NDArray[np.float64],
    column: NDArray[np.float64],
    step: NDArray[np.float64],
    origin: NDArray[np.float64],
    frame: Frame,
    shape: tuple[int, int, int],
) -> NDArray[np.float64]:
    between_rows, between_columns = frame.spacing_mm
    affine = np.eye(4)
    affine[:3, 0] = row * between_columns
    affine[:3, 1] = -column * between_rows
    affine[:3, 2] = step
    affine[:3, 3] = origin + column * between_rows * (shape[1] - 1)
    return _LPS_TO_RAS @ affine


def _turned(
    shape: tuple[int, ...], affine: NDArray[np.float64]
) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
    from nibabel.orientations import inv_ornt_aff, io_orientation

    orientation = io_orientation(affine)
    turned = affine @ inv_ornt_aff(orientation, shape[:3])
    x, y, z = (shape[int(np.flatnonzero(orientation[:, 0] == axis)[0])] for axis in range(3))
    return (x, y, z), turned


def _check_alike(series: DicomSeries) -> None:
    frames = series.frames
    sizes = {(frame.columns, frame.rows, frame.slices, frame.spacing_mm) for frame in frames}
    if len(sizes) > 1:
        (columns, rows, *_), (other_columns, other_rows, *_) = sorted(sizes)[:2]
        raise BadInputError(
            "the images of this series differ in size",
            file=series.selector,
            expected=f"all {columns} x {rows} with the same pixel spacing",
            found=f"also {other_columns} x {other_rows}",
        )
    if n_slice_directions(frames) > 1 or any(frame.position_mm is None for frame in frames):
        raise BadInputError(
            "the images of this series do not form one volume",
            file=series.selector,
            expected="parallel slices whose position is known",
            found=f"{n_slice_directions(frames)} slice directions",
        )


def _check_complete(
    series: DicomSeries,
    slice_of_frame: NDArray[np.int_],
    centres: NDArray[np.float64],
    normal: NDArray[np.float64],
) -> None:
    counts = np.bincount(slice_of_frame)
    if len(set(counts)) == 1:
        return
    # The volumes at one b-value have every slice equally often; a slice seen less often is missing.
    times: dict[float | None, Counter[int]] = defaultdict(Counter)
    for frame, index in zip(series.frames, slice_of_frame, strict=True):
        times[frame.b_value][int(index)] += 1
    missing = [
        f"slice at {_place(centres[index], normal)} missing in {_volume_name(b)}"
        for b, seen in sorted(times.items(), key=lambda item: -1.0 if item[0] is None else item[0])
        for index in range(len(centres))
        if seen[index] < max(seen.values())
    ]
    raise BadInputError(
        "the series is not complete",
        file=series.selector,
        expected=f"{counts.max()} volumes of {len(counts)} slices",
        found="; ".join(missing[:3]) + (f" and {len(missing) - 3} more" if len(missing) > 3 else ""),
        remedy="Copy or export the series again.",
    )


def _check_equidistant(
    series: DicomSeries, centres: NDArray[np.float64], normal: NDArray[np.float64]
) -> None:
    if len(centres) < 3:
        return
    gaps = np.diff(centres @ normal)
    usual = float(np.median(gaps))
    worst = int(np.argmax(np.abs(gaps - usual)))
    if abs(gaps[worst] - usual) > _UNEVEN * usual:
        raise BadInputError(
            "the slices are not equally far apart, so one may be missing from all volumes",
            file=series.selector,
            expected=f"{usual:.2f} mm between all slices",
            found=f"{gaps[worst]:.2f} mm between {_place(centres[worst], normal)}"
            f" and {_place(centres[worst + 1], normal)}",
            remedy="Copy or export the series again.",
        )


def _place(position_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(normal)))
    return f"{'xyz'[axis]} = {_LPS_TO_RAS[axis, axis] * position_mm[axis]:.1f} mm"


def _volume_name(b_value: float | None) -> str:
    return "one volume" if b_value is None else f"b = {format_b_value(b_value)}"
