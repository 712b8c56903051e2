"""The noise of magnitude images, and what it adds to a weak signal.

A magnitude image is the length of a complex signal whose two parts carry independent Gaussian noise
of standard deviation sigma. Its values are Rician distributed: never negative, and on average larger
than the signal, down to a floor of sigma sqrt(pi / 2) where there is no signal at all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Mean magnitude of pure noise, in units of sigma.
_NOISE_FLOOR = float(np.sqrt(np.pi / 2))

# Beyond this amplitude (in sigma) the series of the mean, A + 1 / (2 A) + 1 / (8 A^3), is exact to
# 1e-6 sigma and the table ends.
_TABLE_END = 20.0
_TABLE_POINTS = 8001

# Above this amplitude (in sigma) A + 1 / (2 A) is exact to 1e-10 sigma; Bessel functions of very
# large numbers end as NaN.
_ASYMPTOTE_FROM = 1000.0


def add_rician_noise(
    signal: ArrayLike, sigma: float, rng: np.random.Generator, in_plane_correlation: float = 0.0
) -> NDArray[np.float64]:
    """Magnitude of a signal with complex Gaussian noise, ``|S + n1 + i n2|``.

    Parameters
    ----------
    signal : array_like
        Noise-free signal, real, in scanner units.
    sigma : float
        Standard deviation of each of the two noise parts, in scanner units. 0 gives ``|S|``.
    rng : numpy.random.Generator
        Where the noise is drawn from.
    in_plane_correlation : float
        Correlation of each noise part with that of the next voxel along the first and along the
        second axis, 0 to 0.7, as interpolation on the scanner leaves it; 0 is white noise.

    Returns
    -------
    ndarray, as ``signal``
        Magnitude in scanner units.
    """
    clean = np.asarray(signal, dtype=np.float64)
    real, imaginary = (
        _alike_in_plane(rng.normal(0.0, sigma, clean.shape), in_plane_correlation) for _ in range(2)
    )
    return np.hypot(clean + real, imaginary)


def _alike_in_plane(white: NDArray[np.float64], correlation: float) -> NDArray[np.float64]:
    """White noise weighted with its neighbours (w, 1, w) along two axes, with the SD it had."""
    if correlation == 0:
        return white
    from scipy.ndimage import correlate1d

    # The correlation with the next voxel is 2 w / (1 + 2 w^2).
    w = (1 - np.sqrt(1 - 2 * correlation**2)) / (2 * correlation)
    kernel = np.array([w, 1, w]) / np.sqrt(1 + 2 * w**2)
    for axis in (0, 1):
        white = correlate1d(white, kernel, axis=axis, mode="wrap")
    return white


def rician_mean(amplitude: ArrayLike, sigma: ArrayLike) -> NDArray[np.float64]:
    """Expected magnitude, ``sigma sqrt(pi / 2) L_1/2(-A^2 / (2 sigma^2))``.

    Parameters
    ----------
    amplitude : array_like
        Noise-free signal A in scanner units, not negative.
    sigma : array_like
        Noise level in scanner units, positive; broadcasts against ``amplitude``.

    Returns
    -------
    ndarray
        Expected magnitude in scanner units.
    """
    from scipy.special import ive

    noise = np.asarray(sigma, dtype=np.float64)
    snr = np.asarray(amplitude, dtype=np.float64) / noise
    quarter_power = np.minimum(snr, _ASYMPTOTE_FROM) ** 2 / 4
    # ive carries the factor exp(-A^2 / 4 sigma^2), without which the product would overflow.
    laguerre = (1 + 2 * quarter_power) * ive(0, quarter_power) + 2 * quarter_power * ive(1, quarter_power)
    asymptote = snr + 0.5 / np.maximum(snr, 1.0)
    return noise * np.where(snr < _ASYMPTOTE_FROM, _NOISE_FLOOR * laguerre, asymptote)


def correct_rician_bias(magnitude: ArrayLike, sigma: ArrayLike, method: str = "koay") -> NDArray[np.float64]:
    """Signal behind a magnitude, with what the noise has added taken away.

    ``"koay"`` inverts `rician_mean` and is meant for magnitudes that are themselves means (over
    repeats, a region, or a denoised image). ``"gudbjartsson-patz"``, sqrt(|M^2 - sigma^2|), is meant
    for single magnitudes.

    Parameters
    ----------
    magnitude : array_like
        Magnitude in scanner units. NaN stays NaN.
    sigma : array_like
        Noise level in scanner units, not negative; broadcasts against ``magnitude``. 0 returns the
        magnitude as it is.
    method : str
        ``"koay"`` or ``"gudbjartsson-patz"``.

    Returns
    -------
    ndarray, as ``magnitude``
        Signal in scanner units; with ``"koay"``, 0 at and below the noise floor.

    Raises
    ------
    BadInputError
        If the method is not one of the two, or sigma is negative or not finite.

    References
    ----------
    Koay and Basser, Analytically exact correction scheme for signal extraction from noisy magnitude
    MR signals. J Magn Reson 179 (2006) 317-322.
    Gudbjartsson and Patz, The Rician distribution of noisy MRI data. Magn Reson Med 34 (1995)
    910-914.
    """
    noise = np.asarray(sigma, dtype=np.float64)
    if not np.isfinite(noise).all() or (noise < 0).any():
        wrong = noise[~(noise >= 0)] if (~(noise >= 0)).any() else noise[~np.isfinite(noise)]
        raise BadInputError(
            "not a noise level",
            expected="sigma of 0 or more, in scanner units",
            found=f"{float(wrong.flat[0]):g}",
        )
    measured = np.asarray(magnitude, dtype=np.float64)
    if method == "gudbjartsson-patz":
        return np.sqrt(np.abs(measured**2 - noise**2))
    if method != "koay":
        raise BadInputError(
            "no such Rician bias correction", expected="koay or gudbjartsson-patz", found=method
        )
    if not noise.all():
        # Divided by 1 instead, and taken as it is.
        some = np.where(noise == 0, 1.0, noise)
        return np.where(noise == 0, measured, some * _amplitude_of_mean(measured / some))
    return noise * _amplitude_of_mean(measured / noise)


def _amplitude_of_mean(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert the Rician mean; everything in units of sigma."""
    means, amplitudes = _inverse_table()
    # In m^2 - floor^2 the inverse has no infinite slope at the floor, so a linear table serves.
    squared = np.clip(mean**2 - _NOISE_FLOOR**2, 0.0, None)
    from_table = np.sqrt(np.interp(squared, means, amplitudes))
    # A = m - 1 / (2 m) - 3 / (8 m^3) solves the asymptotic series of the mean to the same order.
    safe = np.maximum(mean, 1.0)
    far_above = safe - 1 / (2 * safe) - 3 / (8 * safe**3)
    return np.where(squared <= means[-1], from_table, np.where(np.isnan(mean), np.nan, far_above))


@lru_cache(maxsize=1)
def _inverse_table() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Squared mean above the squared floor, and the squared amplitude it belongs to."""
    amplitudes = np.linspace(0.0, _TABLE_END, _TABLE_POINTS)
    return rician_mean(amplitudes, 1.0) ** 2 - _NOISE_FLOOR**2, amplitudes**2
