"""One volume as filters like it: without gaps, slices last, and in units of its noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._denoising import Denoised, each_volume
from napari_dwi.measure.noise_sigma import noise_sds
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.scan import format_b_value
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class NoisyVolume:
    """A volume whose noise has an SD of 1 within tissue.

    Parameters
    ----------
    image : ndarray, float32, shape (x, y, z)
        Without NaN; z is the slice axis.
    spacing_mm : (float, float, float)
        Voxel size along x, y and z.
    """

    image: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]


# Denoise one volume: an image like the one given.
FilterVolume = Callable[[NoisyVolume, Any, Context], "NDArray[np.float32]"]


def filter_by_noise(filter_volume: FilterVolume) -> Callable[..., Denoised]:
    """A function for all volumes from a filter for one whose noise has an SD of 1.

    Because a filter sees multiples of the noise only, the unit of the signal does not matter to it.
    A volume without noise comes back as it is. The noise levels are told as figures.
    """

    def denoise_all(inputs: Inputs, parameters: Any, context: Context, targets: NDArray[np.intp]) -> Denoised:
        series = inputs.series
        slice_axis = series.grid.slice_axis
        noise = noise_sds(series, parameters.noise_sigma, slice_axis, context.progress.check)
        denoised = np.empty((*series.grid.shape, len(targets)), dtype=np.float32, order="F")
        figures = {}
        for step, volume, part in each_volume(inputs, context, targets):
            image = filled(series.signal[..., volume], series.grid.spacing_mm)
            sd = np.float32(noise[volume].sd)
            if sd > 0:
                scaled = np.ascontiguousarray(np.moveaxis(image / sd, slice_axis, 2))
                smooth = filter_volume(
                    NoisyVolume(scaled, series.grid.spacing_slices_last_mm), parameters, part
                )
                image = np.moveaxis(smooth, 2, slice_axis) * sd
            denoised[..., step] = image
            b_value = format_b_value(float(series.b_values.values[volume]))
            figures[f"noise SD {noise[volume].origin}, volume {volume}, b = {b_value}"] = float(sd)
        return Denoised(denoised, figures)

    return denoise_all


def slice_by_slice(
    filter_slice: Callable[[NDArray[np.float32]], NDArray[np.floating]],
    image: NDArray[np.float32],
    context: Context,
) -> NDArray[np.float32]:
    """Filter every slice of an image by itself."""
    filtered = np.empty_like(image)
    n_slices = image.shape[2]
    for z in range(n_slices):
        context.progress.report(z / n_slices, f"slice {z + 1}/{n_slices}")
        filtered[..., z] = filter_slice(image[..., z])
    context.progress.report(1.0, "all slices done")
    return filtered
