"""Combining several predictions of a noisy image by what they leave of voxels they have not seen.

A prediction that has not seen a voxel's own noise differs from the noisy voxel by its error and that
noise, and the noise is the same for all predictions. So the combination closest to the noisy voxels
is the one closest to the truth.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# How far weights are expected to be from the expected ones.
_WEIGHT_SD = 0.1
_LEAST_WEIGHT = 0.15


def weights_of_mixture(
    products: NDArray[np.floating], n_voxels: int, expected: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Weights, not negative and 1 in all, with which predictions come closest to noisy values.

    Which weights are best is itself uncertain where the noise is strong. So this is a regression with
    a prior: the weights that are expected, each give or take 0.1. Where voxels tell predictions apart
    it does not matter; where they cannot, the weights stay what was expected. A prediction has a share
    that counts, or none: what small shares would gain is less than what the weights are wrong by where
    tissues differ.

    Parameters
    ----------
    products : ndarray, shape (n_predictions, n_predictions)
        Mean over voxels of the products of differences to the noisy values. Each prediction is
        independent of the noise of the voxel.
    n_voxels : int
        Over how many.
    expected : ndarray, shape (n_predictions,)
        The weights that are expected.

    Returns
    -------
    ndarray, shape (n_predictions,)
        0, or 0.15 and more. Exact, as every set of predictions that may have weight is tried.
    """
    mean = np.asarray(products, dtype=np.float64)
    noise = max(float(mean.diagonal().min()), 0.0)
    strength = noise / (n_voxels * _WEIGHT_SD**2)
    matrix = mean + strength * np.eye(len(mean))
    best: NDArray[np.float64] = np.asarray(expected, dtype=np.float64)
    least = np.inf
    for chosen in _subsets(len(mean)):
        index = list(chosen)
        # The last row and column make the sum 1 (Lagrange). Equal predictions make the rest
        # singular: least squares then.
        system = np.ones((len(index) + 1, len(index) + 1))
        system[-1, -1] = 0.0
        scale = float(matrix[index, index].mean()) or 1.0
        system[:-1, :-1] = matrix[np.ix_(index, index)] / scale
        values = np.append(strength * np.asarray(expected)[index] / scale, 1.0)
        weights = np.zeros(len(mean))
        weights[index] = np.linalg.lstsq(system, values, rcond=1e-12)[0][:-1]
        if (weights[index] < _LEAST_WEIGHT).any():
            continue
        loss = float(weights @ matrix @ weights - 2 * strength * weights @ expected)
        if loss < least:
            best, least = weights, loss
    return best


def gains(parts: NDArray[np.floating], left: NDArray[np.floating]) -> NDArray[np.float64]:
    """Factors, not negative, with which parts (n_parts, n_voxels) add up to most of what is left."""
    rows = np.asarray(parts, dtype=np.float64)
    products, with_left = rows @ rows.T, rows @ np.asarray(left, dtype=np.float64)
    best, explained = np.zeros(len(rows)), 0.0
    for chosen in _subsets(len(rows)):
        index = list(chosen)
        factors = np.linalg.lstsq(products[np.ix_(index, index)], with_left[index], rcond=1e-10)[0]
        gain = float(factors @ with_left[index])
        if (factors >= 0).all() and gain > explained:
            best, explained = np.zeros(len(rows)), gain
            best[index] = factors
    return best


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [chosen for size in range(1, n + 1) for chosen in itertools.combinations(range(n), size)]
