"""Which voxels hold tissue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan import DwiSeries

_SMOOTHING_VOXELS = 2.0
# Otsu's threshold parts bright from dark tissue as often as tissue from air: go half the way down to
# the air, clear of its noise, and nearly all the way where there is no air to keep out.
_SHARE_ABOVE_AIR = 0.5
_SHARE_WITHOUT_AIR = 0.2
_AIR_SPREADS = 4.0
_ONE_SIGMA_BELOW = 16  # percentile of a normal distribution
# Standard deviation over mean of Rayleigh noise is 0.523; tissue at SNR 2 has 0.43. Once smoothed,
# air is level to some 10 %, dark tissue is not.
_AIR_VARIATION = (0.45, 0.6)
_AIR_UNEVENNESS = 0.25
_DILATION_VOXELS = 2


def _unchecked() -> None:
    """Nobody waits."""


def foreground_mask(series: DwiSeries, check: Callable[[], None] = _unchecked) -> NDArray[np.bool_]:
    """Voxels of the body, found from the brightest (lowest) b-value.

    Smoothing, a threshold above the air, the largest connected parts, holes filled slice by slice,
    and a margin of two voxels in the slice. Where no air is seen, dark tissue is kept.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series.
    check : callable, optional
        Called often; raises to stop.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        All voxels if nothing stands out.
    """
    from scipy import ndimage

    lowest = series.b_values.indices(series.b_values.distinct[0])
    image = np.zeros(series.grid.shape, dtype=np.float32)
    for volume in lowest:
        check()
        image += series.signal[..., volume]
    check()
    image = np.nan_to_num(image / np.float32(len(lowest)), posinf=0, neginf=0)
    smooth = _smoothed(image, check)
    if smooth.min() == smooth.max():
        return np.ones(image.shape, dtype=bool)
    mask = smooth > _threshold(image, smooth, check)
    check()
    parts, _ = ndimage.label(mask)
    check()
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    body: NDArray[np.bool_] = (sizes >= 0.05 * sizes.max())[parts] & (parts > 0)
    for z in range(body.shape[2]):
        check()
        widened = ndimage.binary_dilation(body[..., z], iterations=_DILATION_VOXELS)
        body[..., z] = ndimage.binary_fill_holes(widened)
    return body


def _threshold(image: NDArray[np.float32], smooth: NDArray[np.float32], check: Callable[[], None]) -> float:
    """The intensity above which a smoothed voxel counts as body."""
    from skimage.filters import threshold_otsu

    # Flat, because an image of three or four slices would be taken for a colour picture.
    otsu = float(threshold_otsu(smooth.ravel()))
    check()
    dark = smooth[smooth <= otsu]
    level, low = (float(value) for value in np.percentile(dark, [50, _ONE_SIGMA_BELOW]))
    # Only the darker half is looked at: edges of bright things are smeared into the other.
    spread = level - low
    if spread > _AIR_UNEVENNESS * level or not _varies_like_noise(image, smooth, level, check):
        return _SHARE_WITHOUT_AIR * otsu
    # Never above Otsu's own, which at least parts the picture in two.
    return min(otsu, max(level + _SHARE_ABOVE_AIR * (otsu - level), level + _AIR_SPREADS * spread))


def _varies_like_noise(
    image: NDArray[np.float32], smooth: NDArray[np.float32], level: float, check: Callable[[], None]
) -> bool:
    """Whether what is darker than a level varies from voxel to voxel as air does."""
    check()
    dark = (smooth <= level) & (smooth > 0)
    if not dark.any():
        return False
    variance = np.maximum(_smoothed(image**2, check) - smooth**2, 0)
    check()
    least, most = _AIR_VARIATION
    return bool(least < np.median(np.sqrt(variance[dark]) / smooth[dark]) < most)


def _smoothed(image: NDArray[np.float32], check: Callable[[], None]) -> NDArray[np.float32]:
    from scipy.ndimage import gaussian_filter

    smooth = np.empty_like(image)
    for z in range(image.shape[2]):
        check()
        smooth[..., z] = gaussian_filter(image[..., z], _SMOOTHING_VOXELS)
    return smooth
