"""How good an estimator is: bias, scatter and error as functions of the true parameters.

Signals are simulated on a grid of true parameters with many repeats of the noise, and estimated piece by
piece; only the moments of the estimates are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import SignalModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.floating[Any]]

# Estimate the parameters (n_voxels, n_parameters), S0 last, of signals (n_voxels, n_b); NaN is no value.
Estimator = Callable[["NDArray[np.float32]"], "Array"]

_ROWS = 50_000


def _unheard(share: float) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, eq=False)
class ParameterGrid:
    """True parameters at all crossings of some values along each.

    Parameters
    ----------
    model : SignalModel
        The signal model.
    axes : tuple of ndarray, shape (n_i,)
        Rising values of each parameter in the order of ``model.parameters``, S0 last, in their units.

    Raises
    ------
    BadInputError
        If there is not one axis a parameter, or the values of one do not rise.
    """

    model: SignalModel
    axes: tuple[NDArray[np.float64], ...]

    def __post_init__(self) -> None:
        if len(self.axes) != len(self.model.parameters):
            raise BadInputError(
                "the grid does not suit the signal model",
                expected="an axis for each of " + ", ".join(self.model.names),
                found=f"{len(self.axes)} axes",
            )
        if not all(len(axis) and all(a < b for a, b in pairwise(axis)) for axis in self.axes):
            raise BadInputError("the values along an axis of the grid must rise")

    @classmethod
    def spread(
        cls, model: SignalModel, ranges: Sequence[tuple[float, float]], points: Sequence[int]
    ) -> ParameterGrid:
        """A grid of evenly spaced values; a single one lies in the middle of its range.

        Parameters
        ----------
        model : SignalModel
            The signal model.
        ranges : sequence of pairs
            Lowest and highest value of each parameter, both on the grid.
        points : sequence of int
            Number of values of each.
        """
        axes = tuple(
            np.linspace(low, high, n) if n > 1 else np.array([(low + high) / 2])
            for (low, high), n in zip(ranges, points, strict=True)
        )
        return cls(model, axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def truth(self) -> NDArray[np.float64]:
        """The parameters at every crossing, shape (*shape, n_parameters)."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)


@dataclass(frozen=True, eq=False)
class Marginal:
    """Quality as a function of one parameter, averaged over all values of the others.

    Parameters
    ----------
    true : ndarray, shape (n,)
        Its true value, in its unit.
    bias, sd, rmse : ndarray, shape (n,)
        Mean error, mean standard deviation under repeated noise, and root mean square error.
    """

    true: NDArray[np.float64]
    bias: NDArray[np.float64]
    sd: NDArray[np.float64]
    rmse: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EstimatorQuality:
    """Quality of an estimator at every crossing of a grid.

    Parameters
    ----------
    grid : ParameterGrid
        The true parameters.
    mean, sd : ndarray, shape (*grid.shape, n_parameters)
        Mean and standard deviation (n - 1) of the estimates under repeated noise.
    count : ndarray of int, shape grid.shape
        How many signals had an estimate.
    """

    grid: ParameterGrid
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    count: NDArray[np.intp]

    @property
    def bias(self) -> NDArray[np.float64]:
        """Mean error, (*grid.shape, n_parameters)."""
        return self.mean - self.grid.truth

    @property
    def rmse(self) -> NDArray[np.float64]:
        """Root mean square error, (*grid.shape, n_parameters)."""
        # The mean square about the mean has n, not n - 1, below.
        share = 1 - 1 / np.maximum(self.count, 1)
        return np.asarray(np.sqrt(self.bias**2 + share[..., None] * self.sd**2))

    def marginal(self, name: str) -> Marginal:
        """Quality of a parameter as a function of its own true value (Epstein et al. 2022, fig. 2)."""
        n = self.grid.model.names.index(name)
        others = tuple(axis for axis in range(len(self.grid.axes)) if axis != n)
        return Marginal(
            self.grid.axes[n],
            mean_of_known(self.bias[..., n], others),
            mean_of_known(self.sd[..., n], others),
            np.sqrt(mean_of_known(self.rmse[..., n] ** 2, others)),
        )

    def arrows(self, first: str, second: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where pairs of true parameters are seen on average: the compression of information.

        Parameters
        ----------
        first, second : str
            Names of two parameters.

        Returns
        -------
        tail, head : ndarray, shape (n_first, n_second, 2)
            True values, and mean estimates averaged over all values of the other parameters
            (Epstein et al. 2022, fig. 4).
        """
        names = self.grid.model.names
        pair = [names.index(first), names.index(second)]
        others = tuple(axis for axis in range(len(self.grid.axes)) if axis not in pair)
        ends = []
        for values in (self.grid.truth, self.mean):
            plane = mean_of_known(values[..., pair], others)
            ends.append(plane if pair[0] < pair[1] else plane.swapaxes(0, 1))
        return ends[0], ends[1]

    def gain(self, name: str) -> NDArray[np.float64]:
        """How much of a difference between true values is seen: the slope of the mean estimate.

        Parameters
        ----------
        name : str
            The parameter.

        Returns
        -------
        ndarray, shape (n - 1,)
            1 where differences are seen as they are, 0 where they are lost.
        """
        marginal = self.marginal(name)
        return np.asarray(1 + np.diff(marginal.bias) / np.diff(marginal.true))


def mean_of_known(values: NDArray[np.float64], axes: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """The mean over some axes, or all, of what is not NaN; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axes)
    total = np.where(known, values, 0.0).sum(axis=axes)
    return np.asarray(total / np.where(count > 0, count, np.nan))


def estimator_quality(
    estimate: Estimator,
    grid: ParameterGrid,
    b_values: ArrayLike,
    sigma: float,
    *,
    repeats: int = 500,
    seed: int = 0,
    on_share: Callable[[float], None] = _unheard,
) -> EstimatorQuality:
    """Measure an estimator on simulated signals with Rician noise.

    Parameters
    ----------
    estimate : callable
        ``estimate(signal)`` gives the parameters (n_voxels, n_parameters), S0 last, of signals
        (n_voxels, n_b); NaN where it has none.
    grid : ParameterGrid
        True parameters.
    b_values : array_like, shape (n_b,)
        b-values in s/mm2.
    sigma : float
        Noise level, in the unit of S0.
    repeats : int
        Noisy signals at every crossing of the grid; the same for every estimator with the same seed.
    seed : int
        Seed of the noise.
    on_share : callable
        Receives the share done, 0 to 1, several times.

    Returns
    -------
    EstimatorQuality
    """
    truth = grid.truth.reshape(-1, len(grid.axes))
    rng = np.random.default_rng(seed)
    mean = np.empty_like(truth)
    sd = np.empty_like(truth)
    count = np.empty(len(truth), dtype=np.intp)
    step = max(1, _ROWS // repeats)
    for first in range(0, len(truth), step):
        rows = slice(first, first + step)
        clean = np.repeat(grid.model.signal(b_values, truth[rows]), repeats, axis=0)
        found = estimate(add_rician_noise(clean, sigma, rng).astype(np.float32))
        estimates = np.asarray(found, dtype=np.float64).reshape(-1, repeats, truth.shape[1])
        mean[rows], sd[rows], count[rows] = _moments(estimates)
        on_share(min(1.0, (first + step) / len(truth)))
    shape = (*grid.shape, truth.shape[1])
    return EstimatorQuality(grid, mean.reshape(shape), sd.reshape(shape), count.reshape(grid.shape))


def _moments(
    estimates: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Mean, standard deviation and number of estimates (n_points, n_repeats, p) that have values."""
    known = np.asarray(np.isfinite(estimates).all(axis=-1))
    count = known.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(known[..., None], estimates, 0.0).sum(axis=1) / count[:, None]
        deviation = np.where(known[..., None], estimates - mean[:, None], 0.0)
        sd = np.sqrt((deviation**2).sum(axis=1) / (count[:, None] - 1))
    return mean, np.where(count[:, None] > 1, sd, np.nan), count
