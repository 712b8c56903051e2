"""What a set of b-values can resolve at best: the Cramer-Rao bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.physics.rician_likelihood import rician_information
from napari_dwi.physics.signal_models import SignalModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Noise = Literal["gaussian", "rician"]

# Scaled to a unit diagonal, a variance above this is that of a parameter the data say nothing about.
_RIDGE = 1e-13
_LARGEST_VARIANCE = 1e11


def fisher_information(
    model: SignalModel,
    b_values: ArrayLike,
    values: ArrayLike,
    sigma: ArrayLike,
    weights: ArrayLike | None = None,
    noise: Noise = "gaussian",
) -> NDArray[np.float64]:
    """The Fisher information about the parameters of a signal model.

    Parameters
    ----------
    model : SignalModel
        The signal model.
    b_values : array_like, shape (n,)
        b-values of the protocol in s/mm2; repeats count by being there.
    values : array_like, shape (..., p)
        True parameters in the order of ``model.parameters``, S0 last.
    sigma : array_like, shape (...)
        Noise level of single volumes, in the unit of S0; S0 over sigma is the SNR.
    weights : array_like, shape (n,), optional
        How many volumes were averaged at each b-value; one if absent.
    noise : str
        ``"gaussian"`` or ``"rician"``.

    Returns
    -------
    ndarray, shape (..., p, p)
        Symmetric and not negative definite.
    """
    parameters = np.asarray(values, dtype=np.float64)
    level = np.broadcast_to(np.asarray(sigma, dtype=np.float64), parameters.shape[:-1])[..., None]
    jacobian = model.jacobian(b_values, parameters) / level[..., None]
    information = np.ones(jacobian.shape[-2]) if weights is None else np.asarray(weights, dtype=np.float64)
    if noise == "rician":
        information = information * rician_information(model.signal(b_values, parameters) / level)
    weighted = jacobian * information[..., None]
    return np.asarray(np.swapaxes(jacobian, -1, -2) @ weighted)


def lowest_sd(
    model: SignalModel,
    b_values: ArrayLike,
    values: ArrayLike,
    sigma: ArrayLike,
    weights: ArrayLike | None = None,
    noise: Noise = "gaussian",
) -> NDArray[np.float64]:
    """The lowest standard deviation that an unbiased estimate of the parameters can have.

    Parameters
    ----------
    model, b_values, values, sigma, weights, noise
        As for `fisher_information`.

    Returns
    -------
    ndarray, shape (..., p)
        In the units of the parameters; NaN where the b-values do not determine a parameter.
    """
    information = fisher_information(model, b_values, values, sigma, weights, noise)
    usable = np.asarray(np.isfinite(information).all(axis=(-1, -2)))[..., None]
    variance = _inverse_diagonal(np.where(usable[..., None], information, 0.0))
    return np.asarray(np.sqrt(np.where(usable, variance, np.nan)))


def _inverse_diagonal(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """The diagonal of the inverse of symmetric matrices (..., p, p); NaN where it does not exist."""
    diagonal = np.diagonal(matrices, axis1=-2, axis2=-1)
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    unit: NDArray[Any] = matrices / (scale[..., :, None] * scale[..., None, :])
    unit = unit + _RIDGE * np.eye(matrices.shape[-1])
    inverse = np.diagonal(np.linalg.inv(unit), axis1=-2, axis2=-1)
    known = (diagonal > 0) & (inverse > 0) & (inverse < _LARGEST_VARIANCE)
    return np.asarray(np.where(known, inverse, np.nan) / scale**2)
