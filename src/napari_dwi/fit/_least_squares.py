"""Bounded non-linear least squares for many voxels at once.

S0 is linear and eliminated (variable projection), so that only the shape parameters are searched. The
start is the best of a grid of decays, found with one matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._coordinates import Coordinates
from napari_dwi.fit._levenberg_marquardt import Slope, minimise
from napari_dwi.fit._problem import FREE_S0, Estimates, FitProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

# Points of the grid along each shape parameter, by how many there are.
_GRID = {1: (32,), 2: (12, 16), 3: (8, 10, 8), 4: (6, 8, 6, 4), 5: (5, 6, 5, 4, 4)}
_SMALL_GAIN = 1e-5
_SMALL_MOVE = 1e-6
# A start has blood decay at least this many times as fast as tissue.
_LEAST_CONTRAST = 10.0
# Sums of squares below this share of the signal's own are those of rounding.
_ROUNDING = 1e-20


def least_squares(signal: NDArray[np.float32], problem: FitProblem) -> Estimates:
    """Fit voxels by bounded least squares, weighted by the number of volumes averaged.

    Parameters
    ----------
    signal : ndarray, shape (n_voxels, n_b)
        Signal in scanner units.
    problem : FitProblem
        Model, b-values, weights, bounds.

    Returns
    -------
    Estimates
        Without standard deviations.
    """
    coordinates = Coordinates.of(problem)
    u = best_of_grid(signal, problem, coordinates)
    s0_bounds = None if problem.s0_bounds == FREE_S0 else problem.s0_bounds
    root = np.sqrt(problem.weights)[:, None]
    b = problem.b[:, None]
    data = np.ascontiguousarray(signal.T, dtype=np.float64) * root

    def evaluate(u: Array, voxels: NDArray[np.intp]) -> Slope:
        shape, scales = coordinates.values(u)
        decay, slopes = problem.model.curve(b, *shape)
        y = data if len(voxels) == data.shape[1] else data[:, voxels]
        return _projected(
            y, root * decay, [root * s * k for s, k in zip(slopes, scales, strict=True)], s0_bounds
        )

    power = _dot(data, data)
    found = minimise(evaluate, u, small_gain=_SMALL_GAIN, small_move=_SMALL_MOVE, floor=_ROUNDING * power)
    shape, _ = coordinates.values(found.u)
    decay, _ = problem.model.curve(b, *shape)
    decay = root * decay
    s0 = _dot(decay, data) / _dot(decay, decay)
    if s0_bounds is not None:
        s0 = np.clip(s0, *s0_bounds)
    return Estimates(np.stack([*shape, s0], axis=-1), None, found.converged)


def best_of_grid(signal: NDArray[np.float32], problem: FitProblem, coordinates: Coordinates) -> Array:
    """Unit coordinates (n_shape, n_voxels) of the grid point that fits each voxel best.

    A parameter whose start the problem gives has no other value in the grid.
    """
    start = np.full(len(coordinates.low), np.nan) if problem.start is None else problem.start
    given = np.isfinite(start)
    points = np.where(given, 1, _GRID[len(coordinates.low)])
    grid = coordinates.grid(tuple(points), np.float64)
    grid[given] = coordinates.units(start[:, None])[given]
    values, _ = coordinates.values(grid)
    likely = _perfusion_is_fast(problem, values)
    grid, values = grid[:, likely], [value[likely] for value in values]
    root = np.sqrt(problem.weights)
    decays, _ = problem.model.curve(problem.b[:, None], *values)
    atoms = root[:, None] * decays
    atoms /= np.linalg.norm(atoms, axis=0)
    match = (signal * root.astype(np.float32)) @ atoms.astype(np.float32)
    return grid[:, match.argmax(axis=1)]


def _perfusion_is_fast(problem: FitProblem, values: list[Array]) -> NDArray[np.bool_]:
    """Where blood decays several times as fast as tissue.

    Noise gives a few voxels in a hundred a second, often deeper minimum, where tissue itself is split
    into two compartments of similar decay. Starts on this side of it lead to perfusion.
    """
    by_name = dict(zip(problem.model.names, values, strict=False))
    fast = [by_name[name] for name in ("Dstar", "Dfast") if name in by_name]
    if not fast:
        return np.ones(values[0].shape, dtype=bool)
    likely = fast[0] >= _LEAST_CONTRAST * by_name["D"]
    return likely if likely.any() else np.ones_like(likely)


def _projected(
    data: Array, decay: Array, slopes: list[Array], s0_bounds: tuple[float, float] | None
) -> Slope:
    """The sum of squares with S0 at its best, and what of the slopes S0 cannot make up for."""
    power = _dot(decay, decay)
    s0 = _dot(decay, data) / power
    along = [_dot(decay, slope) / power for slope in slopes]
    if s0_bounds is not None:
        # Held by a bound, S0 makes up for nothing.
        held = (s0 <= s0_bounds[0]) | (s0 >= s0_bounds[1])
        along = [np.where(held, 0.0, share) for share in along]
        s0 = np.clip(s0, *s0_bounds)
    residual = data - s0 * decay
    size = len(slopes)
    downhill = np.array([s0 * _dot(residual, slope) for slope in slopes])
    curvature = np.empty((size, size, data.shape[1]))
    for i in range(size):
        for j in range(i + 1):
            entry = s0**2 * (_dot(slopes[i], slopes[j]) - along[i] * along[j] * power)
            curvature[i, j] = curvature[j, i] = entry
    return Slope(_dot(residual, residual), downhill, curvature)


def _dot(one: Array, other: Array) -> Array:
    return np.asarray(np.einsum("bn,bn->n", one, other))
