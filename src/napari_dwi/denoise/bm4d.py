"""BM4D: groups similar cubes and filters each group in a transform, by Tampere's own library."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser
from napari_dwi.denoise._noisy_volume import NoisyVolume, filter_by_noise
from napari_dwi.errors import BadInputError
from napari_dwi.methods.killable import call_killable
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

LICENCE = "BM4D's library may be used for non-commercial purposes only (licence of Tampere University)"

# Measured: seconds for the smallest volume, and for one voxel more.
_SECONDS_AT_LEAST = 2.0
_SECONDS_A_VOXEL = 1.5e-4
# Cubes have 4 voxels a side, 8 in a plane; the search needs a little more.
_SMALLEST_EDGE = 16


@dataclass(frozen=True, kw_only=True)
class Bm4dParameters(DenoiseParameters):
    """Parameters of BM4D."""

    profile: str = choice(
        "normal", ("normal", "refilter"), help="Filter once, or twice, which takes longer.", advanced=True
    )


def _denoise(inputs: Inputs, parameters: Any, context: Context, targets: NDArray[np.intp]) -> Denoised:
    if importlib.util.find_spec("bm4d") is None:
        raise BadInputError(
            "BM4D is not installed",
            expected="the extra napari-dwi[bm4d]",
            remedy=f'Install it by: pip install "napari-dwi[bm4d]". {LICENCE}.',
        )
    made = _filter_all(inputs, parameters, context, targets)
    return replace(made, warnings=(LICENCE,))


def _filter(volume: NoisyVolume, parameters: Bm4dParameters, context: Context) -> NDArray[np.float32]:
    shape = volume.image.shape
    missing = [max(0, _SMALLEST_EDGE - n) if axis < 2 else 0 for axis, n in enumerate(shape)]
    padded = np.pad(volume.image, [(0, n) for n in missing], mode="symmetric")
    context.progress.report(0.0, "grouping cubes")
    seconds = _SECONDS_AT_LEAST + padded.size * _SECONDS_A_VOXEL
    profile = {"normal": "np", "refilter": "refilter"}[parameters.profile]
    smooth = call_killable(_bm4d, padded, profile, progress=context.progress, seconds=seconds)
    context.progress.report(1.0, "cubes filtered")
    return smooth[tuple(slice(n) for n in shape)]


def _bm4d(image: NDArray[np.float32], profile: str) -> NDArray[np.float32]:
    from bm4d import bm4d

    return np.asarray(bm4d(image, 1.0, profile), dtype=np.float32).reshape(image.shape)


_filter_all = filter_by_noise(_filter)

METHOD = Method(
    name="bm4d",
    title="BM4D (non-commercial licence)",
    task="denoise",
    summary=(
        "Filters groups of similar cubes together; the best of the classical filters, a minute or more for "
        "each volume. Assumes white noise. Needs the extra napari-dwi[bm4d], whose library may be used for "
        "non-commercial purposes only."
    ),
    reference=(
        "Maggioni et al., Nonlocal transform-domain filter for volumetric data denoising and "
        "reconstruction. IEEE Trans Image Process 22 (2013) 119-133"
    ),
    parameters=Bm4dParameters,
    run=denoiser("bm4d", _denoise),
    context_slices=8,
    uses_torch=False,
)
