"""Pairs of scans with less and more resolution, as one scanner would acquire them of one object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import k_space_cropped

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IN_PLANE = (0, 1)


@dataclass(frozen=True, eq=False)
class ImagePair:
    """A quick scan of low and a long one of high resolution; sample n lies on sample factor * n.

    Parameters
    ----------
    low, high : ndarray, float32
        Magnitudes, in one unit.
    truth : ndarray, float32
        What ``high`` would be without noise.
    sigma_low, sigma_high : float
        Noise level of each, in that unit: SD of the real and of the imaginary part.
    factor : int
        Ratio of the resolutions.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    truth: NDArray[np.float32]
    sigma_low: float
    sigma_high: float
    factor: int


def noise_ratio(averages: int, factor: int = 2, n_axes: int = 2) -> float:
    """How much stronger the noise of the quick scan is than that of the long one, sigma_LR / sigma_HR.

    Every sample of k-space carries the same noise. An image of ``factor`` times the resolution adds up
    ``factor ** n_axes`` times as many samples, each of them the mean of ``averages``:
    sqrt(averages / factor ** n_axes), which for twice the resolution in plane is sqrt(averages / 4).
    """
    return float(np.sqrt(averages / factor**n_axes))


def simulate_pair(
    truth: NDArray[np.floating],
    sigma_low: float,
    rng: np.random.Generator,
    *,
    factor: int = 2,
    averages: int = 5,
    axes: Sequence[int] = _IN_PLANE,
) -> ImagePair:
    """Scan an object twice: quickly with low resolution, and with high resolution and averages.

    Parameters
    ----------
    truth : ndarray
        Noise-free magnitude with high resolution; its size along ``axes`` is a multiple of ``factor``.
    sigma_low : float
        Noise level of the quick scan, in units of ``truth``; that of the long one follows from it by
        `noise_ratio`.
    rng : numpy.random.Generator
        Where the noise is drawn from.
    factor : int
        Ratio of the resolutions along each of ``axes``; with 1 only the noise differs.
    averages : int
        Acquisitions of which the long scan is the mean (NEX), before the magnitude is taken.
    axes : sequence of int
        Axes within the slice.

    Raises
    ------
    BadInputError
        If the noise level is negative, there is no average, or the size does not suit the factor.
    """
    if not (np.isfinite(sigma_low) and sigma_low >= 0) or averages < 1:
        raise BadInputError(
            "such a pair of scans cannot be simulated",
            expected="a noise level of 0 or more, and at least one average",
            found=f"sigma {sigma_low:g}, {averages} averages",
        )
    whole = np.asarray(truth, dtype=np.float64)
    sigma_high = sigma_low / noise_ratio(averages, factor, len(axes))
    return ImagePair(
        _magnitude(whole if factor == 1 else k_space_cropped(whole, factor, axes), sigma_low, rng),
        _magnitude(whole, sigma_high, rng),
        whole.astype(np.float32),
        sigma_low,
        sigma_high,
        factor,
    )


def _magnitude(signal: NDArray[np.float64], sigma: float, rng: np.random.Generator) -> NDArray[np.float32]:
    real, imaginary = rng.normal(0.0, sigma, (2, *signal.shape))
    return np.asarray(np.hypot(signal + real, imaginary), dtype=np.float32)
