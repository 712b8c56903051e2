"""Which voxels hold tissue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.scan import DwiSeries

_SMOOTHING_VOXELS = 1.0
# Otsu's threshold parts bright from dark tissue as often as tissue from air: take a part of it.
_SHARE_OF_OTSU = 0.5
_DILATION_VOXELS = 2


def foreground_mask(series: DwiSeries) -> NDArray[np.bool_]:
    """Voxels of the body, found from the brightest (lowest) b-value.

    Smoothing, half of Otsu's threshold, the largest connected parts, holes filled slice by slice,
    and a margin of two voxels in the slice.

    Parameters
    ----------
    series : DwiSeries
        The diffusion series.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        All voxels if nothing stands out.
    """
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    lowest = series.b_values.indices(series.b_values.distinct[0])
    image = np.nan_to_num(series.signal[..., lowest].mean(axis=3), posinf=0, neginf=0)
    smooth = ndimage.gaussian_filter(image, [_SMOOTHING_VOXELS, _SMOOTHING_VOXELS, 0])
    if smooth.min() == smooth.max():
        return np.ones(image.shape, dtype=bool)
    # Flat, because skimage takes three or four slices for the channels of a colour image.
    mask = smooth > _SHARE_OF_OTSU * threshold_otsu(smooth.ravel())
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    mask = (sizes >= 0.05 * sizes.max())[parts] & (parts > 0)
    in_plane = ndimage.generate_binary_structure(2, 1)[:, :, None]
    mask = ndimage.binary_dilation(mask, in_plane, iterations=_DILATION_VOXELS)
    filled = [ndimage.binary_fill_holes(mask[..., z]) for z in range(mask.shape[2])]
    return np.stack(filled, axis=2)
