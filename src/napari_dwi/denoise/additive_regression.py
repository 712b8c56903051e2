"""Additive regression: each volume from curves of the anatomy and means around the voxel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.denoise._denoising import Denoised, DenoiseParameters, denoiser
from napari_dwi.denoise._predicting import chosen_neighbours, denoise_by_prediction
from napari_dwi.methods.method import Context, Inputs, Method
from napari_dwi.methods.parameters import choice, flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._linear_prediction import ToPredict
    from napari_dwi.methods.progress import Progress


@dataclass(frozen=True, kw_only=True)
class AdditiveRegressionParameters(DenoiseParameters):
    """Parameters of additive regression."""

    use_anatomy: bool = flag(True, help="Predict from the anatomical images too.")
    own_neighbours: str = choice(
        "auto",
        ("auto", "all", "farther"),
        help="Whose mean in the volume itself helps to predict a voxel: all around it, or those farther than "
        "two voxels in its slice; auto leaves out those whose noise is alike.",
    )


def _denoise(
    inputs: Inputs, parameters: AdditiveRegressionParameters, context: Context, targets: NDArray[np.intp]
) -> Denoised:
    from napari_dwi.denoise._additive import AdditiveColumns, ImageFacts
    from napari_dwi.denoise._linear_prediction import predict

    series = inputs.series
    own = chosen_neighbours(parameters.own_neighbours, series, context.progress)
    how = ImageFacts(len(series.b_values), series.grid.spacing_slices_last_mm, alike=own != "all")

    def predict_additively(wanted: ToPredict, progress: Progress) -> NDArray[np.float32]:
        columns = AdditiveColumns(wanted, how, progress.part(0, 2))
        return predict(columns, wanted, ridge=True, progress=progress.part(1, 2))

    return denoise_by_prediction(inputs, parameters.use_anatomy, predict_additively, True, context, targets)


METHOD = Method(
    name="additive-regression",
    title="Additive regression",
    task="denoise",
    summary=(
        "Predicts each volume from curves of anatomical brightness and means of other volumes and of its own "
        "surroundings. Seconds; strong where noise is strong and the anatomy fits."
    ),
    reference=(
        "Own; additive models after Hastie and Tibshirani (Statistical Science 1 (1986) 297-310), with a "
        "blind spot and ridge by generalised cross-validation"
    ),
    parameters=AdditiveRegressionParameters,
    run=denoiser("additive-regression", _denoise),
    context_slices=3,
    uses_torch=False,
)
