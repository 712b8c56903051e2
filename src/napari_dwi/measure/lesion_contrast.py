"""How much of a lesion's contrast is left in an image; PSNR and SSIM do not see small lesions vanish."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def contrast_recovery(
    image: NDArray[np.floating],
    truth: NDArray[np.floating],
    lesion: NDArray[np.bool_],
    around: NDArray[np.bool_],
) -> float:
    """Contrast of a lesion with its surroundings in an image, relative to that in the truth.

    Parameters
    ----------
    image, truth : ndarray, shape (x, y, z)
        In the same unit. Voxels without a value (NaN) in either are left out.
    lesion, around : ndarray of bool, shape (x, y, z)
        The lesion, and tissue to compare it with (see `surroundings`).

    Returns
    -------
    float
        (mean lesion - mean around) in the image over the same in the truth: 1 keeps all of it, 0
        none. NaN if a region has no voxel or there is no contrast in the truth.
    """
    known = np.isfinite(image) & np.isfinite(truth)
    lesion, around = lesion & known, around & known
    if not lesion.any() or not around.any():
        return float("nan")
    left, whole = (
        float(values[lesion].mean(dtype=np.float64) - values[around].mean(dtype=np.float64))
        for values in (image, truth)
    )
    return left / whole if whole else float("nan")


def surroundings(
    lesion: NDArray[np.bool_], tissue: NDArray[np.bool_], gap: int = 1, width: int = 4
) -> NDArray[np.bool_]:
    """Tissue around a lesion, slice by slice.

    Parameters
    ----------
    lesion, tissue : ndarray of bool, shape (x, y, z)
        The lesion, and what it may be compared with; z is the slice axis.
    gap, width : int
        Voxels left out next to the lesion, which are partly lesion, and the width of the ring.

    Returns
    -------
    ndarray of bool, shape (x, y, z)
        The ring.
    """
    from scipy.ndimage import binary_dilation, generate_binary_structure

    if not lesion.any():
        return np.zeros_like(lesion)
    in_plane = generate_binary_structure(2, 1)[:, :, None]
    near = binary_dilation(lesion, in_plane, iterations=gap) if gap else lesion
    far = binary_dilation(lesion, in_plane, iterations=gap + width)
    return np.asarray(far & ~near & tissue)
