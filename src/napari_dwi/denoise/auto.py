"""Auto: BL-INR and two regressions together, each as far as unseen voxels say so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser, outside_the_mask
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice, flag, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise.bl_inr import BlInrParameters

BALANCED = "balanced"
_SHARE_OF_TRAINING = 0.9


@dataclass(frozen=True, kw_only=True)
class AutoParameters(DenoiseParameters):
    """Parameters of Auto."""

    use_anatomy: bool = flag(True, help="Learn from the anatomical images too.")
    add_back: bool = flag(
        True, help="Add back what is left of structure, such as a lesion, in the mean of the residual around."
    )
    networks: str = choice(
        BALANCED, (BALANCED, "fast"), help="Settings of BL-INR, which takes nearly all of the time."
    )
    steps: int = whole(
        0,
        low=0,
        high=1_000_000,
        help="Most training steps of BL-INR; 0 is as in its settings.",
        advanced=True,
    )


def _denoise(
    inputs: Inputs, parameters: AutoParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._combining import combined
    from napari_dwi.denoise._represented import represented

    volumes = inputs.series.signal[..., targets]
    progress = context.progress
    training = replace(progress, stop=progress.start + _SHARE_OF_TRAINING * (progress.stop - progress.start))
    found = represented(inputs, _bl_inr(parameters), replace(context, progress=training), targets)
    if found is None:
        return Denoised(volumes)
    finishing = replace(progress, start=training.stop, prefix=f"{progress.prefix}combining, ")
    made = combined(found, inputs, parameters.add_back, replace(context, progress=finishing))
    found.put_into(volumes, made.images, targets)
    spread = np.zeros_like(volumes)
    found.put_into(spread, found.told.spread, targets)
    return Denoised(volumes, made.figures, outside_the_mask(inputs), spread, {"Combination": made.facts})


def _bl_inr(parameters: AutoParameters) -> BlInrParameters:
    from napari_dwi.denoise.bl_inr import METHOD as BL_INR

    preset = None if parameters.networks == BALANCED else parameters.networks
    values = BL_INR.settings(preset).as_dict() | {"use_anatomy": parameters.use_anatomy}
    values |= {"steps": parameters.steps} if parameters.steps else {}
    settings: BlInrParameters = BL_INR.parameters.from_values(values)  # type: ignore[assignment]
    return settings


METHOD = Method(
    name="auto",
    title="Auto",
    task="denoise",
    summary=(
        "Mixes BL-INR, patch regression and additive regression volume by volume, as voxels they have not "
        "seen say is best, and adds back structure left in the residual. The choice when in doubt."
    ),
    reference=(
        "Own; stacking after Wolpert (Neural Networks 5 (1992) 241-259), with the error estimated as in "
        "Batson and Royer, Noise2Self (ICML 2019)"
    ),
    parameters=AutoParameters,
    run=denoiser("auto", _denoise),
    presets={"fast": {"networks": "fast"}},
)
