"""Linear prediction of every volume from patches of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_dwi.denoise._linear_prediction import ToPredict, predict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.progress import Progress

OwnNeighbours = Literal["none", "other slices", "all"]


@dataclass(frozen=True)
class LinearPatches:
    """How to predict.

    Parameters
    ----------
    radius : int
        Patches of other images reach so far to either side; 0 takes the voxel itself.
    own : str
        Which neighbours of a voxel in its own volume help to predict it: ``"none"``, those in
        ``"other slices"`` (whose noise is independent on scanners), or ``"all"`` 26. Never the voxel
        itself, and needs a radius of 1 or more.
    ridge : bool
        Whether to shrink the weights; otherwise ordinary least squares.
    """

    radius: int
    own: OwnNeighbours
    ridge: bool


def predict_linearly(wanted: ToPredict, how: LinearPatches, progress: Progress) -> NDArray[np.float32]:
    """Predict some images from all of them: float32, shape (n_targets, x, y, z)."""
    return predict(_Patches(wanted.images, how, progress), wanted, how.ridge, progress)


class _Patches:
    """Rows of all patch voxels of all images around given voxels."""

    def __init__(self, images: NDArray[np.float32], how: LinearPatches, progress: Progress) -> None:
        shape = images.shape[1:]
        # Along an axis of few voxels reflection would fetch the voxel itself as its own neighbour.
        radii = [min(how.radius, n - 1) for n in shape]
        wide = [n + 2 * r for n, r in zip(shape, radii, strict=True)]
        padded = np.empty((len(images), *wide), dtype=images.dtype)
        for one, image in zip(padded, images, strict=True):
            progress.check()
            one[...] = np.pad(image, [(r, r) for r in radii], mode="reflect")
        progress.check()
        self._flat = padded.reshape(len(images), -1)
        strides = np.array([padded.shape[2] * padded.shape[3], padded.shape[3], 1])
        self._steps = np.stack(
            np.meshgrid(*(np.arange(-r, r + 1) for r in radii), indexing="ij"), axis=-1
        ).reshape(-1, 3)
        self._offsets = (self._steps + radii) @ strides
        self._strides = strides
        self._shape = shape
        self._n_images, self._own = len(images), how.own
        self.n_columns = len(images) * len(self._offsets)

    def rows(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """One row for each voxel, given by flat index; images one after the other."""
        corner = np.stack(np.unravel_index(voxels, self._shape), axis=1) @ self._strides
        return self._flat[:, corner[:, None] + self._offsets].transpose(1, 0, 2).reshape(
            len(voxels), -1
        ).astype(np.float64)  # fmt: skip

    def value(self, image: int) -> int:
        """The column of the voxel itself in an image."""
        return image * len(self._offsets) + int(np.flatnonzero((self._steps == 0).all(axis=1))[0])

    def predictors(self, image: int) -> NDArray[np.intp]:
        """The columns that may predict an image."""
        columns = np.arange(self.n_columns).reshape(self._n_images, -1)
        allowed = np.ones(columns.shape, dtype=bool)
        near = (np.abs(self._steps) <= 1).all(axis=1) & (self._steps != 0).any(axis=1)
        if self._own == "other slices":
            near &= self._steps[:, 2] != 0
        # Farther neighbours than the next are reflected onto the voxel itself at the border.
        allowed[image] = near if self._own != "none" else False
        return columns[allowed]
