"""Non-linear least squares within bounds: the standard fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BOUND_PRESETS, SearchParameters, model_choice
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.methods.method import Context, Method

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MODELS = ("ivim", "ivim-dfast", "sivim", "triexp", "ivim-kurtosis", "adc")


@dataclass(frozen=True, kw_only=True)
class LeastSquaresParameters(SearchParameters):
    """Parameters of least squares."""

    model: str = model_choice(*_MODELS)


def _prepare(problem: FitProblem, _parameters: LeastSquaresParameters, _context: Context) -> FitChunk:
    from napari_dwi.fit._least_squares import least_squares

    def fit(signal: NDArray[np.float32]) -> Estimates:
        return least_squares(signal, problem)

    return fit


METHOD = Method(
    name="least-squares",
    title="Least squares",
    task="fit",
    summary=(
        "Fits every voxel by itself, from the best of a grid of starts, within named bounds. The usual "
        "choice at good SNR; at low SNR single-voxel D* says little, and D is biased by the noise floor."
    ),
    reference=(
        "Golub and Pereyra, variable projection, SIAM J Numer Anal 10 (1973); Marquardt, J SIAM 11 (1963)"
    ),
    parameters=LeastSquaresParameters,
    run=fitter(voxel_by_voxel(_prepare)),
    presets=BOUND_PRESETS,
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
