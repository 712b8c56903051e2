"""SI-CNN: an image network whose signals are renewed from similar neighbours and its own prediction."""

from __future__ import annotations

from napari_dwi.fit._image_fitting import REFERENCE, image_fitter, renewing
from napari_dwi.fit._image_parameters import MODELS, RENEWING_PRESETS, SimilarParameters
from napari_dwi.fit._network_fitting import NO_OWN_SD
from napari_dwi.methods.method import Method

METHOD = Method(
    name="si-cnn",
    title="SI-CNN",
    task="fit",
    summary=(
        "The image network, trained again and again on better signals: the mean over neighbours that it "
        "predicts to be alike, and its prediction where it fitted badly. Better than the image network "
        "where neighbours are truly alike, as in simulations; in two real scans it was not. Compare the "
        "errors of held-out samples before and after. "
        f"{NO_OWN_SD}"
    ),
    reference=REFERENCE,
    parameters=SimilarParameters,
    run=image_fitter(renewing),
    presets=RENEWING_PRESETS,
    models=MODELS,
)
