"""The likelihood of Rician magnitudes: its slope, its curvature, and the information it carries."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Above this amplitude (in sigma) the information is that of Gaussian noise to 1 in 1000, and
# 1 - 1 / (2 A^2) is exact to 1e-4 of it.
_TABLE_END = 12.0
_TABLE_POINTS = 401


def bessel_terms(argument: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the modified Bessel functions add to the Rician likelihood and to its slope.

    Parameters
    ----------
    argument : array_like
        ``z = M A / sigma^2``, not negative.

    Returns
    -------
    logarithm, ratio : ndarray
        ``ln(I0(z) exp(-z))``, which does not overflow, and ``I1(z) / I0(z)``, from 0 to 1.
    """
    from scipy.special import i0e, i1e

    z = np.asarray(argument)
    zeroth = i0e(z)
    return np.log(zeroth), np.asarray(i1e(z) / zeroth)


def rician_information(snr: ArrayLike) -> NDArray[np.float64]:
    """Fisher information of one Rician magnitude about its amplitude, over that of Gaussian noise.

    Parameters
    ----------
    snr : array_like
        Amplitude over sigma, not negative.

    Returns
    -------
    ndarray
        From 0 at an amplitude of 0, where the magnitude does not tell its sign, to 1. NaN stays NaN.

    References
    ----------
    Karlsen et al., Parameter estimation from Rician-distributed data sets using a maximum likelihood
    estimator: application to T1 and perfusion measurements. Magn Reson Med 41 (1999) 614-623.
    """
    amplitude = np.abs(np.asarray(snr, dtype=np.float64))
    amplitudes, information = _information_table()
    from_table = np.interp(amplitude, amplitudes, information)
    asymptote = 1 - 0.5 / np.maximum(amplitude, 1.0) ** 2
    return np.asarray(np.where(amplitude < _TABLE_END, from_table, asymptote))


@lru_cache(maxsize=1)
def _information_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """E[M^2 (I1 / I0)^2] - A^2 by quadrature over the magnitude; everything in units of sigma."""
    from scipy.special import i0e, i1e

    amplitudes = np.linspace(0.0, _TABLE_END, _TABLE_POINTS)
    magnitudes = np.linspace(0.0, _TABLE_END + 10, 1101)
    information = np.empty_like(amplitudes)
    for n, amplitude in enumerate(amplitudes):
        z = magnitudes * amplitude
        density = magnitudes * np.exp(-((magnitudes - amplitude) ** 2) / 2) * i0e(z)
        moment = np.trapezoid(density * (magnitudes * i1e(z) / i0e(z)) ** 2, magnitudes)
        information[n] = moment - amplitude**2
    return amplitudes, np.maximum(information, 0.0)
