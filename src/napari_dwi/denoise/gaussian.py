"""Gaussian filtering: the plainest denoiser, and the yardstick of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser, volume_by_volume
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import flag, number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class GaussianParameters(DenoiseParameters):
    """Parameters of Gaussian filtering."""

    sigma_mm: float = number(2.0, low=0.1, high=20, unit="mm", help="Width (SD) of the Gaussian kernel.")
    in_plane: bool = flag(True, help="Smooth within slices only; thick slices mix badly.")


def _smooth(
    inputs: Inputs, parameters: GaussianParameters, context: Context, volume: int
) -> NDArray[np.float32]:
    """Normalised convolution: voxels without a value neither count nor spread."""
    from scipy.ndimage import gaussian_filter1d

    signal = inputs.series.signal[..., volume]
    weight = np.isfinite(signal).astype(np.float32)
    smooth = np.where(weight > 0, signal, 0).astype(np.float32)
    spacing = inputs.series.grid.spacing_mm
    slice_axis = inputs.series.grid.slice_axis
    axes = [axis for axis in range(3) if not (parameters.in_plane and axis == slice_axis)]
    for step, axis in enumerate(axes):
        context.progress.report(step / len(axes), f"axis {step + 1}/{len(axes)}")
        sigma = parameters.sigma_mm / spacing[axis]
        smooth = gaussian_filter1d(smooth, sigma, axis=axis, mode="nearest")
        weight = gaussian_filter1d(weight, sigma, axis=axis, mode="nearest")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(smooth / weight, dtype=np.float32)


METHOD = Method(
    name="gaussian",
    title="Gaussian filter",
    task="denoise",
    summary="Averages every voxel with its neighbours. Instant and predictable, but blurs edges and lesions.",
    reference="Textbook linear filter",
    parameters=GaussianParameters,
    run=denoiser("gaussian", volume_by_volume(_smooth)),
    # As far as the widest kernel reaches: smoothing more slices than one costs nothing.
    context_slices=80,
    uses_torch=False,
)
