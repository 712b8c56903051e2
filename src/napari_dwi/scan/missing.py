"""Images without gaps for methods that cannot do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def filled(image: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """A copy in which voxels without a value (NaN, infinity) take that of the nearest voxel with one.

    Parameters
    ----------
    image : ndarray, shape (x, y, z)
        The image.
    spacing_mm : (float, float, float)
        Voxel size, for what is nearest.

    Returns
    -------
    ndarray, float32, C order, shape (x, y, z)
        0 throughout if there is no value at all.
    """
    from scipy.ndimage import distance_transform_edt

    missing = ~np.isfinite(image)
    whole = np.array(image, dtype=np.float32, order="C")
    if missing.all():
        return np.zeros_like(whole)
    if missing.any():
        nearest = distance_transform_edt(
            missing, sampling=spacing_mm, return_distances=False, return_indices=True
        )
        whole = whole[tuple(nearest)]
    return whole
