"""How strong the noise of a magnitude series is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.measure.noise_differences import difference_noise_sd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan import DwiSeries

_FEWEST_VOXELS = 500
_MARGIN_VOXELS = 4
# Median and root mean square of the Rayleigh distribution, in units of sigma.
_RAYLEIGH_MEDIAN = np.sqrt(2 * np.log(2))
_RAYLEIGH_RMS = np.sqrt(2)
_LARGEST_DISAGREEMENT = 0.15
# SD of the Rayleigh distribution, in units of sigma. Voxels far enough apart differ by all of it, even where
# interpolation and filters make neighbours alike; dark tissue, which may have the right mean, differs by
# a quarter of it. The mean of four magnitudes still has half.
_RAYLEIGH_SD = np.sqrt(2 - np.pi / 2)
_APART_VOXELS = (2, 4, 8)
_LEAST_VARIATION = 0.4


def _unchecked() -> None:
    """Nobody waits."""


def air_mask(series: DwiSeries, check: Callable[[], None] = _unchecked) -> NDArray[np.bool_]:
    """Voxels clear of the foreground by four voxels within the slice, shape (x, y, z)."""
    from scipy.ndimage import binary_dilation

    air = foreground_mask(series, check)
    for z in range(air.shape[2]):
        check()
        air[..., z] = ~binary_dilation(air[..., z], iterations=_MARGIN_VOXELS)
    return air


def noise_level(
    series: DwiSeries, background: NDArray[np.bool_] | None = None, *, check: Callable[[], None] = _unchecked
) -> float:
    """The Rician noise level sigma, from the air around the patient.

    In air the magnitude follows the Rayleigh distribution. Its median and its root mean square
    give two estimates of sigma; where they disagree the background is no pure noise (ghosts,
    scanner masking, processing), and none is returned; nor where voxels differ too little from others
    nearby, as dark tissue does in pictures that are full of it. Voxels of exactly zero were blanked by
    the scanner and are left out.

    Parameters
    ----------
    series : DwiSeries
        The series; its highest b-value is used, where ghosts are weakest.
    background : ndarray of bool, shape (x, y, z), optional
        Air; by default what lies clear of the foreground.
    check : callable, optional
        Called often; raises to stop.

    Returns
    -------
    float
        Sigma in scanner units.

    Raises
    ------
    BadInputError
        If there is too little air or it does not look like Rayleigh noise.
    """
    if background is None:
        background = air_mask(series, check)
    parts, variations = [], []
    for volume in series.b_values.indices(series.b_values.distinct[-1]):
        check()
        image = series.signal[..., volume]
        parts.append(image[background].astype(np.float64))
        variations.append(_variation(image, background & (image != 0), series.grid.slice_axis))
    air = np.concatenate(parts)
    air = air[np.isfinite(air) & (air != 0)]
    check()
    remedy = "Type the noise level, or draw a region in pure noise."
    if air.size < _FEWEST_VOXELS:
        raise BadInputError(
            "the noise level cannot be estimated: too little air around the patient",
            expected=f"at least {_FEWEST_VOXELS} voxels that are not blanked",
            found=f"{air.size}",
            remedy=remedy,
        )
    from_median = float(np.median(air) / _RAYLEIGH_MEDIAN)
    from_rms = float(np.sqrt(np.mean(air**2)) / _RAYLEIGH_RMS)
    if abs(from_rms - from_median) > _LARGEST_DISAGREEMENT * from_median:
        raise BadInputError(
            "the noise level cannot be estimated: the background is not pure noise",
            expected="Rayleigh noise",
            found=f"{from_median:.3g} by the median but {from_rms:.3g} by the mean square",
            remedy=remedy,
        )
    expected, found = _RAYLEIGH_SD * from_median, float(np.median(variations))
    if found < _LEAST_VARIATION * expected:
        raise BadInputError(
            "the noise level cannot be estimated: the background is dark tissue rather than air, or smoothed",
            expected=f"noise with an SD of {expected:.3g}, as its mean says",
            found=f"an SD of {found:.3g} between voxels nearby",
            remedy=remedy,
        )
    return from_median


def _variation(image: NDArray[np.float32], inside: NDArray[np.bool_], slice_axis: int) -> float:
    turned, where = np.moveaxis(image, slice_axis, 2), np.moveaxis(inside, slice_axis, 2)
    return max(difference_noise_sd(turned, where, step=step) for step in _APART_VOXELS)
