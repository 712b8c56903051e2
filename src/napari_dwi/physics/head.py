"""A digital head, to be imaged on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.head_anatomy import Anatomy
from napari_dwi.physics.head_shapes import Position
from napari_dwi.physics.head_tissues import LESIONS, TISSUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from napari_dwi.scan.grid import Grid

# The box that holds the head, in mm: right and left, back and front. Below, the neck goes on.
_HALF_WIDTH_MM = 90
_BACK_MM, _FRONT_MM = -128, 112
_LOWEST_MM, _HIGHEST_MM = -75, 100

# Slices worked out at once, and those on both sides that are thrown away: the anatomy takes the
# differences between neighbours twice, which go wrong at the ends.
_SLAB, _MARGIN = 16, 2

_POINTS_AT_ONCE = 2_000_000


@dataclass(frozen=True, eq=False)
class DigitalHead:
    """The shares of all tissues, everywhere in the head.

    Worked out once from their formulas on a lattice of 1 mm and linear in between, so that they are
    continuous functions of the position. Outside of the head, and above and below the part that was
    asked for, there is air.

    Parameters
    ----------
    tissues : ndarray, uint8, shape (n_tissues, x, y, z)
        Shares in 1/255, in the order of `TISSUES`; what is missing to 255 is air.
    lesions : ndarray, uint8, shape (n_lesions, x, y, z)
        Share of the voxel that is brain inside a lesion, in 1/255, in the order of `LESIONS`.
    corner_mm : (float, float, float)
        Position of the first point of the lattice, RAS+ mm.
    """

    tissues: NDArray[np.uint8]
    lesions: NDArray[np.uint8]
    corner_mm: tuple[float, float, float]

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
        both = np.empty((len(TISSUES) + len(LESIONS), *grid.shape), dtype=np.float32)
        for slices, points in self._points_in(grid, supersampling):
            for lattice, share in zip((*self.tissues, *self.lesions), both, strict=True):
                share[..., slices] = _averaged(lattice, points, supersampling) / np.float32(255)
        return both[: len(TISSUES)], both[len(TISSUES) :]

    def image_on(
        self, grid: Grid, brightness: Mapping[str, float], lesion_rise: float = 0.0, supersampling: int = 2
    ) -> NDArray[np.float32]:
        """An image of the head from the brightness of each tissue; lesions add to it.

        Parameters
        ----------
        grid : Grid
            Any grid in RAS+ mm.
        brightness : mapping of str to float
            One for each of `TISSUES`; air is 0.
        lesion_rise : float
            What a lesion adds to the brightness of the tissue it has grown in.
        supersampling : int
            Points for each voxel along each of its axes.

        Returns
        -------
        ndarray, float32, shape (x, y, z)
        """
        lattice = np.zeros(self.tissues.shape[1:], dtype=np.float32)
        for tissue, share in zip(TISSUES, self.tissues, strict=True):
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
                row[0] * x + row[1] * y.reshape(1, -1, 1) + row[2] * z + (row[3] - corner)
                for row, corner in zip(grid.affine[:3], self.corner_mm, strict=True)
            ]
            yield slice(start, stop), np.stack(rows).astype(np.float32)


@lru_cache(maxsize=1)
def digital_head(seed: int = 0, lowest_mm: int = _LOWEST_MM, highest_mm: int = _HIGHEST_MM) -> DigitalHead:
    """The head that belongs to a seed.

    Parameters
    ----------
    seed : int
        Anatomy seed; another one folds the cortex differently.
    lowest_mm, highest_mm : int
        The part that is needed, in mm above the anterior commissure.
    """
    lowest, highest = max(lowest_mm, _LOWEST_MM), min(highest_mm, _HIGHEST_MM)
    anatomy = Anatomy.from_seed(seed)
    x = np.arange(-_HALF_WIDTH_MM, _HALF_WIDTH_MM + 1, dtype=np.float32).reshape(-1, 1, 1)
    y = np.arange(_BACK_MM, _FRONT_MM + 1, dtype=np.float32).reshape(1, -1, 1)
    z = np.arange(lowest, highest + 1, dtype=np.float32).reshape(1, 1, -1)
    shape = (x.size, y.size, z.size)
    tissues = np.empty((len(TISSUES), *shape), dtype=np.uint8)
    lesions = np.empty((len(LESIONS), *shape), dtype=np.uint8)
    for start in range(0, z.size, _SLAB):
        stop = min(start + _SLAB, z.size)
        slab = np.arange(lowest + start - _MARGIN, lowest + stop + _MARGIN, dtype=np.float32)
        shares = anatomy.tissue_at(Position(x, y, slab.reshape(1, 1, -1)))
        for stored, share in zip((tissues, lesions), shares, strict=True):
            stored[..., start:stop] = np.rint(share[..., _MARGIN:-_MARGIN] * 255)
    tissues.setflags(write=False)
    lesions.setflags(write=False)
    return DigitalHead(tissues, lesions, (-_HALF_WIDTH_MM, _BACK_MM, lowest))


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
