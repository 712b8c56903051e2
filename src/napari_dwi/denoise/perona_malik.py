"""Anisotropic diffusion (Perona and Malik): smooths within regions and stops at their edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser
from napari_dwi.denoise._noisy_volume import NoisyVolume, filter_by_noise
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import number, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The largest step that cannot overshoot with six neighbours at distance 1 is 1/6.
_STEP = 1 / 7


@dataclass(frozen=True, kw_only=True)
class PeronaMalikParameters(DenoiseParameters):
    """Parameters of anisotropic diffusion."""

    edge: float = number(
        2.3,
        low=0.1,
        high=20,
        help="Differences between neighbours above so many times the noise count as edges (kappa).",
    )
    iterations: int = whole(15, low=1, high=1000, help="Steps; more smooth further.")


def _filter(volume: NoisyVolume, parameters: PeronaMalikParameters, context: Context) -> NDArray[np.float32]:
    """Explicit steps of eq. 7 with the conductance exp(-(difference / kappa)^2)."""
    image = volume.image.copy()
    # Fluxes fall with the square of the distance: slices far apart hardly mix.
    finest = min(volume.spacing_mm)
    weights = [np.float32((finest / mm) ** 2) for mm in volume.spacing_mm]
    kappa = np.float32(parameters.edge)
    for iteration in range(parameters.iterations):
        context.progress.report(
            iteration / parameters.iterations, f"step {iteration + 1}/{parameters.iterations}"
        )
        change = np.zeros_like(image)
        for axis, weight in enumerate(weights):
            context.progress.check()
            difference = np.diff(image, axis=axis)
            flux = difference * np.exp(-np.square(difference / kappa)) * weight
            _part(change, axis, slice(None, -1))[...] += flux
            _part(change, axis, slice(1, None))[...] -= flux
        image += np.float32(_STEP) * change
    context.progress.report(1.0, "all steps done")
    return image


def _part(image: NDArray[np.float32], axis: int, part: slice) -> NDArray[np.float32]:
    index = [slice(None)] * image.ndim
    index[axis] = part
    return image[tuple(index)]


METHOD = Method(
    name="perona-malik",
    title="Perona-Malik diffusion",
    task="denoise",
    summary=(
        "Lets intensities diffuse within regions but not across edges. Fast; takes weak lesions for noise "
        "once the noise is as strong as their contrast."
    ),
    reference=(
        "Perona and Malik, Scale-space and edge detection using anisotropic diffusion. "
        "IEEE Trans Pattern Anal Mach Intell 12 (1990) 629-639"
    ),
    parameters=PeronaMalikParameters,
    run=denoiser("perona-malik", filter_by_noise(_filter)),
    context_slices=10,
    uses_torch=False,
)
