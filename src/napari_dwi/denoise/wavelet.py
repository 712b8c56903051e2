"""Wavelet shrinkage with a threshold for every scale and direction (BayesShrink), slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, denoiser
from napari_dwi.denoise._noisy_volume import NoisyVolume, filter_by_noise, slice_by_slice
from napari_dwi.methods.library_loading import load_library
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import choice, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Fewer samples have too few coefficients on a scale to learn a threshold from.
_SMALLEST_SLICE = 16


@dataclass(frozen=True, kw_only=True)
class WaveletParameters(DenoiseParameters):
    """Parameters of wavelet shrinkage."""

    wavelet: str = choice(
        "db1", ("db1", "db2", "db4", "sym8"), help="Daubechies 1 (Haar), 2, 4, or symlet 8."
    )
    levels: int = whole(3, low=1, high=6, help="Scales, each twice as coarse as the one before.")
    shifts: int = whole(
        4,
        low=1,
        high=8,
        help="Averages over so many shifts along each axis, which removes the block pattern; 1 is none.",
        advanced=True,
    )


def _filter(volume: NoisyVolume, parameters: WaveletParameters, context: Context) -> NDArray[np.float32]:
    load_library("skimage.restoration", "denoise_wavelet", context.progress.check)

    def shrink(noisy: NDArray[np.float32]) -> NDArray[np.floating]:
        total = np.zeros(noisy.shape)
        shifts = list(product(range(parameters.shifts), repeat=2))
        for x, y in shifts:
            context.progress.check()
            total += _shrunk(noisy, parameters, x, y)
        return total / len(shifts)

    return slice_by_slice(shrink, volume.image, context)


def _shrunk(
    noisy: NDArray[np.float32], parameters: WaveletParameters, x: int, y: int
) -> NDArray[np.floating]:
    """Shrink a slice whose blocks begin ``x``, ``y`` voxels before it."""
    from skimage.restoration import denoise_wavelet

    nx, ny = noisy.shape
    block = max(2**parameters.levels, _SMALLEST_SLICE)
    pad = [(x, -(nx + x) % block), (y, -(ny + y) % block)]
    padded = np.pad(noisy, pad, mode="symmetric")
    shrunk: NDArray[np.floating] = denoise_wavelet(
        padded,
        sigma=1.0,
        wavelet=parameters.wavelet,
        mode="soft",
        wavelet_levels=parameters.levels,
        method="BayesShrink",
        rescale_sigma=False,
    )
    return shrunk[x : x + nx, y : y + ny]


METHOD = Method(
    name="wavelet",
    title="Wavelet shrinkage (BayesShrink)",
    task="denoise",
    summary=(
        "Shrinks small wavelet coefficients of every slice towards zero. Keeps edges and detail, but leaves "
        "noise behind where the signal is weak. Assumes that neighbouring voxels' noise is independent."
    ),
    reference=(
        "Chang, Yu and Vetterli, Adaptive wavelet thresholding for image denoising and compression. "
        "IEEE Trans Image Process 9 (2000) 1532-1546; shifts after Coifman and Donoho (1995)"
    ),
    parameters=WaveletParameters,
    run=denoiser("wavelet", filter_by_noise(_filter)),
    context_slices=0,
    uses_torch=False,
)
