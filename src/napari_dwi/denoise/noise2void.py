"""Noise2Void: a network learns to guess voxels that were replaced by others from their surroundings."""

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
class Noise2VoidParameters(SliceNetworkParameters):
    """Parameters of Noise2Void; 64 voxels of a crop of 64 x 64 are hidden, as in the paper."""

    hidden_share: float = number(
        0.0156, low=0.001, high=0.2, help="Share of voxels hidden in a training step.", advanced=True
    )
    reach: int = whole(
        5,
        low=1,
        high=20,
        unit="voxels",
        help="Hidden voxels are replaced by others so far away.",
        advanced=True,
    )


def _task(parameters: Noise2VoidParameters, *_: object) -> tuple[nn.Module, BlindSpotTask, int]:
    from napari_dwi.denoise._masked_voxels import HiddenVoxels
    from napari_dwi.denoise._slice_networks import UNET_MULTIPLE, UNet

    return UNet(parameters.width), HiddenVoxels(parameters.hidden_share, parameters.reach), UNET_MULTIPLE


METHOD = Method(
    name="noise2void",
    title="Noise2Void",
    task="denoise",
    summary=(
        "Trains a network on the slices of each volume to guess a few hidden voxels. Uses neither the other "
        "b-values nor anatomy; leaves noise that neighbouring voxels share. Minutes on a CPU."
    ),
    reference=("Krull, Buchholz and Jug, Noise2Void: learning denoising from single noisy images. CVPR 2019"),
    parameters=Noise2VoidParameters,
    run=denoiser("noise2void", slice_networks(_task)),
    context_slices=3,
)
