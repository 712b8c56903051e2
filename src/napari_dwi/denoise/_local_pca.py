"""Principal components of small windows, of which those that are pure noise are removed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.progress import Progress

# Numbers gathered at once: decomposed within 0.1 s, and little memory.
_NUMBERS_AT_ONCE = 400_000


@dataclass(frozen=True)
class LocalPca:
    """Windows reach ``radius`` voxels to either side; ``block`` voxels a side of a slice go together."""

    radius: int
    block: int


def denoise_by_pca(
    images: NDArray[np.float32], how: LocalPca, progress: Progress
) -> tuple[NDArray[np.float32], float]:
    """Denoise volumes together by Marchenko-Pastur PCA of overlapping windows.

    The samples of a window are its voxels (or blocks of voxels side by side, which do not overlap,
    so that their noise is independent), their dimensions the volumes (times the voxels of a block).
    Windows overlap by two thirds or so along each axis; where they do, results are averaged with
    weights 1 / (1 + components kept), after Manjon et al. 2013.

    Parameters
    ----------
    images : ndarray, shape (x, y, z, volumes)
        Without NaN, with the same noise in every volume; z is the slice axis.
    how : LocalPca
        Windows.
    progress : Progress
        Where to report.

    Returns
    -------
    ndarray, float32, shape (x, y, z, volumes)
        The denoised volumes.
    float
        Mean number of components kept.
    """
    shape, n_volumes = images.shape[:3], images.shape[3]
    blocks = [min(how.block, n) for n in shape[:2]] + [1]
    size = [_window(n, how.radius, block) for n, block in zip(shape, blocks, strict=True)]
    # Every second voxel within slices: blocks of three then begin at each of their voxels.
    steps = (2, 2, how.radius // 2 + 1)
    corners = [_corners(n, width, step) for n, width, step in zip(shape, size, steps, strict=True)]
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    samples, dimensions = _offsets(size, blocks, strides)
    offsets = samples[:, None] + dimensions
    flat = np.ascontiguousarray(images).reshape(-1, n_volumes)
    total = np.zeros(flat.shape, dtype=np.float64)
    weight = np.zeros(len(flat), dtype=np.float64)
    windows = np.array(list(product(*corners))) @ strides
    at_once = max(1, _NUMBERS_AT_ONCE // (offsets.size * n_volumes))
    kept = 0
    for start in range(0, len(windows), at_once):
        progress.report(start / len(windows), f"window {start + 1}/{len(windows)}")
        # windows, samples, dimensions
        voxels = windows[start : start + at_once, None, None] + offsets
        noisy = flat[voxels].reshape(len(voxels), len(samples), -1).astype(np.float64)
        progress.check()
        clean, components = without_noise_components(noisy)
        share = 1 / (1 + components)
        clean = clean.reshape(*voxels.shape, n_volumes) * share[:, None, None, None]
        kept += int(components.sum())
        for sample, dimension in np.ndindex(offsets.shape):
            progress.check()
            where = voxels[:, sample, dimension]
            total[where] += clean[:, sample, dimension]
            weight[where] += share
    progress.report(1.0, "all windows done")
    denoised = (total / weight[:, None]).astype(np.float32).reshape(images.shape)
    return denoised, kept / len(windows)


def without_noise_components(
    samples: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Remove the principal components that are as strong as those of pure noise.

    The eigenvalues of the covariance of pure noise fill the range of the Marchenko-Pastur law,
    4 sqrt(dimensions / samples) times the noise variance wide. From the weakest on, as many
    components are noise as fit into the range that belongs to their own mean (Veraart et al. 2016,
    eq. 10 to 12).

    Parameters
    ----------
    samples : ndarray, shape (windows, samples, dimensions)
        Noisy samples.

    Returns
    -------
    ndarray, as ``samples``
        The samples without these components.
    ndarray of int, shape (windows,)
        Components kept.
    """
    n_samples, n_dimensions = samples.shape[1:]
    mean = samples.mean(axis=1, keepdims=True)
    centred = samples - mean
    covariance = centred.transpose(0, 2, 1) @ centred / n_samples
    strength, directions = np.linalg.eigh(covariance)
    # Rounding leaves negative ones where there is no noise.
    strength = np.maximum(strength, 0)
    count = np.arange(1, n_dimensions + 1)
    average = np.cumsum(strength, axis=1) / count
    width = strength - strength[:, :1]
    is_noise = width <= 4 * np.sqrt(count / n_samples) * average
    # The weakest alone always fits; of the others the strongest that fits decides.
    noise = n_dimensions - np.argmax(is_noise[:, ::-1], axis=1)
    signal = np.arange(n_dimensions) >= noise[:, None]
    projector = (directions * signal[:, None, :]) @ directions.transpose(0, 2, 1)
    return mean + centred @ projector, n_dimensions - noise


def _window(n: int, radius: int, block: int) -> int:
    """The edge of a window along an axis of ``n`` voxels: whole blocks, at least one."""
    return max(min(2 * radius + 1, n) // block, 1) * block


def _corners(n: int, width: int, step: int) -> NDArray[np.intp]:
    """Where windows begin: a step apart, and so that the last voxel is in one."""
    last = n - width
    return np.unique(np.append(np.arange(0, last + 1, min(step, width)), last))


def _offsets(
    size: list[int], blocks: list[int], strides: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Flat offsets of the blocks of a window, and of the voxels within a block."""
    first = [range(0, n, block) for n, block in zip(size, blocks, strict=True)]
    within = [range(block) for block in blocks]
    return np.array(list(product(*first))) @ strides, np.array(list(product(*within))) @ strides
