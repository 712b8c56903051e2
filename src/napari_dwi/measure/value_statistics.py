"""How the values of a map are spread, and how far they lie from a reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.measure.image_quality import psnr, ssim

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# The window of structural similarity is that wide.
_SSIM_WINDOW = 11


@dataclass(frozen=True)
class ValueStatistics:
    """Values of some voxels, in their unit; those that are not finite are only counted.

    Parameters
    ----------
    n, n_missing : int
        Voxels with a value, and without one.
    mean, sd : float
        Mean and standard deviation (n - 1).
    median, lower_quartile, upper_quartile : float
        What half, a quarter and three quarters of the voxels lie below.
    """

    n: int
    n_missing: int
    mean: float
    sd: float
    median: float
    lower_quartile: float
    upper_quartile: float


def value_statistics(values: ArrayLike) -> ValueStatistics:
    """The spread of some values; NaN where there are too few of them."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    known = numbers[np.isfinite(numbers)]
    n = int(known.size)
    nan = float("nan")
    lower, median, upper = (float(q) for q in np.percentile(known, [25, 50, 75])) if n else (nan, nan, nan)
    return ValueStatistics(
        n,
        int(numbers.size) - n,
        float(known.mean()) if n else nan,
        float(known.std(ddof=1)) if n > 1 else nan,
        median,
        lower,
        upper,
    )


@dataclass(frozen=True)
class ReferenceErrors:
    """How far an image lies from a reference inside a region.

    Parameters
    ----------
    n : int
        Voxels that both have a value for.
    bias, sd, rmse : float
        Mean, standard deviation (n - 1) and root mean square of image minus reference, in its unit.
    psnr : float
        dB, the largest value of the reference in the region as the peak.
    ssim : float
        Structural similarity; NaN where slices are narrower than its window.
    """

    n: int
    bias: float
    sd: float
    rmse: float
    psnr: float
    ssim: float


def reference_errors(
    image: NDArray[np.float32], reference: NDArray[np.float32], inside: NDArray[np.bool_]
) -> ReferenceErrors:
    """Compare an image with a reference.

    Parameters
    ----------
    image, reference : ndarray, float32, shape (x, y, z)
        In the same unit; voxels without a value in either are left out.
    inside : ndarray of bool, shape (x, y, z)
        The region.

    Returns
    -------
    ReferenceErrors
        NaN where there is nothing to compare.
    """
    known = inside & np.isfinite(image) & np.isfinite(reference)
    n = int(known.sum())
    nan = float("nan")
    if not n:
        return ReferenceErrors(0, nan, nan, nan, nan, nan)
    error = image[known].astype(np.float64) - reference[known]
    peak = float(reference[known].max())
    similarity = nan
    if min(image.shape[:2]) >= _SSIM_WINDOW and peak > 0:
        # Outside both are alike, so that only what lies inside tells them apart.
        similarity = ssim(_only(image, known), _only(reference, known), known, peak)
    return ReferenceErrors(
        n,
        float(error.mean()),
        float(error.std(ddof=1)) if n > 1 else nan,
        float(np.sqrt(np.mean(error**2))),
        psnr(image, reference, known, peak) if peak > 0 else nan,
        similarity,
    )


def _only(image: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.where(known, image, np.float32(0))
