"""SI-CNN: an image network whose signals are renewed from similar neighbours and its own prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_dwi.fit._image_fitting import REFERENCE, image_fitter
from napari_dwi.fit._image_parameters import MODELS, RENEWING_PRESETS, SimilarParameters
from napari_dwi.fit._network_fitting import NO_OWN_SD
from napari_dwi.methods.method import Method

if TYPE_CHECKING:
    from napari_dwi.fit._image_iterations import Rules


def _rules(parameters: SimilarParameters) -> Rules:
    from napari_dwi.fit._image_iterations import Rules

    return Rules(
        fitting_max=parameters.fitting_max,
        around_diff=parameters.around_diff,
        tolerance=parameters.tolerance,
        limit=parameters.limit,
        epochs=parameters.iteration_epochs,
    )


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
    run=image_fitter(_rules),
    presets=RENEWING_PRESETS,
    models=MODELS,
)
