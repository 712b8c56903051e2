"""Zero-filling, then non-local means that know how noise looks on the finer grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.methods.killable import call_killable
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import number, whole
from napari_dwi.superres._super_resolving import Enhancer, FineVolume, SuperresParameters, super_resolver

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Measured: seconds for one voxel to be compared with one other.
_SECONDS_A_COMPARISON = 2.5e-8
# Slices that take no longer are filtered right here; longer ones where they can be killed, so many
# at once that starting a process does not matter.
_SHORT_SECONDS = 0.1
_SECONDS_AT_ONCE = 3.0


@dataclass(frozen=True, kw_only=True)
class ZeroFillNlmParameters(SuperresParameters):
    """Parameters of zero-filling with non-local means."""

    strength: float = number(
        0.9, low=0.1, high=5, help="How unlike two patches may be, in multiples of the noise (h / sigma)."
    )
    noise_sigma: float = number(
        0.0,
        low=0,
        high=1e9,
        help="Noise level sigma, in scanner units; 0 estimates it from the scan.",
        zero="estimated",
    )
    patch_radius: int = whole(
        1, low=1, high=4, unit="acquired voxels", help="Patches reach so far to either side.", advanced=True
    )
    search_radius: int = whole(
        3, low=1, high=15, unit="acquired voxels", help="Patches are looked for so far away.", advanced=True
    )


def _prepare(_parameters: ZeroFillNlmParameters, _context: Context) -> Enhancer:
    return Enhancer(_filter, "zero-filled, then non-local means")


def _filter(volume: FineVolume, parameters: ZeroFillNlmParameters, context: Context) -> NDArray[np.float32]:
    """Noise that is alike over ``factor`` voxels needs patches and searches as much wider."""
    settings = (
        volume.factor * parameters.patch_radius,
        volume.factor * parameters.search_radius,
        parameters.strength,
    )
    scaled = volume.image / np.float32(volume.noise_sd)
    means = np.empty_like(scaled)
    n_slices = scaled.shape[2]
    seconds = scaled[..., 0].size * (2 * settings[1] + 1) ** 2 * _SECONDS_A_COMPARISON
    at_once = 1 if seconds <= _SHORT_SECONDS else max(1, int(_SECONDS_AT_ONCE / seconds))
    for z in range(0, n_slices, at_once):
        context.progress.report(z / n_slices, f"comparing patches, slice {z + 1}/{n_slices}")
        slab = scaled[..., z : z + at_once]
        means[..., z : z + at_once] = call_killable(
            _means, slab, settings, progress=context.progress, seconds=seconds * slab.shape[2]
        )
    context.progress.report(1.0, "patches compared")
    return means * np.float32(volume.noise_sd)


def _means(slices: NDArray[np.float32], settings: tuple[int, int, float]) -> NDArray[np.float32]:
    from skimage.restoration import denoise_nl_means

    patch_radius, search_radius, strength = settings
    means = [
        denoise_nl_means(
            np.ascontiguousarray(slices[..., z]),
            patch_size=2 * patch_radius + 1,
            patch_distance=search_radius,
            h=strength,
            sigma=1.0,
            fast_mode=True,
        )
        for z in range(slices.shape[2])
    ]
    return np.stack([np.asarray(one, np.float32).reshape(slices.shape[:2]) for one in means], axis=2)


METHOD = Method(
    name="zero-fill-nlm",
    title="Zero-filling + NLM (non-local means)",
    task="superres",
    summary=(
        "Zero-filling, then non-local means for the noise that the finer grid makes visible. Needs no "
        "training; the one to begin with."
    ),
    reference=(
        "Manjon, Coupe, Buades et al., Non-local MRI upsampling, Med Image Anal 14 (2010) 784-792; here "
        "with zero-filling and a single pass"
    ),
    parameters=ZeroFillNlmParameters,
    run=super_resolver("zero-fill-nlm", _prepare),
    context_slices=0,
    uses_torch=False,
)
