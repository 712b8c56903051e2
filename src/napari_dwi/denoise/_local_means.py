"""Gaussian means around voxels, among the voxels of a region and without the voxel itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLICES_ASIDE = 2
# Correlated noise reaches so far to either side within a slice; beyond, two voxels are independent.
_CORRELATED_VOXELS = 2
_SMALLEST_SHARE = 1e-4


def reach_of_noise(alike: bool) -> int:
    """So many voxels to either side have noise like that of a voxel."""
    return _CORRELATED_VOXELS if alike else 0


class LocalMeans:
    """Means among the voxels of a region.

    Parameters
    ----------
    inside : ndarray of bool, shape (x, y, z)
        The region; z is the slice axis.
    spacing_mm : (float, float, float)
        Voxel size.
    check : callable
        Called often; raises to stop.
    """

    def __init__(
        self,
        inside: NDArray[np.bool_],
        spacing_mm: tuple[float, float, float],
        check: Callable[[], None],
    ) -> None:
        self._known, self._spacing_mm, self._check = inside.astype(np.float32), spacing_mm, check
        self._shares: dict[tuple[float, int | None], NDArray[np.float32]] = {}

    def around(
        self, image: NDArray[np.float32], sigma_mm: float, left_out: int | None = None
    ) -> NDArray[np.float32]:
        """The mean around every voxel.

        Parameters
        ----------
        image : ndarray, float32, shape (x, y, z)
            What to average.
        sigma_mm : float
            SD of the Gaussian.
        left_out : int, optional
            Voxels of the slice that do not count: none, or the voxel itself and so many to either
            side.

        Returns
        -------
        ndarray, float32, shape (x, y, z)
            0 where there is nothing to average.
        """
        key = (sigma_mm, left_out)
        if key not in self._shares:
            self._shares[key] = self._blurred(self._known, *key)
        shares, sums = self._shares[key], self._blurred(image * self._known, *key)
        enough = shares > _SMALLEST_SHARE
        return np.where(enough, sums / np.maximum(shares, _SMALLEST_SHARE), 0).astype(np.float32)

    def _blurred(
        self, image: NDArray[np.float32], sigma_mm: float, left_out: int | None
    ) -> NDArray[np.float32]:
        from scipy.ndimage import convolve, gaussian_filter

        sigma = [sigma_mm / mm for mm in self._spacing_mm[:2]]
        n_slices, slice_mm = image.shape[2], self._spacing_mm[2]
        blurred = np.empty_like(image)
        total = np.zeros_like(image)
        for z in range(n_slices):
            self._check()
            blurred[..., z] = gaussian_filter(image[..., z], sigma, mode="constant")
        for z in range(n_slices):
            self._check()
            for other in range(max(0, z - _SLICES_ASIDE), min(n_slices, z + _SLICES_ASIDE + 1)):
                total[..., z] += blurred[..., other] * np.float32(
                    np.exp(-0.5 * ((other - z) * slice_mm / sigma_mm) ** 2)
                )
            if left_out is not None:
                total[..., z] -= convolve(image[..., z], _kernel_centre(sigma, left_out), mode="constant")
        return total


def _kernel_centre(sigma: list[float], reach: int) -> NDArray[np.float32]:
    """The middle of the kernel with which `scipy.ndimage.gaussian_filter` blurs a slice."""
    along = []
    for sd in sigma:
        radius = int(4 * sd + 0.5)
        weight = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sd) ** 2)
        weight /= weight.sum()
        kept = min(reach, radius)
        along.append(weight[radius - kept : radius + kept + 1])
    return np.outer(*along).astype(np.float32)
