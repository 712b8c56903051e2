"""Marchenko-Pastur PCA: removes what in small windows varies from volume to volume as noise does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, all_volumes, denoiser
from napari_dwi.measure.noise_sigma import LIKE_NEIGHBOURS, neighbours_likeness, noise_sds
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import whole
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray

# What the law needs to be recognised; with fewer volumes, voxels side by side fill up.
_ENOUGH_DIMENSIONS = 27
_RADIUS = 2
_RADIUS_OF_BLOCKS = 5


@dataclass(frozen=True, kw_only=True)
class MpPcaParameters(DenoiseParameters):
    """Parameters of Marchenko-Pastur PCA."""

    patch_radius: int = whole(
        0,
        low=0,
        high=8,
        unit="voxels",
        help="Windows reach so far to either side; 0 chooses 2, as the paper, or 5 for blocks of voxels.",
    )
    block: int = whole(
        0,
        low=0,
        high=4,
        unit="voxels",
        help="Voxels a side that are taken together, so that few volumes suffice; 0 chooses, 1 is the "
        "paper's.",
        advanced=True,
    )


def _denoise(
    inputs: Inputs, parameters: MpPcaParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._local_pca import LocalPca, denoise_by_pca

    series = inputs.series
    progress = all_volumes(inputs, context, targets)
    progress.report(0.0, "preparing")
    slice_axis = series.grid.slice_axis
    n_volumes = len(series.b_values)
    scales = np.array(
        [noise.sd or 1.0 for noise in noise_sds(series, parameters.noise_sigma, slice_axis, progress.check)],
        dtype=np.float32,
    )
    images = []
    for n in range(n_volumes):
        progress.check()
        whole_image = filled(series.signal[..., n], series.grid.spacing_mm)
        images.append(np.moveaxis(whole_image / scales[n], slice_axis, 2))
    block = parameters.block
    if block == 0:
        # Noise that voxels of a block share would pass for signal.
        alike = neighbours_likeness(series, slice_axis, progress.check) > LIKE_NEIGHBOURS
        block = 1 if alike else int(np.ceil(np.sqrt(_ENOUGH_DIMENSIONS / n_volumes)))
    radius = parameters.patch_radius or (_RADIUS if block == 1 else _RADIUS_OF_BLOCKS)
    denoised, kept = denoise_by_pca(np.stack(images, axis=3), LocalPca(radius, block), progress)
    signal = np.moveaxis(denoised[..., targets] * scales[targets], 2, slice_axis)
    return Denoised(np.asfortranarray(signal), {"components kept (mean over windows)": kept})


METHOD = Method(
    name="mp-pca",
    title="MP-PCA (Marchenko-Pastur)",
    task="denoise",
    summary=(
        "Removes the principal components of small windows that are no stronger than noise. Made for dozens "
        "of directions; with few volumes it takes neighbouring voxels together and gains little."
    ),
    reference=(
        "Veraart et al., Denoising of diffusion MRI using random matrix theory. NeuroImage 142 (2016) 394-406"
    ),
    parameters=MpPcaParameters,
    run=denoiser("mp-pca", _denoise),
    context_slices=12,
    uses_torch=False,
)
