"""Estimators compared on known truth: the grid they are tried on, and the numbers about each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.estimator_limits import lowest_sd
from napari_dwi.measure.estimator_quality import EstimatorQuality, ParameterGrid, mean_of_known
from napari_dwi.physics.signal_models import SignalModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RMSE_WARNING = (
    "never rank methods on RMSE alone: estimates that are always near the mean of the true values have a low"
    " one and say little; look at bias, SD and gain too"
)
# Epstein et al. (2022), section 3.3, and for what their model lacks tissue as it is found in the body.
_RANGES = {
    "ADC": (0.4e-3, 3e-3),
    "f": (0.1, 0.5),
    "D": (0.4e-3, 3e-3),
    "Dstar": (10e-3, 150e-3),
    "Dfast": (10e-3, 150e-3),
    "fmid": (0.05, 0.25),
    "Dmid": (4e-3, 12e-3),
    "K": (0.2, 1.5),
}
_MOST_POINTS = 10
_MOST_CROSSINGS = 1000


def tissue_grid(
    model: SignalModel,
    points: int | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> ParameterGrid:
    """Tissues to try estimators on: evenly spaced values of every parameter, S0 = 1.

    Parameters
    ----------
    model : SignalModel
        The signal model.
    points : int, optional
        Values along each parameter; by default 10, as in Epstein et al. (2022), fewer for models so
        large that there would be more than 1000 crossings.
    ranges : mapping of str to pair, optional
        Lowest and highest value of parameters by name, in the model's units; those of the paper for
        the others.

    Raises
    ------
    BadInputError
        If a range names no parameter of the model, or there is not one point.
    """
    names = [parameter.name for parameter in model.shape]
    if unknown := sorted(set(ranges or {}) - set(names)):
        raise BadInputError(
            f"{model.name} has no parameter {unknown[0]}", expected="one of " + ", ".join(names)
        )
    if points is None:
        points = min(_MOST_POINTS, int(_MOST_CROSSINGS ** (1 / len(names)) + 1e-9))
    if points < 1:
        raise BadInputError("a grid needs points", expected="at least 1", found=points)
    wanted = [*({**_RANGES, **(ranges or {})}[name] for name in names), (1.0, 1.0)]
    return ParameterGrid.spread(model, wanted, [*[points] * len(names), 1])


def marginal_limit(grid: ParameterGrid, b_values: ArrayLike, sigma: float, name: str) -> NDArray[np.float64]:
    """The lowest standard deviation of an unbiased estimate as a function of the true value.

    Parameters
    ----------
    grid : ParameterGrid
        True parameters.
    b_values : array_like, shape (n_b,)
        b-values in s/mm2.
    sigma : float
        Noise level, in the unit of S0; the noise is Rician.
    name : str
        The parameter.

    Returns
    -------
    ndarray, shape (n,)
        Cramer-Rao bound at every value along the parameter's axis, averaged over all values of the
        others, as `EstimatorQuality.marginal` averages standard deviations. NaN where the b-values
        never determine it.
    """
    n = grid.model.names.index(name)
    limit = lowest_sd(grid.model, b_values, grid.truth, sigma, noise="rician")[..., n]
    others = tuple(axis for axis in range(len(grid.axes)) if axis != n)
    return mean_of_known(limit, others)


@dataclass(frozen=True)
class EstimatorSummary:
    """One parameter of an estimator over a whole grid, in the parameter's unit.

    Parameters
    ----------
    parameter : str
        Its name.
    bias : float
        Mean error.
    absolute_bias : float
        Mean of the size of the error at every crossing, where positive and negative do not cancel.
    sd : float
        Mean standard deviation under repeated noise.
    rmse : float
        Root mean square error.
    limit : float
        Mean over the crossings of the lowest standard deviation of an unbiased estimate.
    gain : float
        Mean slope of the mean estimate by the true value: 1 where differences between tissues are
        seen as they are, 0 where they are lost. NaN for a single value.
    missing : float
        Share of signals without an estimate, 0 to 1.
    """

    parameter: str
    bias: float
    absolute_bias: float
    sd: float
    rmse: float
    limit: float
    gain: float
    missing: float


def summaries(
    quality: EstimatorQuality, b_values: ArrayLike, sigma: float, repeats: int
) -> tuple[EstimatorSummary, ...]:
    """What there is to say of an estimator, a row for each parameter of the model but S0.

    Parameters
    ----------
    quality : EstimatorQuality
        As measured.
    b_values, sigma, repeats
        What it was measured with.
    """
    grid = quality.grid
    rows = []
    for n, parameter in enumerate(grid.model.shape):
        marginal = quality.marginal(parameter.name)
        rows.append(
            EstimatorSummary(
                parameter.name,
                float(mean_of_known(quality.bias[..., n])),
                float(mean_of_known(np.abs(quality.bias[..., n]))),
                float(mean_of_known(quality.sd[..., n])),
                float(np.sqrt(mean_of_known(marginal.rmse**2))),
                float(mean_of_known(marginal_limit(grid, b_values, sigma, parameter.name))),
                float(mean_of_known(quality.gain(parameter.name))),
                1 - float(quality.count.mean()) / repeats,
            )
        )
    return tuple(rows)


def marginal_rows(
    qualities: Mapping[str, EstimatorQuality], b_values: ArrayLike, sigma: float
) -> Iterator[dict[str, str | float]]:
    """Bias, SD and RMSE as functions of each true value, and the limit of unbiased estimates.

    Yields
    ------
    dict
        One for every parameter, method and true value, in the parameter's unit (Epstein et al. 2022,
        figures 2, 3 and 10).
    """
    for title, quality in qualities.items():
        for parameter in quality.grid.model.shape:
            marginal = quality.marginal(parameter.name)
            limit = marginal_limit(quality.grid, b_values, sigma, parameter.name)
            columns = (marginal.true, marginal.bias, marginal.sd, marginal.rmse, limit)
            for true, bias, sd, rmse, lowest in zip(*columns, strict=True):
                yield {
                    "method": title,
                    "parameter": parameter.name,
                    "unit": parameter.unit,
                    "true": true,
                    "bias": bias,
                    "sd": sd,
                    "rmse": rmse,
                    "lowest_unbiased_sd": lowest,
                }


def crossing_rows(qualities: Mapping[str, EstimatorQuality]) -> Iterator[dict[str, str | float]]:
    """Mean and SD of the estimates at every crossing of the grid, nothing averaged away.

    Yields
    ------
    dict
        One for every method and crossing: true parameters, number of estimates, and mean, SD and
        RMSE of each parameter (Epstein et al. 2022, figures 11 and 12).
    """
    for title, quality in qualities.items():
        names = [parameter.name for parameter in quality.grid.model.shape]
        size = len(quality.grid.axes)
        flat = [
            values.reshape(-1, size)
            for values in (quality.grid.truth, quality.mean, quality.sd, quality.rmse)
        ]
        for true, mean, sd, rmse, count in zip(*flat, quality.count.ravel(), strict=True):
            row: dict[str, str | float] = {"method": title}
            row |= {f"true_{name}": true[n] for n, name in enumerate(names)}
            row["n"] = int(count)
            for n, name in enumerate(names):
                row |= {f"mean_{name}": mean[n], f"sd_{name}": sd[n], f"rmse_{name}": rmse[n]}
            yield row
