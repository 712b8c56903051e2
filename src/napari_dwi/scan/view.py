"""How a scan is laid out on the screen, and back.

Display arrays have the axes (z, y, x) of the closest patient directions, so that rows run from
anterior (top) to posterior and the first slice is the most superior one. Radiological display has
the patient's left on the right of the screen; neurological display the other way round. Only
views are made: the stored order of the voxels never changes and comes back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from napari_dwi.scan.grid import Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

Convention = Literal["radiological", "neurological"]

_Scalar = TypeVar("_Scalar", bound=np.generic)

# Letters at the low and the high end of a canonical (RAS+) axis.
_ENDS = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True)
class View:
    """The map between a stored array (x, y, z) and its display array (z, y, x).

    Parameters
    ----------
    grid : Grid
        The grid of the stored array.
    convention : str
        ``"radiological"`` (default) or ``"neurological"``.
    """

    grid: Grid
    convention: Convention = "radiological"

    @property
    def voxel_axes(self) -> tuple[int, int, int]:
        """The stored axis behind each display axis (z, y, x)."""
        order, _ = self._canonical()
        return order[2], order[1], order[0]

    @property
    def reversed_axes(self) -> tuple[bool, bool, bool]:
        """Whether each display axis (z, y, x) runs against its stored axis."""
        _, rising = self._canonical()
        # Superior and anterior come first; x runs to the patient's left in radiological display.
        left_last = self.convention == "radiological"
        return rising[2], rising[1], rising[0] == left_last

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of the display array (z, y, x)."""
        z, y, x = (self.grid.shape[axis] for axis in self.voxel_axes)
        return z, y, x

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size along the display axes (z, y, x), mm."""
        z, y, x = (self.grid.spacing_mm[axis] for axis in self.voxel_axes)
        return z, y, x

    @property
    def letters(self) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
        """Patient directions at the first and the last index of each display axis (z, y, x).

        Question marks where the file does not say how the patient was lying.
        """
        if not self.grid.orientation_known:
            return ("?", "?"), ("?", "?"), ("?", "?")
        x = _ENDS[0][::-1] if self.convention == "radiological" else _ENDS[0]
        return _ENDS[2][::-1], _ENDS[1][::-1], x

    def on(self, grid: Grid) -> View:
        """The same view of an image on another grid, whose axes are those of this one."""
        return View(grid, self.convention)

    def offset_mm(self, grid: Grid) -> tuple[float, float, float]:
        """How far the first display voxel of an image on another grid lies from that of this view.

        In mm along the display axes (z, y, x), for a grid with the axes of this one, as `Grid.refined`
        makes it. A finer grid begins at the same stored voxel, which is the last on a reversed axis.
        """
        first = self.on(grid).voxel((0, 0, 0))
        stored = np.linalg.solve(self.grid.affine, np.append(grid.to_mm(first), 1.0))[:3]
        index = [
            self.grid.shape[axis] - 1 - stored[axis] if backwards else stored[axis]
            for axis, backwards in zip(self.voxel_axes, self.reversed_axes, strict=True)
        ]
        z, y, x = (float(i * mm) for i, mm in zip(index, self.spacing_mm, strict=True))
        return z, y, x

    def to_display(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """A view of a stored array (x, y, z) or (x, y, z, n) as (z, y, x) or (n, z, y, x)."""
        axes = self.voxel_axes if array.ndim == 3 else (3, *self.voxel_axes)
        return array.transpose(axes)[(..., *self._steps())]

    def from_display(self, array: NDArray[_Scalar]) -> NDArray[_Scalar]:
        """A view of a display array in stored order; the inverse of `to_display`."""
        axes = self.voxel_axes if array.ndim == 3 else (3, *self.voxel_axes)
        return array[(..., *self._steps())].transpose(np.argsort(axes))

    def voxel(self, display_index: tuple[int, int, int]) -> tuple[int, int, int]:
        """The stored index (x, y, z) shown at a display index (z, y, x)."""
        stored = [0, 0, 0]
        for axis, backwards, index in zip(self.voxel_axes, self.reversed_axes, display_index, strict=True):
            stored[axis] = self.grid.shape[axis] - 1 - index if backwards else index
        return stored[0], stored[1], stored[2]

    def _steps(self) -> tuple[slice, slice, slice]:
        z, y, x = (slice(None, None, -1 if backwards else None) for backwards in self.reversed_axes)
        return z, y, x

    def _canonical(self) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
        """Stored axis and its sense (rising towards R, A, S) for each patient axis x, y, z."""
        from nibabel.orientations import io_orientation

        orientation = io_orientation(self.grid.affine)
        stored = [int(np.flatnonzero(orientation[:, 0] == axis)[0]) for axis in range(3)]
        rising = [bool(orientation[axis, 1] > 0) for axis in stored]
        return (stored[0], stored[1], stored[2]), (rising[0], rising[1], rising[2])
