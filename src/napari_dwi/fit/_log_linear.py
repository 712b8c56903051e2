"""Straight lines through the logarithm of the signal, for many voxels at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_ITERATIONS = 5


def decay_lines(
    signal: Array, b: Array, weights: Array, *, iterations: int = _ITERATIONS
) -> tuple[Array, Array]:
    """The decay rate and the signal at b = 0 of ln S = ln A - b R.

    Noise of the signal grows when the logarithm of a small signal is taken, so that each point
    counts by its signal squared: measured for the first line, predicted by the line before for
    every further one (iteratively reweighted least squares).

    Parameters
    ----------
    signal : ndarray, shape (n_voxels, n_b)
        Signal; values that are not positive do not count.
    b : ndarray, shape (n_b,)
        b-values in s/mm2.
    weights : ndarray, shape (n_b,)
        Number of volumes averaged.
    iterations : int
        0 counts every point the same, 1 by its measured signal squared.

    Returns
    -------
    rate, amplitude : ndarray, shape (n_voxels,)
        In mm2/s, and in the unit of the signal; NaN where fewer than two b-values have signal.
    """
    positive = signal > 0
    logarithm = np.log(np.where(positive, signal, 1.0))
    counts = weights * positive
    line = _line(logarithm, b, counts)
    importance = np.where(positive, signal, 0.0) ** 2
    for _ in range(iterations):
        rate, intercept = line = _line(logarithm, b, counts * importance)
        # Relative to the largest, so that no square overflows.
        predicted = -b * rate[:, None]
        importance = np.exp(2 * (predicted - predicted.max(axis=1, keepdims=True)))
    rate, intercept = line
    return rate, np.exp(intercept)


def _line(logarithm: Array, b: Array, weights: Array) -> tuple[Array, Array]:
    """Minus the slope, and the intercept; NaN where the points do not make a line."""
    with np.errstate(invalid="ignore", divide="ignore"):
        total = weights.sum(axis=1)
        mean_b = (weights * b).sum(axis=1) / total
        mean = (weights * logarithm).sum(axis=1) / total
        offset = b - mean_b[:, None]
        spread = (weights * offset**2).sum(axis=1)
        slope = (weights * offset * logarithm).sum(axis=1) / np.where(spread > 1e-9 * total, spread, np.nan)
    return -slope, mean - slope * mean_b
