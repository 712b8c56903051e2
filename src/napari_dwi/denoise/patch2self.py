"""Patch2Self: each volume is predicted from the others, whose noise is independent of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser
from napari_dwi.denoise._predicting import denoise_by_patches
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice, flag, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Patch2SelfParameters(DenoiseParameters):
    """Parameters of Patch2Self."""

    use_anatomy: bool = flag(
        True, help="Predict from the anatomical images too; the paper, with many volumes, does not."
    )
    regression: str = choice(
        "least squares", ("least squares", "ridge"), help="How the weights are found.", advanced=True
    )
    patch_radius: int = whole(
        0, low=0, high=2, unit="voxels", help="Patches reach so far to either side.", advanced=True
    )


def _denoise(
    inputs: Inputs, parameters: Patch2SelfParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._linear_patches import LinearPatches

    how = LinearPatches(parameters.patch_radius, "none", ridge=parameters.regression == "ridge")
    return denoise_by_patches(inputs, parameters.use_anatomy, how, context, targets)


METHOD = Method(
    name="patch2self",
    title="Patch2Self",
    task="denoise",
    summary=(
        "Predicts each volume from all others and the anatomy by least squares. Made for many directions; "
        "with few b-values the prediction is as noisy as they are."
    ),
    reference=(
        "Fadnavis, Batson and Garyfallidis, Patch2Self: denoising diffusion MRI with self-supervised "
        "learning. NeurIPS 33 (2020) 16293-16303"
    ),
    parameters=Patch2SelfParameters,
    run=denoiser("patch2self", _denoise),
    uses_torch=False,
)
