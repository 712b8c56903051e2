"""Linear prediction of every volume from patches of the others, all from one table of products.

The sums of products of all patch voxels with each other hold the normal equations of every volume:
for each, the rows of its own patch are left out. One pass over the scan makes the table, a second
one the predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_dwi.methods.progress import Progress

OwnNeighbours = Literal["none", "other slices", "all"]

# Rows in one product: done within 0.1 s even for sixteen volumes.
_ROWS_AT_ONCE = 4096
_RIDGES = np.logspace(-8, 1, 28)
# Below this share of the largest, a direction of the predictors is rounding error.
_SMALLEST_DIRECTION = 1e-9
# With fewer voxels for each weight, a group of voxels is not predicted by itself.
_VOXELS_A_WEIGHT = 5


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
        Whether to shrink the weights as far as generalised cross-validation says (Golub, Heath and
        Wahba 1979); otherwise ordinary least squares.
    """

    radius: int
    own: OwnNeighbours
    ridge: bool


def predict_linearly(
    images: NDArray[np.float32],
    targets: NDArray[np.intp],
    groups: NDArray[np.intp],
    learnt_from: NDArray[np.bool_],
    how: LinearPatches,
    progress: Progress,
) -> NDArray[np.float32]:
    """Predict some images from all of them.

    Parameters
    ----------
    images : ndarray, shape (n_images, x, y, z)
        Volumes and anatomy of order one, without NaN; z is the slice axis.
    targets : ndarray of int
        Which of them to predict.
    groups : ndarray of int, shape (x, y, z)
        Voxels of one number are predicted by weights of their own, where there are enough of them.
    learnt_from : ndarray of bool, shape (x, y, z)
        Voxels to learn the weights from.
    how : LinearPatches
        Settings.
    progress : Progress
        Where to report.

    Returns
    -------
    ndarray, float32, shape (n_targets, x, y, z)
        The predictions.
    """
    patches = _Patches(images, how.radius, progress)
    voxels_of = _grouped(groups, learnt_from, patches.n_columns)
    predicted = np.empty((len(targets), groups.size), dtype=np.float32)
    for step, (everything, learnt) in enumerate(voxels_of):
        part = progress.part(step, len(voxels_of))
        table = _Products(patches, learnt, part.part(0, 2))
        weights = [table.weights(patches.predictors(target, how.own), patches.centre(target), how.ridge)
                   for target in targets]  # fmt: skip
        matrix = np.stack([weight for weight, _ in weights], axis=1)
        offsets = np.array([offset for _, offset in weights])
        for rows in _chunks(everything, part.part(1, 2), "predicting"):
            predicted[:, rows] = (patches.rows(rows) @ matrix + offsets).T
    return predicted.reshape(len(targets), *groups.shape)


class _Patches:
    """Rows of all patch voxels of all images around given voxels."""

    def __init__(self, images: NDArray[np.float32], radius: int, progress: Progress) -> None:
        shape = images.shape[1:]
        # Along an axis of few voxels reflection would fetch the voxel itself as its own neighbour.
        radii = [min(radius, n - 1) for n in shape]
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
        self._n_images = len(images)
        self.n_columns = len(images) * len(self._offsets)

    def rows(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """One row for each voxel, given by flat index; images one after the other."""
        corner = np.stack(np.unravel_index(voxels, self._shape), axis=1) @ self._strides
        return self._flat[:, corner[:, None] + self._offsets].transpose(1, 0, 2).reshape(
            len(voxels), -1
        ).astype(np.float64)  # fmt: skip

    def centre(self, image: int) -> int:
        """The column of the voxel itself in an image."""
        return image * len(self._offsets) + int(np.flatnonzero((self._steps == 0).all(axis=1))[0])

    def predictors(self, image: int, own: OwnNeighbours) -> NDArray[np.intp]:
        """The columns that may predict an image."""
        columns = np.arange(self.n_columns).reshape(self._n_images, -1)
        allowed = np.ones(columns.shape, dtype=bool)
        near = (np.abs(self._steps) <= 1).all(axis=1) & (self._steps != 0).any(axis=1)
        if own == "other slices":
            near &= self._steps[:, 2] != 0
        # Farther neighbours than the next are reflected onto the voxel itself at the border.
        allowed[image] = near if own != "none" else False
        return columns[allowed]


class _Products:
    """Means and covariances of all patch voxels over some voxels."""

    def __init__(self, patches: _Patches, voxels: NDArray[np.intp], progress: Progress) -> None:
        sums = np.zeros(patches.n_columns)
        products = np.zeros((patches.n_columns, patches.n_columns))
        for rows in _chunks(voxels, progress, "learning"):
            values = patches.rows(rows)
            sums += values.sum(axis=0)
            products += values.T @ values
        self._n = len(voxels)
        self._mean = sums / self._n
        self._covariance = products / self._n - np.outer(self._mean, self._mean)

    def weights(
        self, columns: NDArray[np.intp], target: int, ridge: bool
    ) -> tuple[NDArray[np.float64], float]:
        """Weights of all columns (0 for those not allowed) and offset that predict the target."""
        sd = np.sqrt(np.maximum(np.diag(self._covariance), 0))
        # What does not vary predicts nothing.
        columns = columns[sd[columns] > 1e-6 * sd.max(initial=0)]
        weights = np.zeros(len(self._mean))
        if columns.size and sd[target] > 0:
            scale = sd[columns]
            correlation = self._covariance[np.ix_(columns, columns)] / np.outer(scale, scale)
            with_target = self._covariance[columns, target] / (scale * sd[target])
            weights[columns] = _solved(correlation, with_target, self._n, ridge) * sd[target] / scale
        return weights, float(self._mean[target] - weights @ self._mean)


def _solved(
    correlation: NDArray[np.float64], with_target: NDArray[np.float64], n: int, ridge: bool
) -> NDArray[np.float64]:
    strength, directions = np.linalg.eigh(correlation)
    kept = strength > _SMALLEST_DIRECTION * strength[-1]
    strength, directions = strength[kept], directions[:, kept]
    projected = directions.T @ with_target
    if not ridge:
        return np.asarray(directions @ (projected / strength))
    shrunk = strength / (strength + _RIDGES[:, None])
    unexplained = 1 - (projected**2 / strength * (2 * shrunk - shrunk**2)).sum(axis=1)
    left = np.maximum(1 - (1 + shrunk.sum(axis=1)) / n, 1e-3)
    best = int(np.argmin(np.maximum(unexplained, 0) / left**2))
    return np.asarray(directions @ (projected * shrunk[best] / strength))


def _grouped(
    groups: NDArray[np.intp], learnt_from: NDArray[np.bool_], n_columns: int
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """For each group its voxels and those to learn from; all in one where a group is too small."""
    if not learnt_from.any():
        learnt_from = np.ones_like(learnt_from)
    found = []
    for number in np.unique(groups):
        inside = groups == number
        found.append((np.flatnonzero(inside), np.flatnonzero(inside & learnt_from)))
    if any(len(learnt) < _VOXELS_A_WEIGHT * n_columns for _, learnt in found):
        return [(np.arange(groups.size), np.flatnonzero(learnt_from))]
    return found


def _chunks(voxels: NDArray[np.intp], progress: Progress, phrase: str) -> Iterator[NDArray[np.intp]]:
    for start in range(0, len(voxels), _ROWS_AT_ONCE):
        progress.report(start / len(voxels), phrase)
        yield voxels[start : start + _ROWS_AT_ONCE]
    progress.report(1.0, phrase)
