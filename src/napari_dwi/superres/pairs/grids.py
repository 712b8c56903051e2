"""How the grids of two scans of one object lie to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan import Grid
from napari_dwi.superres.pairs.pair import FACTORS

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Files round voxel sizes; over a whole slice that must not add up to half a fine voxel.
_SAME_RATIO = 0.01
_MOST_ASTRAY_VOXELS = 0.5
_MOST_ASTRAY_SLICES = 0.1
# Of positions in files, in fine voxels.
_ROUNDING = 0.01
_PLANES = ("sagittal", "coronal", "axial")


@dataclass(frozen=True)
class GridMatch:
    """How a high-resolution grid lies to a low-resolution one.

    Parameters
    ----------
    factor : int
        Fine voxels for one along both axes of the slice.
    low_axes, high_axes : (int, int, int)
        Array axes of each volume that run along slices, rows and columns.
    low_reversed, high_reversed : (bool, bool, bool)
        Which of these are turned round. Voxel 2n cannot lie at voxel n where both images are stored
        backwards, as converters like to store rows: there each begins with its last voxel.
    told_shift : (float, float)
        By how much positions in the files say that the high-resolution images are displaced against
        zero-filled low-resolution ones, in fine voxels along rows and columns; zero where a file does not
        say how the patient was lying.
    """

    factor: int
    low_axes: tuple[int, int, int]
    high_axes: tuple[int, int, int]
    low_reversed: tuple[bool, bool, bool]
    high_reversed: tuple[bool, bool, bool]
    told_shift: tuple[float, float]

    def of_low(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A low-resolution volume with the axes (slice, row, column); a view."""
        return image.transpose(self.low_axes)[_steps(self.low_reversed)]

    def grid_of_low(self, low: Grid) -> Grid:
        """The grid of what `of_low` gives, with the axes (row, column, slice)."""
        slices, rows, columns = self.low_axes
        axes = (rows, columns, slices)
        turned = Grid(
            (low.shape[rows], low.shape[columns], low.shape[slices]),
            low.affine[:, [*axes, 3]],
            low.affine_source,
        )
        affine = turned.affine.copy()
        backwards = self.low_reversed[1], self.low_reversed[2], self.low_reversed[0]
        last = [n - 1 if reverse else 0 for n, reverse in zip(turned.shape, backwards, strict=True)]
        affine[:3, 3] = turned.to_mm(last)
        affine[:3, :3] *= [-1 if reverse else 1 for reverse in backwards]
        return Grid(turned.shape, affine, low.affine_source)

    def of_high(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """A high-resolution volume with the axes (slice, row, column), as the other has them; a view."""
        return image.transpose(self.high_axes)[_steps(self.high_reversed)]


def match_grids(low: Grid, high: Grid) -> GridMatch:
    """Find how two grids lie to each other.

    Parameters
    ----------
    low, high : Grid
        Grids of the same slices. Axes may be stored in another order or the other way round; where one of
        the files does not say how the patient was lying, they are taken to be stored alike.

    Returns
    -------
    GridMatch
        The ratio of the resolutions, and the rest.

    Raises
    ------
    BadInputError
        If they are turned against each other, their resolutions have no ratio of 1, 2, 3 or 4 along both
        axes of the slice, or fields of view or slices are not the same.
    """
    known = low.orientation_known and high.orientation_known
    of_high, backwards = _matching_axes(low, high) if known else ((0, 1, 2), (False, False, False))
    ratios = [low.spacing_mm[axis] / high.spacing_mm[of_high[axis]] for axis in range(3)]
    slice_axis, factor = _slices_and_factor(low, ratios)
    if factor is None:
        remedy = "Are the two swapped?" if min(ratios) < 1 - _SAME_RATIO else None
        raise BadInputError(
            "the resolutions of the two volumes do not make a pair",
            expected="the same slices, with 1, 2, 3 or 4 fine voxels for one along both axes in plane",
            found=f"low {_described(low)} and high {_described(high)}",
            remedy=remedy,
        )
    times = [1 if axis == slice_axis else factor for axis in range(3)]
    expected = [n * by for n, by in zip(low.shape, times, strict=True)]
    found = [high.shape[axis] for axis in of_high]
    if found != expected:
        raise BadInputError(
            "the two volumes do not show the same slices"
            if found[slice_axis] != expected[slice_axis]
            else "the two volumes do not have the same field of view",
            expected="x".join(map(str, expected)) + " fine voxels",
            found="x".join(map(str, found)),
        )
    rows, columns = (axis for axis in range(3) if axis != slice_axis)
    axes = slice_axis, rows, columns
    told = _told_shift(low, high, times, of_high, backwards, axes) if known else (0.0, 0.0)
    down, down_turned = _nearer_end(told[0], factor)
    across, across_turned = _nearer_end(told[1], factor)
    return GridMatch(
        factor,
        axes,
        (of_high[slice_axis], of_high[rows], of_high[columns]),
        (False, down_turned, across_turned),
        (backwards[slice_axis], backwards[rows] != down_turned, backwards[columns] != across_turned),
        (down, across),
    )


def _nearer_end(shift: float, factor: int) -> tuple[float, bool]:
    """The shift as counted from that end of an axis where it is smaller, and whether that is the other."""
    from_other_end = round(factor - 1 - shift, 3)
    return (from_other_end, True) if abs(from_other_end) < abs(shift) - _ROUNDING else (shift, False)


def _steps(backwards: tuple[bool, bool, bool]) -> tuple[slice, slice, slice]:
    z, y, x = (slice(None, None, -1 if one else None) for one in backwards)
    return z, y, x


def plane_of(grid: Grid, slice_axis: int) -> str:
    """How slices lie: axial, coronal or sagittal, whichever is nearest; empty where that is unknown."""
    if not grid.orientation_known:
        return ""
    return _PLANES[int(np.abs(grid.affine[:3, slice_axis]).argmax())]


def _directions(grid: Grid) -> NDArray[np.float64]:
    return np.asarray(grid.affine[:3, :3] / np.asarray(grid.spacing_mm))


def _matching_axes(low: Grid, high: Grid) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
    """For each axis of one grid that of the other along it, and whether it runs the other way."""
    cosines = _directions(low).T @ _directions(high)
    first, second, third = (int(axis) for axis in np.abs(cosines).argmax(axis=1))
    if {first, second, third} != {0, 1, 2}:
        raise _turned(float(np.abs(cosines).max(axis=1).min()))
    x, y, z = (bool(cosines[axis, other] < 0) for axis, other in enumerate((first, second, third)))
    return (first, second, third), (x, y, z)


def _slices_and_factor(low: Grid, ratios: list[float]) -> tuple[int, int | None]:
    """The axis along which the resolutions are the same, and their ratio along the others."""

    def is_close(ratio: float, factor: int) -> bool:
        return abs(ratio / factor - 1) <= _SAME_RATIO

    if all(is_close(ratio, 1) for ratio in ratios):
        return low.slice_axis, 1
    for factor in FACTORS[1:]:
        for axis in range(3):
            in_plane = [ratio for other, ratio in enumerate(ratios) if other != axis]
            if is_close(ratios[axis], 1) and all(is_close(ratio, factor) for ratio in in_plane):
                return axis, factor
    return low.slice_axis, None


def _told_shift(
    low: Grid,
    high: Grid,
    times: list[int],
    of_high: tuple[int, int, int],
    backwards: tuple[bool, bool, bool],
    axes: tuple[int, int, int],
) -> tuple[float, float]:
    """The displacement that the positions in the files tell, after a check that it is small and all."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in high.shape], indexing="ij")).reshape(3, -1).T
    on_low = np.linalg.solve(low.affine, np.c_[high.to_mm(corners), np.ones(len(corners))].T)[:3].T
    turned = corners[:, of_high]
    sizes = np.array([high.shape[axis] for axis in of_high])
    turned = np.where(backwards, sizes - 1 - turned, turned)
    # How far each fine voxel lies beyond the place it would have after zero-filling, in fine voxels.
    beyond = on_low * times - turned
    offset = beyond.mean(axis=0)
    slices, rows, columns = axes
    astray = np.abs(beyond - offset).max(axis=0)
    if max(astray[rows], astray[columns]) > _MOST_ASTRAY_VOXELS or astray[slices] > _MOST_ASTRAY_SLICES:
        cosines = np.abs(_directions(low).T @ _directions(high)).max(axis=1)
        raise _turned(float(cosines.min()))
    spacing = high.spacing_mm
    mm = offset * [spacing[axis] for axis in of_high]
    factor = times[rows]
    if (
        abs(offset[slices]) > _MOST_ASTRAY_SLICES
        or max(abs(offset[rows]), abs(offset[columns])) > factor + 0.01
    ):
        raise BadInputError(
            "the two volumes do not lie at the same place",
            expected="the same slices, within a tenth of their distance, and the same field of view",
            found=f"{mm[rows]:.3g} and {mm[columns]:.3g} mm apart in plane, {mm[slices]:.3g} mm across",
        )
    # What lies beyond in the patient is found at a lower index in the image. Positions are rounded in files.
    return -round(float(offset[rows]), 3) + 0.0, -round(float(offset[columns]), 3) + 0.0


def _turned(cosine: float) -> BadInputError:
    angle = np.degrees(np.arccos(min(cosine, 1.0)))
    return BadInputError(
        "the two volumes do not lie at the same angle or have slightly different voxels",
        expected="slices of one orientation",
        found=f"{angle:.2g} degrees between them",
    )


def _described(grid: Grid) -> str:
    voxels = "x".join(map(str, grid.shape))
    return f"{voxels} voxels of {'x'.join(f'{mm:.4g}' for mm in grid.spacing_mm)} mm"
