"""Maximum likelihood under Rician noise, for many voxels at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._coordinates import Coordinates
from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._levenberg_marquardt import Slope, minimise
from napari_dwi.fit._problem import Estimates, FitProblem
from napari_dwi.physics.rician_likelihood import bessel_terms, rician_information

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

# S0 is searched up to this many times its least-squares estimate.
_S0_RANGE = 2.0
_SMALL_GAIN = 1e-6
_SMALL_MOVE = 1e-5


def rician_likelihood(signal: NDArray[np.float32], problem: FitProblem, sigma: float) -> Estimates:
    """Fit voxels by the likelihood of Rician noise of a known level.

    The start is the least-squares fit. Steps follow Fisher's scoring: the curvature is the expected
    information, so that magnitudes in the noise floor do not count.

    Parameters
    ----------
    signal : ndarray, shape (n_voxels, n_b)
        Magnitudes in scanner units; negative values count as 0.
    problem : FitProblem
        Model, b-values, weights, bounds.
    sigma : float
        Noise level in scanner units.

    Returns
    -------
    Estimates
        Without standard deviations.

    References
    ----------
    Sijbers et al., Maximum-likelihood estimation of Rician distribution parameters. IEEE Trans Med
    Imaging 17 (1998) 357-361.
    """
    coordinates = Coordinates.of(problem)
    first = least_squares(signal, problem).values
    lowest, highest = problem.s0_bounds
    reach = np.where(first[:, -1] > 0, first[:, -1], signal.max(axis=1)) * _S0_RANGE
    reach = np.minimum(reach, highest) - lowest
    start = np.concatenate([coordinates.units(first[:, :-1].T), [(first[:, -1] - lowest) / reach]])
    data = np.maximum(signal.T.astype(np.float64), 0.0) / sigma
    lowest, reach = lowest / sigma, reach / sigma
    weights = problem.weights[:, None]
    b = problem.b[:, None]

    def evaluate(u: Array, voxels: NDArray[np.intp]) -> Slope:
        shape, scales = coordinates.values(u[:-1])
        decay, slopes = problem.model.curve(b, *shape)
        s0 = lowest + u[-1] * reach[voxels]
        signals = s0 * decay
        jacobian = [*(s0 * k * slope for slope, k in zip(slopes, scales, strict=True)), reach[voxels] * decay]
        return _likelihood(data[:, voxels], signals, jacobian, weights)

    no_floor = np.full(len(signal), -np.inf)
    found = minimise(evaluate, start, small_gain=_SMALL_GAIN, small_move=_SMALL_MOVE, floor=no_floor)
    shape, _ = coordinates.values(found.u[:-1])
    s0 = (lowest + found.u[-1] * reach) * sigma
    return Estimates(np.stack([*shape, s0], axis=-1), None, found.converged)


def _likelihood(data: Array, signals: Array, jacobian: list[Array], weights: Array) -> Slope:
    """Minus the log-likelihood, everything in units of sigma."""
    logarithm, ratio = bessel_terms(data * signals)
    cost = (weights * (0.5 * (signals - data) ** 2 - logarithm)).sum(axis=0)
    pull = weights * (data * ratio - signals)
    information = weights * rician_information(signals)
    size = len(jacobian)
    downhill = np.array([np.einsum("bn,bn->n", pull, column) for column in jacobian])
    curvature = np.empty((size, size, data.shape[1]))
    for i in range(size):
        counted = information * jacobian[i]
        for j in range(i + 1):
            curvature[i, j] = curvature[j, i] = np.einsum("bn,bn->n", counted, jacobian[j])
    return Slope(cost, downhill, curvature)
