"""Noise2Self: a network learns to fill in voxels of a grid that were hidden from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.denoise._denoising import denoiser
from napari_dwi.denoise._slice_by_slice import SliceNetworkParameters, slice_networks
from napari_dwi.methods.method import Method
from napari_dwi.methods.parameters import whole

if TYPE_CHECKING:
    from torch import nn

    from napari_dwi.denoise._blind_spot import BlindSpotTask


@dataclass(frozen=True, kw_only=True)
class Noise2SelfParameters(SliceNetworkParameters):
    """Parameters of Noise2Self."""

    grid: int = whole(
        4, low=2, high=8, unit="voxels", help="Spacing of the voxels hidden at a time.", advanced=True
    )


def _task(parameters: Noise2SelfParameters, *_: object) -> tuple[nn.Module, BlindSpotTask, int]:
    from napari_dwi.denoise._masked_voxels import HiddenGrid
    from napari_dwi.denoise._slice_networks import UNET_MULTIPLE, UNet

    return UNet(parameters.width), HiddenGrid(parameters.grid), UNET_MULTIPLE


METHOD = Method(
    name="noise2self",
    title="Noise2Self",
    task="denoise",
    summary=(
        "Trains a network on the slices of each volume to guess voxels hidden from it. Uses neither other "
        "b-values nor anatomy; assumes that neighbouring voxels' noise is independent. Minutes on a CPU."
    ),
    reference="Batson and Royer, Noise2Self: blind denoising by self-supervision. ICML 2019, PMLR 97:524-533",
    parameters=Noise2SelfParameters,
    run=denoiser("noise2self", slice_networks(_task)),
    context_slices=3,
)
