"""Zero-Shot Noise2Noise: two half-resolution images of the same slice learn to predict each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.denoise._denoising import denoiser
from napari_dwi.denoise._slice_by_slice import SliceNetworkParameters, slice_networks
from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import number, whole

if TYPE_CHECKING:
    from torch import nn

    from napari_dwi.denoise._blind_spot import BlindSpotTask


@dataclass(frozen=True, kw_only=True)
class ZeroShotParameters(SliceNetworkParameters):
    """Parameters of Zero-Shot Noise2Noise; ``paper`` takes its 2000 steps."""

    width: int = whole(48, low=2, high=256, help="Channels of the network.", advanced=True)
    learning_rate: float = number(
        1e-3, low=1e-6, high=1.0, help="Of Adam at the start; falls as a cosine.", advanced=True
    )


def _task(parameters: ZeroShotParameters, *_: object) -> tuple[nn.Module, BlindSpotTask, int]:
    from napari_dwi.denoise._slice_networks import PlainNetwork
    from napari_dwi.denoise._slice_pairs import SlicePairs

    return PlainNetwork(parameters.width), SlicePairs(), 2


METHOD = Method(
    name="zs-n2n",
    title="Zero-Shot Noise2Noise",
    task="denoise",
    summary=(
        "Trains a tiny network on two coarser images made of the same slice. Uses neither the other b-values "
        "nor anatomy; assumes that neighbouring voxels' noise is independent. Minutes on a CPU."
    ),
    reference=(
        "Mansour and Heckel, Zero-Shot Noise2Noise: efficient image denoising without any data. CVPR 2023"
    ),
    parameters=ZeroShotParameters,
    run=denoiser("zs-n2n", slice_networks(_task)),
    presets={"paper": {"steps": 2000}},
    context_slices=3,
)
