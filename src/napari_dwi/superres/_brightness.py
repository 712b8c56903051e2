"""The unit of brightness that networks work in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What counts as the brightest tissue: of the voxels above a tenth of the highest ones.
_BRIGHTEST_PERCENTILE = 99.0
_TISSUE_SHARE = 0.1


def brightest_tissue(image: NDArray[np.float32]) -> float:
    """The brightness of the brightest tissue, whatever the share of air.

    Parameters
    ----------
    image : ndarray, any shape
        A whole volume, in scanner units; without NaN.

    Returns
    -------
    float
        In scanner units; 1 for an image in which nothing is bright.
    """
    highest = float(np.percentile(image, 99.9))
    tissue = image[image > _TISSUE_SHARE * highest]
    return float(np.percentile(tissue, _BRIGHTEST_PERCENTILE)) if tissue.size and highest > 0 else 1.0
