"""Bringing anatomy and regions onto the grid of the diffusion series, once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.scan.grid import Grid
from napari_dwi.scan.images import Volume

# Finer images are smoothed before they are sampled more coarsely than this; sigma is in source
# voxels per unit of the ratio and was measured to give the noise of the partial-volume mean.
_COARSER_RATIO = 1.5
_SMOOTHING_PER_RATIO = 0.28
# Half a voxel belongs to the outermost sample, as in the centre-based view of a voxel.
_EDGE_VOXELS = 0.5
_LEAST_OVERLAP = 0.01


def resample_to(volume: Volume, grid: Grid) -> Volume:
    """Sample a volume at the voxel centres of another grid.

    Images are interpolated trilinearly, after smoothing along the axes where the new grid is more
    than 1.5 times coarser; masks and labels take the nearest voxel. What lies outside the volume
    is NaN (0 for masks and labels).

    Parameters
    ----------
    volume : Volume
        The image to bring over, shape (x, y, z).
    grid : Grid
        The grid of the result.

    Returns
    -------
    Volume
        On ``grid``, with notes on what was done. The volume itself if it already lies there.

    Raises
    ------
    BadInputError
        If less than 1 % of the grid lies inside the volume.
    """
    if volume.grid.same_as(grid):
        return volume
    from scipy.ndimage import affine_transform

    is_labels = volume.kind in ("mask", "labels")
    to_source = np.linalg.inv(volume.grid.affine) @ grid.affine
    inside = _inside(to_source, grid.shape, volume.grid.shape)
    if inside.mean() < _LEAST_OVERLAP:
        raise BadInputError(
            f"{volume.name} does not lie over the diffusion series",
            expected="at least 1 % of the voxels in common",
            found=f"{100 * inside.mean():.1f} %",
            remedy="Choose an image of the same patient and examination.",
        )
    data = volume.data
    how = ", nearest voxel" if is_labels else ""
    notes = [f"resampled to the grid of the series{how}, overlap {100 * inside.mean():.0f} %"]
    missing = ~np.isfinite(data)
    if not is_labels:
        sigma = _smoothing(to_source, volume.grid.shape)
        if any(sigma):
            from scipy.ndimage import gaussian_filter

            # Missing values would spread over their neighbourhood: the mean is taken over the others,
            # and they are put back afterwards.
            data = gaussian_filter(np.where(missing, 0, data).astype(np.float32), sigma, mode="nearest")
            if missing.any():
                weight = gaussian_filter((~missing).astype(np.float32), sigma, mode="nearest")
                data = np.divide(data, weight, where=weight > 0, out=np.zeros_like(data))
            widths = ", ".join(f"{s:.2f}" for s in sigma)
            notes.append(f"smoothed before by a Gaussian of sigma ({widths}) of its own voxels")
    sampled = affine_transform(
        np.where(missing, 0, data),
        to_source,
        output_shape=grid.shape,
        order=0 if is_labels else 1,
        mode="nearest",
        output=np.float32,
    )
    if missing.any():
        gone = affine_transform(
            missing.astype(np.float32), to_source, output_shape=grid.shape, order=1, mode="nearest"
        )
        inside &= gone <= 0
    sampled[~inside] = 0 if is_labels else np.nan
    return replace(volume, data=sampled, grid=grid, notes=(*volume.notes, *notes))


def overlap(source: Grid, grid: Grid) -> float:
    """The share of a grid's voxel centres that lie inside a volume with the grid ``source``, 0 to 1."""
    to_source = np.linalg.inv(source.affine) @ grid.affine
    return float(_inside(to_source, grid.shape, source.shape).mean())


def _inside(to_source: np.ndarray, shape: tuple[int, ...], source_shape: tuple[int, ...]) -> np.ndarray:
    x, y, z = np.ogrid[: shape[0], : shape[1], : shape[2]]
    inside = np.ones(shape, dtype=bool)
    # Rounding of the affine must not cut off a voxel that lies exactly on the edge.
    margin = _EDGE_VOXELS + 1e-6
    for row, size in zip(to_source[:3], source_shape, strict=True):
        position = row[0] * x + row[1] * y + row[2] * z + row[3]
        inside &= (position >= -margin) & (position <= size - 1 + margin)
    return inside


def _smoothing(to_source: np.ndarray, source_shape: tuple[int, ...]) -> tuple[float, ...]:
    """Gaussian sigma in source voxels along each source axis; 0 where the new grid is not coarser."""
    steps = np.abs(to_source[:3, :3]).max(axis=1)
    return tuple(
        float(_SMOOTHING_PER_RATIO * step) if step > _COARSER_RATIO and size > 1 else 0.0
        for step, size in zip(steps, source_shape, strict=True)
    )
