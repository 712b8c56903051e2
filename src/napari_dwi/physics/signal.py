"""How the signal falls with the b-value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.physics.signal_models import ADC, IVIM

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def monoexponential(b_values: ArrayLike, s0: ArrayLike, adc: ArrayLike) -> NDArray[np.float64]:
    """Signal of free diffusion, S0 exp(-b ADC).

    Parameters
    ----------
    b_values : array_like, shape (n,)
        b-values in s/mm2.
    s0 : array_like, shape (...)
        Signal without diffusion weighting, in scanner units.
    adc : array_like, shape (...)
        Apparent diffusion coefficient in mm2/s; broadcasts against ``s0``.

    Returns
    -------
    ndarray, shape (..., n)
        Signal in scanner units.
    """
    decay, _ = ADC.curve(np.asarray(b_values, dtype=np.float64), _per_voxel(adc))
    return np.asarray(_per_voxel(s0) * decay)


def ivim(
    b_values: ArrayLike, s0: ArrayLike, f: ArrayLike, d: ArrayLike, d_star: ArrayLike
) -> NDArray[np.float64]:
    """Signal of diffusion and perfusion, S0 [(1 - f) exp(-b D) + f exp(-b D*)].

    D* is the whole decay rate of the fast compartment. Where a paper writes exp(-b (D + D*)) for
    it, its D* is the one used here minus D.

    Parameters
    ----------
    b_values : array_like, shape (n,)
        b-values in s/mm2.
    s0 : array_like, shape (...)
        Signal without diffusion weighting, in scanner units.
    f : array_like, shape (...)
        Perfusion fraction, 0 to 1.
    d, d_star : array_like, shape (...)
        Diffusion and pseudo-diffusion coefficient in mm2/s. All parameters broadcast.

    Returns
    -------
    ndarray, shape (..., n)
        Signal in scanner units.

    References
    ----------
    Le Bihan et al., Separation of diffusion and perfusion in intravoxel incoherent motion MR
    imaging. Radiology 168 (1988) 497-505.
    """
    b = np.asarray(b_values, dtype=np.float64)
    decay, _ = IVIM.curve(b, _per_voxel(f), _per_voxel(d), _per_voxel(d_star))
    return np.asarray(_per_voxel(s0) * decay)


def _per_voxel(parameter: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(parameter, dtype=np.float64)[..., np.newaxis]
