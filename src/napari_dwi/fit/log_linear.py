"""ADC by a straight line through the logarithm of the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BoundedFitParameters, model_choice
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODELS = ("adc",)
_ITERATIONS = {"iterated": 5, "signal": 1, "none": 0}


@dataclass(frozen=True, kw_only=True)
class LogLinearParameters(BoundedFitParameters):
    """Parameters of the log-linear fit."""

    model: str = model_choice(*_MODELS)
    weighting: str = choice(
        "iterated",
        tuple(_ITERATIONS),
        help="How much a volume counts: by its fitted or measured signal squared, or all the same.",
    )


def _prepare(problem: FitProblem, parameters: LogLinearParameters, _context: Context) -> FitChunk:
    from napari_dwi.fit._log_linear import decay_lines

    iterations = _ITERATIONS[parameters.weighting]
    low, high = problem.bounds[0]

    def fit(signal: NDArray[np.float32]) -> Estimates:
        data = signal.astype(np.float64)
        rate, amplitude = decay_lines(data, problem.b, problem.weights, iterations=iterations)
        adc = np.clip(rate, low, high)
        # Held by a bound, the line turns about its middle.
        decay = np.exp(-problem.b * adc[:, None])
        held = (problem.weights * decay * data).sum(axis=1) / (problem.weights * decay**2).sum(axis=1)
        s0 = np.where(adc == rate, amplitude, held)
        return Estimates(np.stack([adc, s0], axis=-1))

    return fit


METHOD = Method(
    name="log-linear",
    title="Log-linear",
    task="fit",
    summary=(
        "A straight line through the logarithm of the signal: the ADC of most scanners, at once. Weighted "
        "by the signal, noisy high b-values do not pull it."
    ),
    reference="Veraart et al., Weighted linear least squares, NeuroImage 81 (2013) 335-346",
    parameters=LogLinearParameters,
    run=fitter(voxel_by_voxel(_prepare)),
    presets={"scanner": {"weighting": "none"}},
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
