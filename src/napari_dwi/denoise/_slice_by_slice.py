"""What methods share that train a network on the slices of each volume."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.denoise._denoising import DenoiseParameters, DenoiseVolumes, volume_by_volume
from napari_dwi.methods.method import Context, Inputs
from napari_dwi.methods.parameters import number, whole
from napari_dwi.scan.missing import filled

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from napari_dwi.denoise._blind_spot import BlindSpotTask


@dataclass(frozen=True, kw_only=True)
class SliceNetworkParameters(DenoiseParameters):
    """Parameters of methods that train a network on the slices of each volume."""

    steps: int = whole(400, low=1, high=100_000, help="Training steps for each volume.")
    width: int = whole(16, low=2, high=256, help="Channels of the network.", advanced=True)
    batch_size: int = whole(
        4, low=1, high=256, help="Crops of slices (64 x 64 voxels) in a training step.", advanced=True
    )
    learning_rate: float = number(
        2e-3, low=1e-6, high=1.0, help="Of Adam at the start; falls as a cosine.", advanced=True
    )


# The network, what it learns, and the multiple its slices must have, for parameters and inputs.
MakeTask = Callable[[Any, Inputs, Context], "tuple[nn.Module, BlindSpotTask, int]"]


def slice_networks(make_task: MakeTask) -> DenoiseVolumes:
    """A function for all volumes that trains a network of its own on each of them."""

    def denoise(
        inputs: Inputs, parameters: SliceNetworkParameters, context: Context, volume: int
    ) -> NDArray[np.float32]:
        import torch

        from napari_dwi.denoise._blind_spot import SliceTraining, denoise_slices

        grid = inputs.series.grid
        axis = grid.slice_axis
        signal = inputs.series.signal[..., volume]
        image = np.moveaxis(filled(signal, grid.spacing_mm), axis, 2)
        mean, spread = float(image.mean(dtype=np.float64)), float(image.std(dtype=np.float64))
        if spread <= 1e-6 * abs(mean):
            return np.moveaxis(image, 2, axis)
        # Each volume has a network and a seed of its own, whichever others are denoised with it.
        seed = context.seed * 1_000_003 + volume
        torch.manual_seed(seed)
        network, task, multiple = make_task(parameters, inputs, context)
        denoised = denoise_slices(
            ((image - np.float32(mean)) / np.float32(spread)).astype(np.float32),
            np.moveaxis(np.isfinite(signal), axis, 2),
            network,
            task,
            SliceTraining(parameters.steps, parameters.batch_size, parameters.learning_rate),
            multiple,
            context,
            seed,
        )
        return np.moveaxis(denoised * np.float32(spread) + np.float32(mean), 2, axis)

    return volume_by_volume(denoise)
