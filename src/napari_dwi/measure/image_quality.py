"""How close an image comes to a known truth: PSNR and SSIM inside a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Window of Wang et al. 2004.
_SSIM_SIGMA = 1.5
_SSIM_WINDOW = 11


def psnr(
    image: NDArray[np.float32], truth: NDArray[np.float32], mask: NDArray[np.bool_], data_range: float
) -> float:
    """Peak signal-to-noise ratio inside a mask.

    Parameters
    ----------
    image, truth : ndarray, shape (x, y, z)
        In the same unit.
    mask : ndarray of bool, shape (x, y, z)
        Where to compare; background would decide the figure otherwise.
    data_range : float
        The peak: by custom the maximum of the truth at that b-value.

    Returns
    -------
    float
        dB; infinite if both are equal.
    """
    error = float(np.mean((image[mask].astype(np.float64) - truth[mask]) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(
    image: NDArray[np.float32], truth: NDArray[np.float32], mask: NDArray[np.bool_], data_range: float
) -> float:
    """Structural similarity (Wang et al. 2004), slice by slice, averaged over a mask.

    Parameters
    ----------
    image, truth : ndarray, shape (x, y, z)
        In the same unit; z is the slice axis. Slices must be at least 11 voxels wide.
    mask : ndarray of bool, shape (x, y, z)
        Voxels whose local similarity is averaged.
    data_range : float
        As for `psnr`.
    """
    local = np.empty(image.shape)
    for z in range(image.shape[2]):
        local[..., z] = _similarity(image[..., z], truth[..., z], data_range)
    return float(local[mask].mean())


def ssim_3d(
    image: NDArray[np.float32], truth: NDArray[np.float32], mask: NDArray[np.bool_], data_range: float
) -> float:
    """Structural similarity with a window in all three directions, averaged over a mask.

    Thick slices differ more from their neighbours than voxels within them, so that this is stricter
    than `ssim`, and the two are not to be compared.

    Parameters
    ----------
    image, truth, mask, data_range
        As for `ssim`.

    Returns
    -------
    float
        NaN where an axis is shorter than the window of 11 voxels.
    """
    if min(image.shape) < _SSIM_WINDOW:
        return float("nan")
    return float(_similarity(image, truth, data_range)[mask].mean())


def _similarity(
    image: NDArray[np.float32], truth: NDArray[np.float32], data_range: float
) -> NDArray[np.float64]:
    """Local similarity with the Gaussian window of Wang et al. (2004), of slices or of volumes."""
    from skimage.metrics import structural_similarity

    _, local = structural_similarity(
        truth.astype(np.float64),
        image.astype(np.float64),
        data_range=data_range,
        gaussian_weights=True,
        sigma=_SSIM_SIGMA,
        win_size=_SSIM_WINDOW,
        use_sample_covariance=False,
        full=True,
    )
    return np.asarray(local)
