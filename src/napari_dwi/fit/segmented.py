"""IVIM in two steps: tissue from the high b-values, blood from what is left. Instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BOUND_PRESETS, BoundedFitParameters, model_choice
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.methods.method import Context, Method
from napari_dwi.methods.parameters import number
from napari_dwi.physics.signal_models import UNWEIGHTED_B

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_MODELS = ("ivim", "ivim-dfast", "sivim")
_D_STAR_POINTS = 64


@dataclass(frozen=True, kw_only=True)
class SegmentedParameters(BoundedFitParameters):
    """Parameters of the segmented fit."""

    model: str = model_choice(*_MODELS)
    threshold_b: float = number(
        200.0,
        low=1,
        high=10_000,
        unit="s/mm2",
        help="From this b-value on, blood no longer counts and tissue is fitted alone.",
    )


def _prepare(problem: FitProblem, parameters: SegmentedParameters, _context: Context) -> FitChunk:
    from napari_dwi.fit._log_linear import decay_lines

    high = problem.b >= parameters.threshold_b
    low = ~high
    _check(problem.b, high, parameters.threshold_b)

    def fit(signal: NDArray[np.float32]) -> Estimates:
        data = signal.astype(np.float64)
        rate, amplitude = decay_lines(data[:, high], problem.b[high], problem.weights[high], iterations=1)
        d = np.clip(rate, *problem.bounds[1])
        tissue = np.exp(-problem.b[high] * d[:, None])
        held = (data[:, high] * tissue).sum(axis=1) / (tissue**2).sum(axis=1)
        amplitude = np.where(d == rate, amplitude, held)
        left = data[:, low] - amplitude[:, None] * np.exp(-problem.b[low] * d[:, None])
        b, weights = problem.b[low], problem.weights[low]
        if problem.model.name == "sivim":
            unweighted = b <= UNWEIGHTED_B
            blood = (left * weights)[:, unweighted].sum(axis=1) / weights[unweighted].sum()
            return _assembled(problem, d, amplitude, blood, ())
        fast, blood = _fast_decay(left, b, weights, problem.bounds[2])
        third = fast - d if problem.model.name == "ivim-dfast" else fast
        return _assembled(problem, d, amplitude, blood, (np.clip(third, *problem.bounds[2]),))

    return fit


def _check(b: NDArray[np.float64], high: NDArray[np.bool_], threshold: float) -> None:
    for side, part in (("from", b[high]), ("below", b[~high])):
        if not len(part) or np.ptp(part) <= UNWEIGHTED_B:
            raise BadInputError(
                f"too few b-values {side} the threshold of the segmented fit, {threshold:g} s/mm2",
                expected="at least 2 on either side",
                found=f"{len(np.unique(part))}",
                remedy="Change threshold_b.",
            )


def _fast_decay(left: Array, b: Array, weights: Array, bounds: Array) -> tuple[Array, Array]:
    """Decay rate and amplitude of what tissue leaves over, from a grid of rates and a parabola."""
    rates = np.geomspace(bounds[0], bounds[1], _D_STAR_POINTS)
    root = np.sqrt(weights)
    atoms = root * np.exp(-rates[:, None] * b)
    atoms /= np.linalg.norm(atoms, axis=1, keepdims=True)
    match = (left * root).astype(np.float32) @ atoms.T.astype(np.float32)
    best = match.argmax(axis=1)
    middle = np.clip(best, 1, _D_STAR_POINTS - 2)
    rows = np.arange(len(left))
    before, here, after = (match[rows, middle + step].astype(np.float64) for step in (-1, 0, 1))
    bend = before - 2 * here + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1.0), 0.0)
    position = np.where(best == middle, middle + np.clip(shift, -1, 1), best)
    fast = bounds[0] * (bounds[1] / bounds[0]) ** (position / (_D_STAR_POINTS - 1))
    decay = np.exp(-b * fast[:, None])
    amplitude = (weights * decay * left).sum(axis=1) / (weights * decay**2).sum(axis=1)
    return fast, amplitude


def _assembled(
    problem: FitProblem, d: Array, tissue: Array, blood: Array, more: tuple[Array, ...]
) -> Estimates:
    """Values from the amplitudes of tissue and blood, the perfusion fraction within its bounds."""
    s0 = tissue + np.maximum(blood, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        f = np.clip(1 - tissue / s0, *problem.bounds[0])
    return Estimates(np.stack([f, d, *more, s0], axis=-1))


METHOD = Method(
    name="segmented",
    title="Segmented (instant preview)",
    task="fit",
    summary=(
        "Tissue from the high b-values, then blood from what is left. Instant, and widely used; noisier "
        "than a fit of all b-values together."
    ),
    reference="Le Bihan et al., Radiology 168 (1988) 497-505; Luciani et al., Radiology 249 (2008) 891-899",
    parameters=SegmentedParameters,
    run=fitter(voxel_by_voxel(_prepare, rows=16_384)),
    presets=BOUND_PRESETS,
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
