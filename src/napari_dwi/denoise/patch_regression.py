"""Linear patch regression: each volume from patches of the others, the anatomy and its own neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser
from napari_dwi.denoise._predicting import chosen_neighbours, denoise_by_patches
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice, flag, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class PatchRegressionParameters(DenoiseParameters):
    """Parameters of linear patch regression."""

    use_anatomy: bool = flag(True, help="Predict from the anatomical images too.")
    own_neighbours: str = choice(
        "auto",
        ("auto", "all", "other slices", "none"),
        help="Neighbours of a voxel in its own volume that help to predict it; auto leaves out those whose "
        "noise is alike.",
    )
    patch_radius: int = whole(
        1, low=1, high=2, unit="voxels", help="Patches reach so far to either side.", advanced=True
    )


def _denoise(
    inputs: Inputs, parameters: PatchRegressionParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._linear_patches import LinearPatches

    own = chosen_neighbours(parameters.own_neighbours, inputs.series, context.progress)
    how = LinearPatches(parameters.patch_radius, own, ridge=True)
    return denoise_by_patches(inputs, parameters.use_anatomy, how, context, targets)


METHOD = Method(
    name="patch-regression",
    title="Linear patch regression",
    task="denoise",
    summary=(
        "Predicts each volume linearly from small patches of all others, of the anatomy and of its own "
        "neighbourhood. Seconds, and strong with few b-values; lesions seen in one volume only grow fainter."
    ),
    reference=(
        "Own, after Fadnavis, Batson and Garyfallidis, Patch2Self (NeurIPS 2020), with patches, anatomy, "
        "blind-spot neighbours and ridge by generalised cross-validation"
    ),
    parameters=PatchRegressionParameters,
    run=denoiser("patch-regression", _denoise),
    context_slices=3,
    uses_torch=False,
)
