"""Combining several predictions of a noisy image by what they leave of voxels they have not seen.

A prediction that has not seen a voxel's own noise differs from the noisy voxel by its error and that
noise, and the noise is the same for all predictions. So the combination closest to the noisy voxels
is the one closest to the truth.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Correlated noise reaches so far to either side within a slice; beyond, two voxels are independent.
_CORRELATED_VOXELS = 2
_SLICES_ASIDE = 2
# How far weights are expected to be from the expected ones.
_WEIGHT_SD = 0.2
_LEAST_WEIGHT = 0.15


def weights_of_mixture(
    products: NDArray[np.floating], n_voxels: int, expected: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Weights, not negative and 1 in all, with which predictions come closest to noisy values.

    Which weights are best is itself uncertain where the noise is strong. So this is a regression with
    a prior: the weights that are expected, each give or take 0.2. Where voxels tell predictions apart
    it does not matter; where they cannot, the weights stay what was expected. A prediction has a share
    that counts, or none: what small shares would gain is less than what the weights are wrong by where
    tissues differ.

    Parameters
    ----------
    products : ndarray, shape (n_predictions, n_predictions)
        Mean over voxels of the products of differences to the noisy values. Each prediction is
        independent of the noise of the voxel.
    n_voxels : int
        Over how many.
    expected : ndarray, shape (n_predictions,)
        The weights that are expected.

    Returns
    -------
    ndarray, shape (n_predictions,)
        0, or 0.15 and more. Exact, as every set of predictions that may have weight is tried.
    """
    mean = np.asarray(products, dtype=np.float64)
    noise = max(float(mean.diagonal().min()), 0.0)
    strength = noise / (n_voxels * _WEIGHT_SD**2)
    matrix = mean + strength * np.eye(len(mean))
    best: NDArray[np.float64] = np.asarray(expected, dtype=np.float64)
    least = np.inf
    for chosen in _subsets(len(mean)):
        index = list(chosen)
        # The last row and column make the sum 1 (Lagrange). Equal predictions make the rest
        # singular: least squares then.
        system = np.ones((len(index) + 1, len(index) + 1))
        system[-1, -1] = 0.0
        scale = float(matrix[index, index].mean()) or 1.0
        system[:-1, :-1] = matrix[np.ix_(index, index)] / scale
        values = np.append(strength * np.asarray(expected)[index] / scale, 1.0)
        weights = np.zeros(len(mean))
        weights[index] = np.linalg.lstsq(system, values, rcond=1e-12)[0][:-1]
        if (weights[index] < _LEAST_WEIGHT).any():
            continue
        loss = float(weights @ matrix @ weights - 2 * strength * weights @ expected)
        if loss < least:
            best, least = weights, loss
    return best


def gains(parts: NDArray[np.floating], left: NDArray[np.floating]) -> NDArray[np.float64]:
    """Factors, not negative, with which parts (n_parts, n_voxels) add up to most of what is left."""
    rows = np.asarray(parts, dtype=np.float64)
    products, with_left = rows @ rows.T, rows @ np.asarray(left, dtype=np.float64)
    best, explained = np.zeros(len(rows)), 0.0
    for chosen in _subsets(len(rows)):
        index = list(chosen)
        factors = np.linalg.lstsq(products[np.ix_(index, index)], with_left[index], rcond=1e-10)[0]
        gain = float(factors @ with_left[index])
        if (factors >= 0).all() and gain > explained:
            best, explained = np.zeros(len(rows)), gain
            best[index] = factors
    return best


def surrounding_mean(
    image: NDArray[np.float32],
    inside: NDArray[np.bool_],
    spacing_mm: tuple[float, float, float],
    sigma_mm: float,
    alike: bool,
    check: Callable[[], None],
) -> NDArray[np.float32]:
    """Gaussian mean around every voxel of a region, without the voxel itself.

    Parameters
    ----------
    image : ndarray, float32, shape (x, y, z)
        z is the slice axis.
    inside : ndarray of bool, shape (x, y, z)
        The region to average over.
    spacing_mm : (float, float, float)
        Voxel size.
    sigma_mm : float
        SD of the Gaussian.
    alike : bool
        Whether noise is alike between neighbours in a slice; then those within two voxels are left
        out too.
    check : callable
        Called often; raises to stop.

    Returns
    -------
    ndarray, float32, shape (x, y, z)
        0 where there is nothing to average.
    """
    sigma = [sigma_mm / mm for mm in spacing_mm[:2]]
    known = inside.astype(np.float32)
    sums = _blurred(image * known, sigma, spacing_mm[2], sigma_mm, alike, check)
    shares = _blurred(known, sigma, spacing_mm[2], sigma_mm, alike, check)
    return np.where(shares > 1e-4, sums / np.maximum(shares, 1e-4), 0).astype(np.float32)


def _blurred(
    image: NDArray[np.float32],
    sigma: list[float],
    slice_mm: float,
    sigma_mm: float,
    alike: bool,
    check: Callable[[], None],
) -> NDArray[np.float32]:
    from scipy.ndimage import convolve, gaussian_filter

    left_out = _kernel_centre(sigma, _CORRELATED_VOXELS if alike else 0)
    n_slices = image.shape[2]
    blurred = np.empty_like(image)
    total = np.zeros_like(image)
    for z in range(n_slices):
        check()
        blurred[..., z] = gaussian_filter(image[..., z], sigma, mode="constant")
    for z in range(n_slices):
        check()
        for other in range(max(0, z - _SLICES_ASIDE), min(n_slices, z + _SLICES_ASIDE + 1)):
            total[..., z] += blurred[..., other] * np.float32(
                np.exp(-0.5 * ((other - z) * slice_mm / sigma_mm) ** 2)
            )
        total[..., z] -= convolve(image[..., z], left_out, mode="constant")
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


def _subsets(n: int) -> list[tuple[int, ...]]:
    return [chosen for size in range(1, n + 1) for chosen in itertools.combinations(range(n), size)]
