"""Total variation (Rudin, Osher and Fatemi): the image with the least variation that explains the scan."""

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


@dataclass(frozen=True, kw_only=True)
class TotalVariationParameters(DenoiseParameters):
    """Parameters of total variation."""

    weight: float = number(0.7, low=0.01, high=20, help="Weight of the variation, in multiples of the noise.")
    iterations: int = whole(60, low=5, high=2000, help="Steps towards the solution.", advanced=True)


def _filter(
    volume: NoisyVolume, parameters: TotalVariationParameters, context: Context
) -> NDArray[np.float32]:
    """Minimise ``sum |grad u| + |u - f|^2 / (2 weight)`` by its dual.

    Chambolle's projections (J Math Imaging Vis 20 (2004) 89-97), accelerated as by Beck and Teboulle
    (IEEE Trans Image Process 18 (2009) 2419-2434); differences are divided by the distance of the
    voxels, in units of the smallest.
    """
    noisy = volume.image
    finest = min(volume.spacing_mm)
    distances = [mm / finest for mm in volume.spacing_mm]
    # Upper bound of the norm of grad and its adjoint.
    bound = 4 * sum(1 / distance**2 for distance in distances)
    weight = np.float32(parameters.weight)
    dual = [np.zeros_like(noisy) for _ in distances]
    ahead = [part.copy() for part in dual]
    momentum = 1.0
    for iteration in range(parameters.iterations):
        context.progress.report(
            iteration / parameters.iterations, f"step {iteration + 1}/{parameters.iterations}"
        )
        smooth = noisy - weight * _adjoint(ahead, distances)
        context.progress.check()
        new = [
            part + slope * np.float32(1 / (bound * weight))
            for part, slope in zip(ahead, _gradient(smooth, distances), strict=True)
        ]
        length = np.maximum(np.sqrt(sum(np.square(part) for part in new)), 1)
        context.progress.check()
        next_momentum = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        inertia = np.float32((momentum - 1) / next_momentum)
        for n, part in enumerate(new):
            part /= length
            ahead[n] = part + inertia * (part - dual[n])
        dual, momentum = new, next_momentum
    context.progress.report(1.0, "all steps done")
    return noisy - weight * _adjoint(dual, distances)


def _gradient(image: NDArray[np.float32], distances: list[float]) -> list[NDArray[np.float32]]:
    """Forward differences over distance; 0 at the far end of each axis."""
    slopes = []
    for axis, distance in enumerate(distances):
        slope = np.zeros_like(image)
        _part(slope, axis, slice(None, -1))[...] = np.diff(image, axis=axis) / np.float32(distance)
        slopes.append(slope)
    return slopes


def _adjoint(field: list[NDArray[np.float32]], distances: list[float]) -> NDArray[np.float32]:
    """The adjoint of `_gradient`: minus the divergence."""
    total = np.zeros_like(field[0])
    for axis, (part, distance) in enumerate(zip(field, distances, strict=True)):
        inner = _part(part, axis, slice(None, -1)) / np.float32(distance)
        _part(total, axis, slice(None, -1))[...] -= inner
        _part(total, axis, slice(1, None))[...] += inner
    return total


def _part(image: NDArray[np.float32], axis: int, part: slice) -> NDArray[np.float32]:
    index = [slice(None)] * image.ndim
    index[axis] = part
    return image[tuple(index)]


METHOD = Method(
    name="total-variation",
    title="Total variation (ROF)",
    task="denoise",
    summary=(
        "Finds the image with the least variation that explains the scan. Strong at low SNR, with sharp "
        "edges; contrast of small lesions shrinks and smooth tissue turns into steps."
    ),
    reference=(
        "Rudin, Osher and Fatemi, Nonlinear total variation based noise removal algorithms. "
        "Physica D 60 (1992) 259-268"
    ),
    parameters=TotalVariationParameters,
    run=denoiser("total-variation", filter_by_noise(_filter)),
    context_slices=10,
    uses_torch=False,
)
