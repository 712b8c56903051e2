"""DI-CNN: an image network that replaces badly fitted samples by its prediction, and learns again."""

from __future__ import annotations

from napari_dwi.fit._image_fitting import REFERENCE, image_fitter, renewing
from napari_dwi.fit._image_parameters import MODELS, RENEWING_PRESETS, RenewingParameters
from napari_dwi.fit._network_fitting import NO_OWN_SD
from napari_dwi.methods.method import Method

METHOD = Method(
    name="di-cnn",
    title="DI-CNN",
    task="fit",
    summary=(
        "The image network, trained again and again: what it fitted badly becomes its prediction. SI-CNN "
        "without its averaging of similar neighbours, to compare with: in simulations no better than the "
        f"image network stopped early. {NO_OWN_SD}"
    ),
    reference=REFERENCE,
    parameters=RenewingParameters,
    run=image_fitter(renewing),
    presets=RENEWING_PRESETS,
    models=MODELS,
)
