"""The minimum of a function of a few bounded parameters, for many voxels at once.

Steps of Levenberg and Marquardt between the bounds 0 and 1. Parameters at a bound that the function
pushes outwards stay there for the step, and others stop at the bound they meet. Voxels that have
converged take no more part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_MOST_STEPS = 200
_DAMPING = 1e-2
_LARGEST_DAMPING = 1e10
_MORE, _LESS = 4.0, 0.2
# Voxels are dropped from the arrays when this share of those left has converged.
_WORTH_DROPPING = 0.2
_TINY = 1e-30


class Slope(NamedTuple):
    """The function at some place: cost (n,), downhill gradient (p, n), curvature (p, p, n)."""

    cost: Array
    downhill: Array
    curvature: Array


# evaluate(u, voxels): the function at u (p, n) for the voxels of these indices (n,).
Evaluate = Callable[["Array", "NDArray[np.intp]"], Slope]


class Minimum(NamedTuple):
    """Where the minimum is, and whether it was reached: u (p, n), cost (n,), converged (n,)."""

    u: Array
    cost: Array
    converged: NDArray[np.bool_]


def minimise(
    evaluate: Evaluate, start: Array, *, small_gain: float, small_move: float, floor: Array
) -> Minimum:
    """The minimum within the bounds 0 and 1, from a start for each voxel.

    Parameters
    ----------
    evaluate : callable
        The function with gradient and curvature.
    start : ndarray, shape (p, n)
        Where to begin.
    small_gain : float
        A step that lowers the cost by less than this share of it is the last.
    small_move : float
        So is a step that moves no parameter further than this.
    floor : ndarray, shape (n,)
        A cost that needs no improving.

    Returns
    -------
    Minimum
    """
    best = np.array(start, dtype=np.float64)
    best_cost = np.full(start.shape[1], np.inf)
    converged = np.zeros(start.shape[1], dtype=bool)
    voxels = np.arange(start.shape[1])
    u = best.copy()
    here = evaluate(u, voxels)
    damping = np.full(len(voxels), _DAMPING)
    done = here.cost <= floor
    for _ in range(_MOST_STEPS):
        there = np.clip(u + _step(u, here, damping), 0.0, 1.0)
        moved = np.abs(there - u).max(axis=0)
        trial = evaluate(there, voxels)
        gain = here.cost - trial.cost
        # Those that are done rest, so that no voxel's result depends on how long others take.
        better = (gain > 0) & ~done
        small = (gain < small_gain * np.abs(here.cost)) | (moved < small_move)
        done |= (better & small) | (moved < _TINY) | (~better & (damping >= _LARGEST_DAMPING))
        u = np.where(better, there, u)
        here = Slope(*(np.where(better, new, old) for new, old in zip(trial, here, strict=True)))
        done |= here.cost <= floor[voxels]
        damping = np.where(better, np.maximum(damping * _LESS, 1e-9), damping * _MORE)
        if done.mean() > _WORTH_DROPPING:
            _keep(best, best_cost, converged, voxels, u, here.cost, done)
            left = ~done
            voxels, u, damping, done = voxels[left], u[:, left], damping[left], done[left]
            here = Slope(*(part[..., left] for part in here))
            if not len(voxels):
                break
    _keep(best, best_cost, converged, voxels, u, here.cost, done)
    return Minimum(best, best_cost, converged)


def _keep(
    best: Array,
    best_cost: Array,
    converged: NDArray[np.bool_],
    voxels: NDArray[np.intp],
    u: Array,
    cost: Array,
    done: NDArray[np.bool_],
) -> None:
    best[:, voxels], best_cost[voxels], converged[voxels] = u, cost, done


def _step(u: Array, here: Slope, damping: Array) -> Array:
    """The damped step, along the bounds that hold it back."""
    held = ((u <= 0) & (here.downhill < 0)) | ((u >= 1) & (here.downhill > 0))
    matrix = np.where(held[:, None] | held[None, :], 0.0, here.curvature)
    axes = np.arange(len(u))
    diagonal = matrix[axes, axes]
    # What a voxel says nothing about must not make the matrix singular.
    matrix[axes, axes] = np.where(held, 1.0, diagonal * (1 + damping) + 1e-12 * diagonal.max(axis=0) + _TINY)
    return solved(matrix, np.where(held, 0.0, here.downhill))


def solved(matrix: Array, right: Array) -> Array:
    """Solve symmetric positive definite systems (p, p, n) x = (p, n) by Cholesky's L D LT, all at once."""
    size = len(right)
    lower: dict[tuple[int, int], Array] = {}
    pivots: list[Array] = []
    x = list(right)
    for i in range(size):
        for j in range(i):
            entry = matrix[i, j].copy()
            for k in range(j):
                entry -= lower[i, k] * pivots[k] * lower[j, k]
            lower[i, j] = entry / pivots[j]
        pivot = matrix[i, i].copy()
        for k in range(i):
            pivot -= lower[i, k] ** 2 * pivots[k]
            x[i] = x[i] - lower[i, k] * x[k]
        pivots.append(np.maximum(pivot, 1e-14 * matrix[i, i] + _TINY))
    for i in reversed(range(size)):
        x[i] = x[i] / pivots[i]
        for k in range(i + 1, size):
            x[i] = x[i] - lower[k, i] * x[k]
    return np.array(x)
