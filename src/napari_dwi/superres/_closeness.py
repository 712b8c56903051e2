"""How close a slice comes to the sharp one, within tissue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.measure.image_quality import psnr, ssim

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of the brightest tissue, what counts as tissue at all.
_TISSUE = 0.1
# SSIM has no window for narrower slices.
_NARROWEST = 11


@dataclass(frozen=True)
class Closeness:
    """Figures of one slice.

    Parameters
    ----------
    mse : float
        Mean squared error, in units of the brightest tissue squared.
    psnr : float
        The same in dB, with the brightest tissue as range.
    ssim : float
        Structural similarity; NaN for slices narrower than its window.
    """

    mse: float
    psnr: float
    ssim: float


def closeness(image: NDArray[np.float32], sharp: NDArray[np.float32]) -> Closeness | None:
    """Compare a slice with the sharp one, which is noisy too, so that no error comes down to 0.

    Parameters
    ----------
    image, sharp : ndarray, float32, shape (h, w)
        In units of the brightest tissue.

    Returns
    -------
    Closeness or None
        ``None`` if the sharp slice has no tissue.
    """
    tissue = sharp > _TISSUE
    if not tissue.any():
        return None
    mse = float(np.square(image - sharp, dtype=np.float64)[tissue].mean())
    stacks = image[..., None], sharp[..., None], tissue[..., None]
    alike = ssim(*stacks, data_range=1.0) if min(sharp.shape) >= _NARROWEST else float("nan")
    return Closeness(mse, psnr(*stacks, data_range=1.0), alike)
