"""What a fit method is given and what it gives back, and what can become of a voxel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.methods.method import Context
from napari_dwi.physics.signal_models import SignalModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

OUTSIDE = 0
FITTED = 1
AT_SEVERAL_BOUNDS = 2
NOT_CONVERGED = 3
NO_SIGNAL = 4
NO_VALUE = 5
NO_DECAY = 6
SATURATED = 7
BELOW_NOISE = 8
# Followed by one code for the lowest and one for the highest value of each parameter, S0 last.
AT_BOUND = 10
# S0 is held by no bound unless the user asks for one.
FREE_S0 = (0.0, float("inf"))

_MEANINGS = {
    OUTSIDE: "outside the mask",
    FITTED: "fitted",
    AT_SEVERAL_BOUNDS: "fitted, at several bounds",
    NOT_CONVERGED: "not converged",
    NO_SIGNAL: "no signal at the lowest b-value",
    NO_VALUE: "no value in some volume",
    NO_DECAY: "the same signal in every volume",
    SATURATED: "saturated at several b-values",
    BELOW_NOISE: "no signal above the noise",
}


def status_codes(model: SignalModel) -> dict[int, str]:
    """What the values of the status map of a model mean."""
    codes = dict(_MEANINGS)
    for n, parameter in enumerate(model.parameters):
        codes[AT_BOUND + 2 * n] = f"fitted, {parameter.symbol} at its lowest bound"
        codes[AT_BOUND + 2 * n + 1] = f"fitted, {parameter.symbol} at its highest bound"
    return codes


def has_values(status: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which voxels have parameter values: those fitted, at a bound or not."""
    return np.asarray((status == FITTED) | (status == AT_SEVERAL_BOUNDS) | (status >= AT_BOUND))


@dataclass(frozen=True, eq=False)
class FitProblem:
    """What is the same for all voxels of a fit.

    Parameters
    ----------
    model : SignalModel
        The signal model.
    b : ndarray, float64, shape (n_b,)
        b-values of the volumes in s/mm2, in any order; repeats are possible.
    weights : ndarray, float64, shape (n_b,)
        How many volumes were averaged into each: the inverse variance of its noise, in sigma^-2.
    bounds : ndarray, float64, shape (n_shape, 2)
        Lowest and highest value of each shape parameter, in the model's units.
    sigma : float or None
        Noise level of single volumes in scanner units; ``None`` where the method needs none and
        none was typed.
    s0_bounds : tuple of float
        Lowest and highest S0 in scanner units.
    start : ndarray, float64, shape (n_shape,), optional
        Where the search for the shape parameters starts; NaN, or no array, where a method finds a
        start by itself.
    """

    model: SignalModel
    b: NDArray[np.float64]
    weights: NDArray[np.float64]
    bounds: NDArray[np.float64]
    sigma: float | None
    s0_bounds: tuple[float, float] = FREE_S0
    start: NDArray[np.float64] | None = None

    @property
    def all_bounds(self) -> NDArray[np.float64]:
        """The bounds of all parameters, S0 last, shape (n_parameters, 2)."""
        return np.vstack([self.bounds, self.s0_bounds])


@dataclass(frozen=True, eq=False)
class Voxels:
    """The voxels to fit: each has a finite signal that decays.

    Parameters
    ----------
    signal : ndarray, float32, shape (n_voxels, n_b)
        Signal in scanner units.
    inside : ndarray of bool, shape (x, y, z)
        Where they lie; their order is that of ``image[inside]``.
    """

    signal: NDArray[np.float32]
    inside: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Estimates:
    """What a method found for some voxels.

    Parameters
    ----------
    values : ndarray, shape (n_voxels, n_parameters)
        Parameters in the order of ``model.parameters``, S0 last.
    sd : ndarray, as ``values``, optional
        Their standard deviations; without them they follow from the Fisher information.
    converged : ndarray of bool, shape (n_voxels,), optional
        Which voxels have a usable result; all of them if absent.
    """

    values: NDArray[np.floating[Any]]
    sd: NDArray[np.floating[Any]] | None = None
    converged: NDArray[np.bool_] | None = None


# Fit some voxels: (n_voxels, n_b), float32, in scanner units.
FitChunk = Callable[["NDArray[np.float32]"], Estimates]
# Do once what is done once, and give the function that fits a chunk.
PrepareFit = Callable[[FitProblem, Any, Context], FitChunk]
# Fit all voxels, whose neighbours a method may look at.
FitVoxels = Callable[[Voxels, FitProblem, Any, Context], Estimates]


def marked_bounds(
    status: NDArray[np.uint8], values: NDArray[np.floating[Any]], bounds: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The status of fitted voxels with the bounds they stopped at.

    Parameters
    ----------
    status : ndarray, uint8, shape (n,)
        `FITTED`, or anything else, which stays.
    values : ndarray, shape (n, n_parameters)
        Parameters.
    bounds : ndarray, shape (n_bounded, 2)
        Bounds of the first parameters; infinite where there is none.

    Returns
    -------
    ndarray, uint8, shape (n,)
        The new status.
    """
    width = bounds[:, 1] - bounds[:, 0]
    margin = np.where(np.isfinite(width), 1e-5 * width, 0.0)
    shape = values[:, : len(bounds)]
    hits = np.stack([shape <= bounds[:, 0] + margin, shape >= bounds[:, 1] - margin], axis=-1)
    flat = hits.reshape(len(values), -1)
    count = flat.sum(axis=1)
    which = np.where(count > 1, AT_SEVERAL_BOUNDS, AT_BOUND + flat.argmax(axis=1))
    return np.where((status == FITTED) & (count > 0), which, status).astype(np.uint8)
