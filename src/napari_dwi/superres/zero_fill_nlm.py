"""Zero-filling, then non-local means that know how noise looks on the finer grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import noise_level, number, whole
from napari_dwi.superres._non_local_means import PATCH_RADIUS, SEARCH_RADIUS, STRENGTH, non_local_means
from napari_dwi.superres._super_resolving import Enhancer, FineVolume, SuperresParameters, super_resolver

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ZeroFillNlmParameters(SuperresParameters):
    """Parameters of zero-filling with non-local means."""

    strength: float = number(
        STRENGTH,
        low=0.1,
        high=5,
        help="How unlike two patches may be, in multiples of the noise (h / sigma).",
    )
    noise_sigma: float = noise_level()
    patch_radius: int = whole(
        PATCH_RADIUS,
        low=1,
        high=4,
        unit="acquired voxels",
        help="Patches reach so far to either side.",
        advanced=True,
    )
    search_radius: int = whole(
        SEARCH_RADIUS,
        low=1,
        high=15,
        unit="acquired voxels",
        help="Patches are looked for so far away.",
        advanced=True,
    )


def _prepare(_parameters: ZeroFillNlmParameters, _context: Context) -> Enhancer:
    return Enhancer(_filter, "zero-filled, then non-local means")


def _filter(volume: FineVolume, parameters: ZeroFillNlmParameters, context: Context) -> NDArray[np.float32]:
    return non_local_means(
        volume.image,
        volume.noise_sd,
        volume.factor,
        context.progress,
        strength=parameters.strength,
        patch_radius=parameters.patch_radius,
        search_radius=parameters.search_radius,
    )


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
