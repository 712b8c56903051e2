"""Linear prediction of every volume from columns of values, all from one table of products.

The sums of products of all columns with each other hold the normal equations of every volume: for
each, the columns it must not see are left out. One pass over the scan makes the table, a second one
the predictions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_dwi.methods.progress import Progress

# Rows in one product: done within 0.1 s even for sixteen volumes.
_ROWS_AT_ONCE = 4096
_RIDGES = np.logspace(-8, 1, 28)
# Below this share of the largest, a direction of the predictors is rounding error.
_SMALLEST_DIRECTION = 1e-9
# With fewer voxels for each weight, a group of voxels is not predicted by itself.
_VOXELS_A_WEIGHT = 5


@dataclass(frozen=True, eq=False)
class ToPredict:
    """What a regression is to predict, and from what.

    Parameters
    ----------
    images : ndarray, shape (n_images, x, y, z)
        Volumes, then anatomy, of order one, without NaN; z is the slice axis.
    targets : ndarray of int
        Which of them to predict.
    groups : ndarray of int, shape (x, y, z)
        Voxels of one number are predicted by weights of their own, where there are enough of them.
        Number 0 is air.
    learnt_from : ndarray of bool, shape (x, y, z)
        Voxels to learn the weights from.
    """

    images: NDArray[np.float32]
    targets: NDArray[np.intp]
    groups: NDArray[np.intp]
    learnt_from: NDArray[np.bool_]


class Columns(Protocol):
    """What describes voxels: columns of values, of which each image may see some."""

    n_columns: int

    def rows(self, voxels: NDArray[np.intp]) -> NDArray[np.float64]:
        """All columns of voxels given by flat index, shape (n_voxels, n_columns)."""

    def value(self, image: int) -> int:
        """The column that holds an image itself."""

    def predictors(self, image: int) -> NDArray[np.intp]:
        """The columns that may predict an image."""


def predict(columns: Columns, wanted: ToPredict, ridge: bool, progress: Progress) -> NDArray[np.float32]:
    """Predict some images from the columns they may see.

    Parameters
    ----------
    columns : Columns
        Of all voxels.
    wanted : ToPredict
        What.
    ridge : bool
        Whether to shrink the weights as far as generalised cross-validation says (Golub, Heath and
        Wahba 1979); otherwise ordinary least squares.
    progress : Progress
        Where to report.

    Returns
    -------
    ndarray, float32, shape (n_targets, x, y, z)
        The predictions.
    """
    targets, groups = wanted.targets, wanted.groups
    voxels_of = _grouped(groups, wanted.learnt_from, columns.n_columns)
    predicted = np.empty((len(targets), groups.size), dtype=np.float32)
    for step, (everything, learnt) in enumerate(voxels_of):
        part = progress.part(step, len(voxels_of))
        table = _Products(columns, learnt, part.part(0, 2))
        weights = [table.weights(columns.predictors(target), columns.value(target), ridge)
                   for target in targets]  # fmt: skip
        matrix = np.stack([weight for weight, _ in weights], axis=1)
        offsets = np.array([offset for _, offset in weights])
        for rows in _chunks(everything, part.part(1, 2), "predicting"):
            predicted[:, rows] = (columns.rows(rows) @ matrix + offsets).T
    return predicted.reshape(len(targets), *groups.shape)


class _Products:
    """Means and covariances of all columns over some voxels."""

    def __init__(self, columns: Columns, voxels: NDArray[np.intp], progress: Progress) -> None:
        sums = np.zeros(columns.n_columns)
        products = np.zeros((columns.n_columns, columns.n_columns))
        for rows in _chunks(voxels, progress, "learning"):
            values = columns.rows(rows)
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
