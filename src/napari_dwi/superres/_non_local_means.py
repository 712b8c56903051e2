"""Non-local means that know how noise looks on the finer grid, a part at a time so that a stop is heard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.methods.killable import call_killable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.progress import Progress

STRENGTH = 0.9
PATCH_RADIUS, SEARCH_RADIUS = 1, 3

# Measured: seconds for one voxel to be compared with one other.
_SECONDS_A_COMPARISON = 1.2e-8
# Strips that take no longer are filtered right here. Where patches reach so far that strips would
# mostly be margin, slices are filtered where they can be killed, so many at once that starting a
# process does not matter.
_SHORT_SECONDS = 0.1
_SECONDS_AT_ONCE = 3.0

# Radius of patches and of searches in voxels of the slices, and strength.
_Settings = tuple[int, int, float]


def non_local_means(
    image: NDArray[np.float32],
    noise_sd: float,
    factor: int,
    progress: Progress,
    *,
    strength: float = STRENGTH,
    patch_radius: int = PATCH_RADIUS,
    search_radius: int = SEARCH_RADIUS,
) -> NDArray[np.float32]:
    """Zero-filled slices without most of their noise.

    Parameters
    ----------
    image : ndarray, float32, shape (x, y, z)
        Zero-filled slices, without NaN; z is the slice axis.
    noise_sd : float
        SD of their noise, in the unit of the image; without noise the image stays as it is.
    factor : int
        Fine voxels for one that was acquired: noise is alike over as many, so that patches and searches
        have to be as much wider.
    progress : Progress
        Where it is, and whether to stop.
    strength : float
        How unlike two patches may be, in multiples of the noise (h / sigma).
    patch_radius, search_radius : int
        How far patches reach, and how far away others are looked for, in acquired voxels.

    Returns
    -------
    ndarray, as ``image``
        The same however much was filtered at once.
    """
    if not noise_sd > 0:
        return image
    settings = (factor * patch_radius, factor * search_radius, strength)
    scaled = image / np.float32(noise_sd)
    seconds_a_row = scaled.shape[1] * (2 * settings[1] + 1) ** 2 * _SECONDS_A_COMPARISON
    # A strip is filtered with the rows around it that its patches can reach.
    margin = settings[0] + settings[1]
    n_rows, at_once = scaled.shape[0], int(_SHORT_SECONDS / seconds_a_row)
    strip = n_rows if n_rows <= at_once else at_once - 2 * margin
    if strip >= min(margin, n_rows):
        means = _in_strips(scaled, settings, strip, progress)
    else:
        means = _in_slabs(scaled, settings, n_rows * seconds_a_row, progress)
    progress.report(1.0, "patches compared")
    return means * np.float32(noise_sd)


def _in_strips(
    scaled: NDArray[np.float32], settings: _Settings, strip: int, progress: Progress
) -> NDArray[np.float32]:
    """So many rows after the other, each with its margin, right here."""
    means = np.empty_like(scaled)
    n_rows, _, n_slices = scaled.shape
    margin = settings[0] + settings[1]
    for z in range(n_slices):
        for top in range(0, n_rows, strip):
            progress.report((z + top / n_rows) / n_slices, f"comparing patches, slice {z + 1}/{n_slices}")
            first, last = max(0, top - margin), min(top + strip, n_rows)
            seen = scaled[first : last + margin, :, z : z + 1]
            means[top:last, :, z : z + 1] = means_of(seen, settings)[top - first : last - first]
    return means


def _in_slabs(
    scaled: NDArray[np.float32], settings: _Settings, seconds_a_slice: float, progress: Progress
) -> NDArray[np.float32]:
    """Some slices after the others, in a process that can be killed."""
    means = np.empty_like(scaled)
    n_slices = scaled.shape[2]
    at_once = max(1, int(_SECONDS_AT_ONCE / seconds_a_slice))
    for z in range(0, n_slices, at_once):
        progress.report(z / n_slices, f"comparing patches, slice {z + 1}/{n_slices}")
        slab = scaled[..., z : z + at_once]
        seconds = seconds_a_slice * slab.shape[2]
        means[..., z : z + at_once] = call_killable(
            means_of, slab, settings, progress=progress, seconds=seconds
        )
    return means


def means_of(slices: NDArray[np.float32], settings: _Settings) -> NDArray[np.float32]:
    """Non-local means of slices whose noise has an SD of 1.

    Parameters
    ----------
    slices : ndarray, float32, shape (x, y, z)
        The slices.
    settings : (int, int, float)
        Radius of patches and of searches in voxels of the slices, and strength.
    """
    from skimage.restoration import denoise_nl_means

    patch_radius, search_radius, strength = settings
    means = [
        denoise_nl_means(
            np.ascontiguousarray(slices[..., z]),
            patch_size=2 * patch_radius + 1,
            patch_distance=search_radius,
            h=strength,
            sigma=1.0,
            fast_mode=True,
        )
        for z in range(slices.shape[2])
    ]
    return np.stack([np.asarray(one, np.float32).reshape(slices.shape[:2]) for one in means], axis=2)
