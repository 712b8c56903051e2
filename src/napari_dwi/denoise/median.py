"""Median filtering: keeps edges that a Gaussian would blur, and loses what is smaller than its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser, volume_by_volume
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import flag, whole
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class MedianParameters(DenoiseParameters):
    """Parameters of median filtering."""

    radius: int = whole(1, low=1, high=5, unit="voxels", help="The window reaches so far to either side.")
    in_plane: bool = flag(False, help="Look within slices only; thick slices mix badly.")


def _denoise(
    inputs: Inputs, parameters: MedianParameters, context: Context, volume: int
) -> NDArray[np.float32]:
    from scipy.ndimage import median_filter

    grid = inputs.series.grid
    slice_axis = grid.slice_axis
    image = np.moveaxis(filled(inputs.series.signal[..., volume], grid.spacing_mm), slice_axis, 2)
    radius = parameters.radius
    margin = 0 if parameters.in_plane else radius
    window = (2 * radius + 1, 2 * radius + 1, 2 * margin + 1)
    padded = np.pad(image, [(0, 0), (0, 0), (margin, margin)], mode="edge")
    smooth = np.empty_like(image)
    n_slices = image.shape[2]
    for z in range(n_slices):
        context.progress.report(z / n_slices, f"slice {z + 1}/{n_slices}")
        slab = padded[..., z : z + 2 * margin + 1]
        smooth[..., z] = median_filter(slab, window, mode="nearest")[..., margin]
    context.progress.report(1.0, "all slices done")
    return np.moveaxis(smooth, 2, slice_axis)


METHOD = Method(
    name="median",
    title="Median filter",
    task="denoise",
    summary=(
        "Takes the median of every voxel's neighbourhood. Keeps straight edges; rounds corners and removes "
        "what is smaller than the window."
    ),
    reference="Tukey, Exploratory Data Analysis (1977)",
    parameters=MedianParameters,
    run=denoiser("median", volume_by_volume(_denoise)),
    context_slices=5,
    uses_torch=False,
)
