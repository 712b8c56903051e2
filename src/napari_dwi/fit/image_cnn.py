"""An image network trained without labels on the very scan it fits."""

from __future__ import annotations

from napari_dwi.fit._image_fitting import REFERENCE, image_fitter
from napari_dwi.fit._image_parameters import CNN_PRESETS, MODELS, ImageNetworkParameters
from napari_dwi.fit._network_fitting import NO_OWN_SD
from napari_dwi.methods.method import Method


def _nothing_renewed(_parameters: ImageNetworkParameters) -> None:
    return None


METHOD = Method(
    name="image-cnn",
    title="Image network (CNN)",
    task="fit",
    summary=(
        "Learns maps whose signal is that of the scan, from the slices of the scan alone; neighbours help "
        "each voxel, and small structures are smoothed. Stopped before it learns noise: trained on, it "
        f"comes close to least squares. {NO_OWN_SD}"
    ),
    reference=REFERENCE,
    parameters=ImageNetworkParameters,
    run=image_fitter(_nothing_renewed),
    presets=CNN_PRESETS,
    models=MODELS,
)
