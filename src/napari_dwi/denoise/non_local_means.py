"""Non-local means: averages voxels whose surroundings look alike, wherever they lie nearby."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser
from napari_dwi.denoise._noisy_volume import NoisyVolume, filter_by_noise, slice_by_slice
from napari_dwi.methods.killable import call_killable
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import flag, number, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Measured: seconds for one voxel to be compared with one other.
_SECONDS_A_COMPARISON = 2.5e-8


@dataclass(frozen=True, kw_only=True)
class NonLocalMeansParameters(DenoiseParameters):
    """Parameters of non-local means."""

    strength: float = number(
        0.8, low=0.1, high=5, help="How unlike two patches may be, in multiples of the noise (h / sigma)."
    )
    in_plane: bool = flag(True, help="Search within slices only; much faster, and better for thick slices.")
    patch_radius: int = whole(
        2, low=1, high=4, unit="voxels", help="Patches reach so far to either side.", advanced=True
    )
    search_radius: int = whole(
        5, low=1, high=15, unit="voxels", help="Patches are looked for so far away.", advanced=True
    )


def _filter(
    volume: NoisyVolume, parameters: NonLocalMeansParameters, context: Context
) -> NDArray[np.float32]:
    settings = (parameters.patch_radius, parameters.search_radius, parameters.strength)
    axes = 2 if parameters.in_plane or volume.image.shape[2] == 1 else 3
    comparisons = (2 * parameters.search_radius + 1) ** axes

    def seconds(image: NDArray[np.float32]) -> float:
        return float(image.size * comparisons * _SECONDS_A_COMPARISON)

    if axes == 2 and seconds(volume.image[..., 0]) < 1:
        return slice_by_slice(partial(_means, settings=settings), volume.image, context)
    context.progress.report(0.0, "comparing patches")
    means = call_killable(
        _means, volume.image, settings, progress=context.progress, seconds=seconds(volume.image)
    )
    context.progress.report(1.0, "patches compared")
    return means


def _means(image: NDArray[np.float32], settings: tuple[int, int, float]) -> NDArray[np.float32]:
    from skimage.restoration import denoise_nl_means

    patch_radius, search_radius, strength = settings
    means = denoise_nl_means(
        image,
        patch_size=2 * patch_radius + 1,
        patch_distance=search_radius,
        h=strength,
        sigma=1.0,
        fast_mode=True,
    )
    # Axes of a single voxel get lost in the library.
    return np.asarray(means, dtype=np.float32).reshape(image.shape)


METHOD = Method(
    name="non-local-means",
    title="Non-local means",
    task="denoise",
    summary=(
        "Averages voxels whose surroundings look alike. Good where structures repeat; where noise prevails "
        "it flattens small lesions."
    ),
    reference=(
        "Buades, Coll and Morel, A non-local algorithm for image denoising. CVPR 2005; in three "
        "dimensions as Coupe et al., IEEE Trans Med Imaging 27 (2008) 425-441"
    ),
    parameters=NonLocalMeansParameters,
    run=denoiser("non-local-means", filter_by_noise(_filter)),
    context_slices=6,
    uses_torch=False,
)
