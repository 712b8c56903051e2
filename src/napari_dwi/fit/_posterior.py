"""The posterior mean and standard deviation of a signal model's parameters, from a table of decays.

Decays are tabulated for parameters spread evenly over the prior. Each counts by how well it explains a
voxel: with Gaussian noise of known sigma and any S0 equally likely, the integral over S0 of the likelihood
of a decay g is exp[(y.g)^2 / (2 sigma^2 g.g)] / sqrt(g.g), up to a factor that all decays share. The noise
floor of magnitudes enters through the decays: each voxel is compared with expected magnitudes at its SNR.

Voxels whose noise is smaller than the steps of the table would be taken for the nearest decay in it. There
the likelihood is narrow, and the posterior is that of least squares, with the prior where it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_dwi.fit._least_squares import least_squares
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.measure.estimator_limits import lowest_sd
from napari_dwi.physics.rician import rician_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

# Expected magnitudes are tabulated at these SNRs of S0; above the last the noise floor does not show.
_SNRS = (4.0, 6.0, 8.0, 10.0, 13.0, 17.0, 22.0, 30.0, 40.0, 60.0)
_NO_FLOOR = 90.0
# Voxels in one matrix product: their weights stay in the processor's cache.
_BLOCK = 64
_PROBES = 256
# From this share of the noise on, the steps between the decays of the table show.
_COARSE = 0.5
_AXIS_POINTS = 4001
# Rates that may differ by more than this factor are spaced by their logarithm.
_WIDE_RANGE = 10.0


class Prior(Protocol):
    """What is known of a parameter before it is measured."""

    def density(self, value: Array) -> Array:
        """Probability density, up to a factor."""


@dataclass(frozen=True)
class Normal:
    """A normal distribution."""

    mean: float
    sd: float

    def density(self, value: Array) -> Array:
        """As `Prior.density`."""
        return np.asarray(np.exp(-0.5 * ((value - self.mean) / self.sd) ** 2))


@dataclass(frozen=True)
class LogNormal:
    """A normal distribution of the logarithm: the median, and the factor that is one SD."""

    median: float
    factor: float

    def density(self, value: Array) -> Array:
        """As `Prior.density`."""
        deviation = np.log(np.maximum(value, 1e-12) / self.median) / log(self.factor)
        return np.asarray(np.exp(-0.5 * deviation**2) / np.maximum(value, 1e-12))


@dataclass(frozen=True)
class Uniform:
    """Every value between the bounds is as likely."""

    def density(self, value: Array) -> Array:
        """As `Prior.density`."""
        return np.ones_like(value)


@dataclass(frozen=True, eq=False)
class _Table:
    """Decays at one SNR: unit vectors (n_b, n_atoms), their lengths, and how finely they lie."""

    directions: NDArray[np.float32]
    lengths: NDArray[np.float32]
    resolution: float


def _unchecked() -> None:
    """Nobody waits."""


def posterior_mean(
    problem: FitProblem, known: Mapping[str, Prior], atoms: int, check: Callable[[], None] = _unchecked
) -> FitChunk:
    """The function that gives posterior means and standard deviations of a chunk of voxels.

    Parameters
    ----------
    problem : FitProblem
        Model, b-values, weights, bounds, and the noise level.
    known : mapping of str to Prior
        Priors by name of the parameter; others are spread evenly between their bounds, rates that
        span more than a decade on a logarithmic scale.
    atoms : int
        Number of decays.
    check : callable, optional
        Called before every table that is made; raises to stop.

    Returns
    -------
    callable
        As `napari_dwi.fit._problem.FitChunk`.
    """
    if problem.sigma is None:
        raise ValueError("the posterior needs the noise level")
    sigma = problem.sigma
    shape = prior_draws(problem, known, atoms)
    decays, _ = problem.model.curve(problem.b[:, None], *shape)
    centre = shape.mean(axis=1)
    moments = _moments(shape - centre[:, None])
    root = np.sqrt(problem.weights)
    tables: dict[float, _Table] = {}

    def fit(signal: NDArray[np.float32]) -> Estimates:
        data = signal * root.astype(np.float32)
        snr = signal.max(axis=1) / sigma
        levels = _nearest_snr(snr)
        values = np.empty((len(signal), len(problem.model.parameters)))
        sd = np.empty_like(values)
        for level in np.unique(levels):
            if level not in tables:
                check()
                tables[level] = _table(decays, root, float(level))
            members = levels == level
            too_fine = members & (snr * tables[level].resolution > _COARSE)
            if too_fine.any():
                values[too_fine], sd[too_fine] = _narrow(signal[too_fine], problem, shape)
                values[too_fine, :-1] -= centre
            members = np.flatnonzero(members & ~too_fine)
            for first in range(0, len(members), _BLOCK):
                some = members[first : first + _BLOCK]
                values[some], sd[some] = _block(data[some], tables[level], moments, sigma)
        values[:, :-1] += centre
        return Estimates(values, sd)

    return fit


def prior_draws(problem: FitProblem, known: Mapping[str, Prior], count: int) -> NDArray[np.float64]:
    """Shape parameters (n_shape, count) spread evenly over their priors between the bounds.

    The points are those of an additive recurrence (Roberts 2018), which fills space more evenly than
    random numbers and needs no seed.
    """
    size = len(problem.model.shape)
    ratio = 2.0
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (size + 1))
    steps = ratio ** -np.arange(1.0, size + 1)
    uniform = (0.5 + np.outer(steps, np.arange(1, count + 1))) % 1.0
    drawn = []
    for parameter, (low, high), u in zip(problem.model.shape, problem.bounds, uniform, strict=True):
        wide = low > 0 and high > _WIDE_RANGE * low
        axis = np.geomspace(low, high, _AXIS_POINTS) if wide else np.linspace(low, high, _AXIS_POINTS)
        prior = known.get(parameter.name)
        if prior is None:
            share = np.linspace(0.0, 1.0, _AXIS_POINTS)
        else:
            density = prior.density(axis)
            area = 0.5 * (density[1:] + density[:-1]) * np.diff(axis)
            share = np.concatenate([[0.0], np.cumsum(area)]) / area.sum()
        drawn.append(np.interp(u, share, axis))
    return np.array(drawn)


def _narrow(signal: NDArray[np.float32], problem: FitProblem, draws: Array) -> tuple[Array, Array]:
    """Means and standard deviations where the likelihood is narrow: a normal distribution about its peak.

    Each parameter by itself, of which the prior is ``draws`` (n_shape, n_draws).
    """
    values = least_squares(signal, problem).values.astype(np.float64, copy=False)
    sd = lowest_sd(problem.model, problem.b, values, problem.sigma or 0.0, problem.weights)
    with np.errstate(divide="ignore"):
        measured = np.where(sd[:, :-1] > 0, sd[:, :-1], np.inf) ** -2
    beforehand = draws.var(axis=1) ** -1
    total = measured + beforehand
    values[:, :-1] = (measured * values[:, :-1] + beforehand * draws.mean(axis=1)) / total
    sd[:, :-1] = total**-0.5
    return values, sd


def _nearest_snr(snr: Array) -> NDArray[np.float64]:
    """The SNR of the table to use, the nearest by its logarithm."""
    levels = np.array([*_SNRS, _NO_FLOOR])
    between = np.sqrt(levels[1:] * levels[:-1])
    return np.asarray(levels[np.searchsorted(between, snr)])


def _table(decays: Array, root: Array, snr: float) -> _Table:
    expected = decays if snr >= _NO_FLOOR else rician_mean(decays * snr, 1.0) / snr
    weighted = root[:, None] * expected
    lengths = np.linalg.norm(weighted, axis=0)
    directions = (weighted / lengths).astype(np.float32)
    some = np.arange(0, decays.shape[1], max(1, decays.shape[1] // _PROBES))
    likeness = directions[:, some].T @ directions
    likeness[np.arange(len(some)), some] = -1.0
    apart = np.sqrt(np.maximum(1 - likeness.max(axis=1) ** 2, 0.0)) * lengths[some]
    return _Table(directions, lengths.astype(np.float32), float(np.median(apart)) / np.sqrt(len(root)))


def _moments(shape: Array) -> NDArray[np.float32]:
    """What the weights are multiplied by: 1, each shape parameter and its square, (n_atoms, 1 + 2 p)."""
    return np.vstack([np.ones(shape.shape[1]), shape, shape**2]).T.astype(np.float32)


def _block(
    data: NDArray[np.float32], table: _Table, moments: NDArray[np.float32], sigma: float
) -> tuple[Array, Array]:
    """Means and standard deviations of the shape parameters, less their centre, and of S0."""
    match = np.maximum(data @ table.directions, 0)
    energy = match**2
    # Between two decays of the table there is nothing to tell signals apart by.
    s0_scale = match.max(axis=1) / table.lengths.mean()
    variance = (sigma**2 + (table.resolution * s0_scale) ** 2)[:, None]
    weight = energy * (0.5 / variance).astype(np.float32)
    weight -= np.log(table.lengths)
    weight -= weight.max(axis=1, keepdims=True)
    np.exp(weight, out=weight)
    sums = (weight @ moments).astype(np.float64)
    total = sums[:, :1]
    size = (moments.shape[1] - 1) // 2
    mean, square = sums[:, 1 : 1 + size] / total, sums[:, 1 + size :] / total
    inverse = 1 / table.lengths
    s0 = ((weight * match) @ inverse)[:, None] / total
    s0_square = ((weight * energy) @ inverse**2 + variance[:, 0] * (weight @ inverse**2))[:, None] / total
    values = np.hstack([mean, s0])
    spread = np.hstack([square, s0_square]) - values**2
    return values, np.sqrt(np.maximum(spread, 0.0))
