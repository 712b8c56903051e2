"""The noise level of a fit, where the user typed none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._parameters import AUTOMATIC
from napari_dwi.fit._problem import FitProblem, Voxels
from napari_dwi.measure.noise_level import noise_level
from napari_dwi.measure.rician_sigma import BACKGROUND, REPEATS, RESIDUAL, SOURCES
from napari_dwi.methods.progress import Progress
from napari_dwi.scan import DwiSeries
from napari_dwi.scan.averaging import repeated_volumes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORDS = {
    BACKGROUND: "the air around the patient",
    REPEATS: "differences between repeats",
    RESIDUAL: "the residual of a least-squares fit",
}

# As many voxels settle the median of the residuals to 1 %.
_VOXELS = 20_000
_ROWS = 2048
_LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class NoiseLevel:
    """A noise level and where it is known from.

    Parameters
    ----------
    sigma : float
        Of single volumes, in scanner units; NaN if it is not known.
    origin : str
        In words, as in "noise level from ...".
    """

    sigma: float
    origin: str


def estimated_noise(
    series: DwiSeries, voxels: Voxels, problem: FitProblem, progress: Progress, source: str = AUTOMATIC
) -> NoiseLevel:
    """The noise level of single volumes, and how it was found.

    Parameters
    ----------
    series : DwiSeries
        The whole series, which has the air and the repeats.
    voxels, problem
        What is fitted.
    progress : Progress
        Where to learn of a stop.
    source : str
        ``"background"``, ``"repeats"`` or ``"residual"``; ``"automatic"`` takes the first of these that
        is possible.

    Raises
    ------
    BadInputError
        If it cannot be found that way, or in no way.
    """
    # A series without any noise, as simulations have, still needs a level to divide by.
    lowest = _LEAST_SHARE * float(np.median(voxels.signal))
    if source == BACKGROUND:
        return NoiseLevel(noise_level(series, check=progress.check), _WORDS[BACKGROUND])
    if source == REPEATS:
        return NoiseLevel(max(repeats_sigma(series, voxels.inside), lowest), _WORDS[REPEATS])
    if source == RESIDUAL:
        return NoiseLevel(max(_fitted_sigma(voxels, problem, progress), lowest), _WORDS[RESIDUAL])
    for one in SOURCES:
        try:
            return estimated_noise(series, voxels, problem, progress, one)
        except BadInputError:
            continue
    raise BadInputError(
        "the noise level cannot be estimated: no air, no repeats, and as many parameters as b-values",
        remedy="Type the noise level (noise_sigma).",
    )


def repeats_sigma(series: DwiSeries, inside: NDArray[np.bool_]) -> float:
    """The noise level from the differences between repeated volumes.

    The lowest b-value that was repeated along one direction is taken: there the signal is strongest, so
    that Rician noise is as good as Gaussian. Of the variances of the voxels the median counts, so that
    vessels and organs that moved do not.

    Parameters
    ----------
    series : DwiSeries
        The whole series.
    inside : ndarray of bool, shape (x, y, z)
        Where to look.

    Returns
    -------
    float
        Sigma of single volumes in scanner units.

    Raises
    ------
    BadInputError
        If no volume was repeated.
    """
    groups = repeated_volumes(series)
    if not groups:
        raise BadInputError(
            "the noise level cannot be estimated: no volume was repeated",
            remedy="Estimate it from the background or the residual, or type it.",
        )
    repeated = groups[0]
    signal = np.stack([series.signal[..., volume][inside] for volume in repeated], axis=-1)
    known = signal[np.isfinite(signal).all(axis=1)].astype(np.float64)
    variances = known[:: max(1, len(known) // _VOXELS)].var(axis=1, ddof=1)
    freedom = len(repeated) - 1
    return float(np.sqrt(np.median(variances) * freedom / _median_of_chi_squared(freedom)))


def _fitted_sigma(voxels: Voxels, problem: FitProblem, progress: Progress) -> float:
    """The noise level from the residual of a least-squares fit of some of the voxels."""
    from napari_dwi.fit._least_squares import least_squares

    some = voxels.signal[:: max(1, len(voxels.signal) // _VOXELS)]
    values = []
    for first in range(0, len(some), _ROWS):
        progress.check()
        values.append(least_squares(some[first : first + _ROWS], problem).values)
    sigma = residual_sigma(some, np.concatenate(values), problem)
    if np.isnan(sigma):
        raise BadInputError(
            "the noise level cannot be estimated: as many parameters as b-values leave no residual",
            remedy="Type the noise level (noise_sigma).",
        )
    return sigma


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
    return float(np.sqrt(median / _median_of_chi_squared(freedom)))


def _median_of_chi_squared(freedom: int) -> float:
    """By the approximation of Wilson and Hilferty."""
    return float(freedom * (1 - 2 / (9 * freedom)) ** 3)
