"""The noise level of a fit, where the user typed none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._problem import FitProblem, Voxels
from napari_dwi.measure.noise_level import noise_level
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import DwiSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As many voxels settle the median of the residuals to 1 %.
_VOXELS = 20_000
_ROWS = 2048
_LEAST_SHARE = 1e-6


def estimated_noise(
    series: DwiSeries, voxels: Voxels, problem: FitProblem, progress: Progress
) -> tuple[float, str]:
    """The noise level of single volumes, and how it was found.

    Parameters
    ----------
    series : DwiSeries
        The whole series; its air is looked at first.
    voxels, problem
        What is fitted; the residual of a least-squares fit is the second choice.
    progress : Progress
        Where to learn of a stop.

    Returns
    -------
    float, str
        Sigma in scanner units, and a sentence for the user.
    """
    # A series without any noise, as simulations have, still needs a level to divide by.
    lowest = _LEAST_SHARE * float(np.median(voxels.signal))
    try:
        sigma = noise_level(series)
    except BadInputError:
        from napari_dwi.fit._least_squares import least_squares

        step = max(1, len(voxels.signal) // _VOXELS)
        some = voxels.signal[::step]
        values = []
        for first in range(0, len(some), _ROWS):
            progress.check()
            values.append(least_squares(some[first : first + _ROWS], problem).values)
        sigma = residual_sigma(some, np.concatenate(values), problem)
        if np.isnan(sigma):
            raise BadInputError(
                "the noise level cannot be estimated: no air, and as many parameters as b-values",
                remedy="Type the noise level (noise_sigma).",
            ) from None
        sigma = max(sigma, lowest)
        return sigma, f"noise level {sigma:.4g} estimated from the residual of a least-squares fit"
    return sigma, f"noise level {sigma:.4g} estimated from the air"


def residual_sigma(
    signal: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]], problem: FitProblem
) -> float:
    """The noise level that explains the residuals of a fit, one for all voxels.

    The median over voxels of the sum of squares, over the median of the chi-squared distribution
    with as many degrees of freedom: voxels that moved or do not follow the model do not count.

    Parameters
    ----------
    signal : ndarray, shape (n_voxels, n_b)
        Signal in scanner units.
    values : ndarray, shape (n_voxels, n_parameters)
        Parameters; NaN where not fitted.
    problem : FitProblem
        Model, b-values and weights.

    Returns
    -------
    float
        Sigma of single volumes in scanner units; NaN if there are no degrees of freedom.
    """
    freedom = len(problem.b) - len(problem.model.parameters)
    fitted = np.isfinite(values).all(axis=1)
    if freedom < 1 or not fitted.any():
        return float("nan")
    some = np.flatnonzero(fitted)
    some = some[:: max(1, len(some) // _VOXELS)]
    residual = signal[some] - problem.model.signal(problem.b, values[some])
    median = float(np.median((problem.weights * residual**2).sum(axis=1)))
    # Wilson and Hilferty's median of chi-squared.
    return float(np.sqrt(median / (freedom * (1 - 2 / (9 * freedom)) ** 3)))
