"""A digital body: the shares of its tissues on a fine lattice, to be imaged on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_dwi.scan.grid import Grid

_POINTS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class DigitalBody:
    """The shares of all tissues, everywhere in a part of the body.

    Worked out once from their formulas on a lattice and linear in between, so that they are
    continuous functions of the position. Outside of the lattice there is air.

    Parameters
    ----------
    names : tuple of str
        The tissues.
    tissues : ndarray, uint8, shape (n_tissues, x, y, z)
        Shares in 1/255, in the order of ``names``; what is missing to 255 is air.
    lesions : ndarray, uint8, shape (n_lesions, x, y, z)
        Share of the voxel that has become lesion, in 1/255, where lesions lie over the tissues they
        have grown in; none where lesions are tissues of their own.
    corner_mm : (float, float, float)
        Position of the first point of the lattice, RAS+ mm.
    spacing_mm : float
        Distance between points of the lattice.
    """

    names: tuple[str, ...]
    tissues: NDArray[np.uint8]
    lesions: NDArray[np.uint8]
    corner_mm: tuple[float, float, float]
    spacing_mm: float = 1.0

    def shares_on(
        self, grid: Grid, supersampling: int = 2
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Shares of tissues and lesions in every voxel of a grid, partial volumes included.

        Parameters
        ----------
        grid : Grid
            Any grid in RAS+ mm.
        supersampling : int
            Points for each voxel along each of its axes.

        Returns
        -------
        tissues : ndarray, float32, shape (n_tissues, x, y, z)
        lesions : ndarray, float32, shape (n_lesions, x, y, z)
        """
        both = np.empty((len(self.tissues) + len(self.lesions), *grid.shape), dtype=np.float32)
        for slices, points in self._points_in(grid, supersampling):
            for lattice, share in zip((*self.tissues, *self.lesions), both, strict=True):
                share[..., slices] = _averaged(lattice, points, supersampling) / np.float32(255)
        return both[: len(self.tissues)], both[len(self.tissues) :]

    def image_on(
        self, grid: Grid, brightness: Mapping[str, float], lesion_rise: float = 0.0, supersampling: int = 2
    ) -> NDArray[np.float32]:
        """An image of the body from the brightness of each tissue; lesions add to it.

        Parameters
        ----------
        grid : Grid
            Any grid in RAS+ mm.
        brightness : mapping of str to float
            One for each tissue; air is 0.
        lesion_rise : float
            What a lesion adds to the brightness of the tissue it has grown in.
        supersampling : int
            Points for each voxel along each of its axes.

        Returns
        -------
        ndarray, float32, shape (x, y, z)
        """
        lattice = np.zeros(self.tissues.shape[1:], dtype=np.float32)
        for tissue, share in zip(self.names, self.tissues, strict=True):
            lattice += np.float32(brightness[tissue] / 255) * share
        for share in self.lesions:
            lattice += np.float32(lesion_rise / 255) * share
        image = np.empty(grid.shape, dtype=np.float32)
        for slices, points in self._points_in(grid, supersampling):
            image[..., slices] = _averaged(lattice, points, supersampling)
        return image

    def _points_in(self, grid: Grid, supersampling: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Slabs of slices, and the points in their voxels as indices into the lattice."""
        nx, ny, nz = grid.shape
        at_once = max(1, _POINTS_AT_ONCE // (nx * ny * supersampling**3))
        x, y = (_within_voxels(0, n, supersampling)[:, None, None] for n in (nx, ny))
        for start in range(0, nz, at_once):
            stop = min(start + at_once, nz)
            z = _within_voxels(start, stop, supersampling)
            rows = [
                (row[0] * x + row[1] * y.reshape(1, -1, 1) + row[2] * z + (row[3] - corner)) / self.spacing_mm
                for row, corner in zip(grid.affine[:3], self.corner_mm, strict=True)
            ]
            yield slice(start, stop), np.stack(rows).astype(np.float32)


def _within_voxels(start: int, stop: int, supersampling: int) -> NDArray[np.float64]:
    """Indices of evenly spread points in the voxels ``start`` to ``stop`` along one axis."""
    return (np.arange(start * supersampling, stop * supersampling) + 0.5) / supersampling - 0.5


def _averaged(
    lattice: NDArray[np.generic], points: NDArray[np.float32], supersampling: int
) -> NDArray[np.float32]:
    from scipy.ndimage import map_coordinates

    sampled = map_coordinates(lattice, points, output=np.float32, order=1, mode="constant")
    n = supersampling
    x, y, z = (size // n for size in sampled.shape)
    return np.asarray(sampled.reshape(x, n, y, n, z, n).mean(axis=(1, 3, 5)))
