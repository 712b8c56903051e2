"""Maximum likelihood: the fit that knows how the noise of magnitude images is distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import (
    AS_GIVEN,
    BOUND_PRESETS,
    SearchParameters,
    model_choice,
    repeats_choice,
)
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.measure.estimator_limits import Noise
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import choice

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MODELS = ("ivim", "ivim-dfast", "sivim", "triexp", "ivim-kurtosis", "adc")


@dataclass(frozen=True, kw_only=True)
class MaximumLikelihoodParameters(SearchParameters):
    """Parameters of maximum likelihood."""

    model: str = model_choice(*_MODELS)
    noise: str = choice(
        "rician",
        ("rician", "gaussian"),
        help="How the noise is distributed: Rician in magnitude images, Gaussian in real or averaged ones.",
    )
    # The mean of several magnitudes is not Rician.
    repeats: str = repeats_choice(AS_GIVEN)


def _noise(parameters: MaximumLikelihoodParameters) -> Noise:
    return cast("Noise", parameters.noise)


def _prepare(problem: FitProblem, parameters: MaximumLikelihoodParameters, _context: Context) -> FitChunk:
    from napari_dwi.fit._least_squares import least_squares
    from napari_dwi.fit._rician import rician_likelihood

    def fit(signal: NDArray[np.float32]) -> Estimates:
        if parameters.noise == "gaussian" or problem.sigma is None:
            return least_squares(signal, problem)
        return rician_likelihood(signal, problem, problem.sigma)

    return fit


METHOD = Method(
    name="maximum-likelihood",
    title="Maximum likelihood (Rician)",
    task="fit",
    summary=(
        "The most likely parameters under the noise of magnitude images: no bias of D from the noise floor. "
        "Needs the noise level; D* of single voxels stays as uncertain as with least squares."
    ),
    reference=(
        "Sijbers et al., IEEE Trans Med Imaging 17 (1998) 357-361; Epstein et al., MELBA (2022), eqs. 1-4"
    ),
    parameters=MaximumLikelihoodParameters,
    run=fitter(voxel_by_voxel(_prepare, rows=1280), noise=_noise),
    presets=BOUND_PRESETS,
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
