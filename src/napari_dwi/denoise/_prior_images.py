"""The images a network or a regression predicts volumes from, and the voxels it learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_dwi.measure.foreground import foreground_mask
from napari_dwi.measure.noise_sigma import LIKE_NEIGHBOURS, neighbours_likeness
from napari_dwi.methods.killable import call_killable
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_patches import OwnNeighbours
    from napari_dwi.methods.method import Inputs
    from napari_dwi.methods.progress import Progress
    from napari_dwi.scan import DwiSeries

_Value = TypeVar("_Value", bound=np.generic)

# Scaling by the very maximum would hand the learning rate to a single bright voxel.
_SCALE_PERCENTILE = 99.5
# Of more voxels a sample tells the percentile as well.
_MOST_TO_SCALE = 200_000
# How alike the noise of neighbours is, some slices tell as well as many.
_ENOUGH_TO_COMPARE = 120_000
_FILLED_VOXELS_A_SECOND = 2e6


@dataclass(frozen=True, eq=False)
class PriorImages:
    """Volumes and anatomy of a scan, ready to predict from.

    Parameters
    ----------
    images : ndarray, float32, shape (n_volumes + n_anatomy, x, y, z)
        The volumes, then the anatomy, scaled so that bright voxels come to about one, gaps filled;
        z is the slice axis.
    scales : tuple of float
        What each has been divided by.
    n_volumes : int
        How many of them are volumes.
    body : ndarray of bool, shape (x, y, z)
        The foreground.
    slice_axis : int
        Which axis of the series has become z.
    """

    images: NDArray[np.float32]
    scales: tuple[float, ...]
    n_volumes: int
    body: NDArray[np.bool_]
    slice_axis: int

    def aligned(self, image: NDArray[_Value]) -> NDArray[_Value]:
        """An image of the scan with its slice axis last."""
        return np.ascontiguousarray(np.moveaxis(image, self.slice_axis, 2))

    def as_scanned(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """An image like these with its axes in the order of the scan."""
        return np.moveaxis(image, 2, self.slice_axis)


def prior_images(inputs: Inputs, use_anatomy: bool, progress: Progress) -> PriorImages:
    """The volumes and, if they are to be used, the anatomical images that overlap the series."""
    series, slice_axis = inputs.series, inputs.series.grid.slice_axis
    signal = [series.signal[..., n] for n in range(len(series.b_values))]
    anatomy = [image.data for image in inputs.anatomy if use_anatomy and np.isfinite(image.data).any()]
    scaled, scales = [], []
    for image in (*signal, *anatomy):
        progress.check()
        whole = without_gaps(image, series.grid.spacing_mm, progress)
        scale = _scale(whole)
        scaled.append(np.moveaxis(whole / np.float32(scale), slice_axis, 2))
        scales.append(scale)
    body = np.moveaxis(foreground_mask(series, progress.check), slice_axis, 2)
    progress.check()
    images = np.stack(scaled).astype(np.float32, copy=False)
    progress.check()
    return PriorImages(images, tuple(scales), len(signal), np.ascontiguousarray(body), slice_axis)


def without_gaps(
    image: NDArray[np.float32], spacing_mm: tuple[float, float, float], progress: Progress
) -> NDArray[np.float32]:
    """An image, its gaps filled; this takes long where there are any, and can be stopped."""
    if np.isfinite(image).all():
        return image
    seconds = image.size / _FILLED_VOXELS_A_SECOND
    return call_killable(filled, image, spacing_mm, progress=progress, seconds=seconds)


def independent_neighbours(series: DwiSeries, progress: Progress) -> OwnNeighbours:
    """Which neighbours of a voxel have noise of their own: all, or those in other slices only."""
    axis = series.grid.slice_axis
    n_slices = series.grid.shape[axis]
    kept = min(n_slices, max(1, _ENOUGH_TO_COMPARE * n_slices // int(np.prod(series.grid.shape))))
    first = (n_slices - kept) // 2
    start, stop = [0, 0, 0], list(series.grid.shape)
    start[axis], stop[axis] = first, first + kept
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    grid = series.grid.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    some = replace(series, signal=series.signal[box], grid=grid)
    alike = neighbours_likeness(some, axis, progress.check)
    return "other slices" if alike > LIKE_NEIGHBOURS else "all"


def _scale(image: NDArray[np.float32]) -> float:
    """What an image is divided by, so that its bright voxels come to about one."""
    sample = np.abs(image.reshape(-1)[:: max(1, image.size // _MOST_TO_SCALE)])
    return float(np.percentile(sample, _SCALE_PERCENTILE)) or float(np.abs(image).max(initial=0.0)) or 1.0
