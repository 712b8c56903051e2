"""MM-BSN: a network that is blind to each voxel by its architecture, with several shapes of blindness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.denoise._denoising import denoiser
from napari_dwi.denoise._slice_by_slice import SliceNetworkParameters, slice_networks
from napari_dwi.measure.noise_sigma import LIKE_NEIGHBOURS, neighbours_likeness
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice

if TYPE_CHECKING:
    from torch import nn

    from napari_dwi.denoise._blind_spot import BlindSpotTask


@dataclass(frozen=True, kw_only=True)
class MultiMaskParameters(SliceNetworkParameters):
    """Parameters of MM-BSN."""

    apart: str = choice(
        "auto",
        ("auto", "1", "2", "3"),
        help="Takes every so many voxels together, so that the noise of neighbours becomes independent.",
    )


def _task(
    parameters: MultiMaskParameters, inputs: Inputs, context: Context
) -> tuple[nn.Module, BlindSpotTask, int]:
    from napari_dwi.denoise._blind_network import BlindNetwork
    from napari_dwi.denoise._slice_networks import MultiMaskNetwork

    if parameters.apart == "auto":
        likeness = neighbours_likeness(inputs.series, inputs.series.grid.slice_axis, context.progress.check)
        apart = 2 if likeness > LIKE_NEIGHBOURS else 1
    else:
        apart = int(parameters.apart)
    return MultiMaskNetwork(parameters.width), BlindNetwork(apart), apart


METHOD = Method(
    name="mm-bsn",
    title="MM-BSN (multi-mask blind spot)",
    task="denoise",
    summary=(
        "Trains a network that is blind to the voxel it predicts, on the slices of each volume. Splits the "
        "slices where neighbouring voxels' noise is alike. Uses neither the other b-values nor anatomy."
    ),
    reference=(
        "Zhang et al., MM-BSN: self-supervised image denoising for real-world with multi-mask based on "
        "blind-spot network. CVPR Workshops 2023; a small network trained on the scan itself instead of "
        "the paper's, trained on photographs"
    ),
    parameters=MultiMaskParameters,
    run=denoiser("mm-bsn", slice_networks(_task)),
    context_slices=3,
)
