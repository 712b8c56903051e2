"""IVIM in two steps: tissue from the high b-values, blood from what is left. Instant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BOUND_PRESETS, BoundedFitParameters, model_choice
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem
from napari_dwi.fit._split import best_split, two_sided
from napari_dwi.methods.method import Context, Inputs, Method, Output
from napari_dwi.methods.parameters import flag, number
from napari_dwi.physics.signal_models import UNWEIGHTED_B

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

_MODELS = ("ivim", "ivim-dfast", "sivim")
_D_STAR_POINTS = 64
_USUAL_THRESHOLD = 200.0


@dataclass(frozen=True, kw_only=True)
class SegmentedParameters(BoundedFitParameters):
    """Parameters of the segmented fit."""

    model: str = model_choice(*_MODELS)
    threshold_b: float = number(
        0.0,
        low=0,
        high=10_000,
        unit="s/mm2",
        help="From this b-value on, blood no longer counts and tissue is fitted alone; 0 takes the one from "
        "which D is expected to come out best. 200 is usual.",
        zero="automatic",
    )
    second_pass: bool = flag(
        True,
        help="Take off what blood is left from the threshold on, and fit tissue and blood once more.",
    )


def _prepare(problem: FitProblem, parameters: SegmentedParameters, _context: Context) -> FitChunk:
    from napari_dwi.fit._log_linear import decay_lines

    threshold = _threshold(problem.b, problem.weights, parameters)
    _check(problem.b, threshold)
    high = problem.b >= threshold
    low = ~high

    def tissue_in(data: Array) -> tuple[Array, Array]:
        """D and amplitude of what is left at the high b-values."""
        b, weights = problem.b[high], problem.weights[high]
        rate, amplitude = decay_lines(data, b, weights, iterations=1)
        d = np.clip(rate, *problem.bounds[1])
        decay = np.exp(-b * d[:, None])
        held = (weights * data * decay).sum(axis=1) / (weights * decay**2).sum(axis=1)
        return d, np.where(d == rate, amplitude, held)

    def blood_in(data: Array, d: Array, tissue: Array) -> tuple[Array, Array]:
        """D* and amplitude of what tissue leaves over at the low b-values."""
        b, weights = problem.b[low], problem.weights[low]
        left = data - tissue[:, None] * np.exp(-b * d[:, None])
        return _fast_decay(left, b, weights, problem.bounds[2])

    def fit(signal: NDArray[np.float32]) -> Estimates:
        data = signal.astype(np.float64)
        d, tissue = tissue_in(data[:, high])
        if problem.model.name == "sivim":
            unweighted = problem.b <= UNWEIGHTED_B
            weights = problem.weights[unweighted]
            blood = (data[:, unweighted] * weights).sum(axis=1) / weights.sum() - tissue
            return _assembled(problem, d, tissue, blood, ())
        fast, blood = blood_in(data[:, low], d, tissue)
        if parameters.second_pass:
            rest = np.maximum(blood, 0.0)[:, None] * np.exp(-problem.b[high] * fast[:, None])
            d, tissue = tissue_in(data[:, high] - rest)
            fast, blood = blood_in(data[:, low], d, tissue)
        third = fast - d if problem.model.name == "ivim-dfast" else fast
        return _assembled(problem, d, tissue, blood, (np.clip(third, *problem.bounds[2]),))

    return fit


def _threshold(
    b: NDArray[np.float64], weights: NDArray[np.float64], parameters: SegmentedParameters
) -> float:
    return parameters.threshold_b or best_split(b, weights) or _USUAL_THRESHOLD


def _check(b: NDArray[np.float64], threshold: float) -> None:
    if not two_sided(b, threshold):
        counts = [len(np.unique(part)) for part in (b[b < threshold], b[b >= threshold])]
        raise BadInputError(
            f"too few b-values on one side of the threshold of the segmented fit, {threshold:g} s/mm2",
            expected="at least 2 on either side",
            found=f"{counts[0]} below, {counts[1]} from it on",
            remedy="Change threshold_b.",
        )


def _run(inputs: Inputs, parameters: SegmentedParameters, context: Context) -> Output:
    output = _fit(inputs, parameters, context)
    facts = output.images[0].facts
    threshold = _threshold(np.array(facts["FittedBValues"]), np.array(facts["VolumesAveraged"]), parameters)
    return replace(output, figures={**output.figures, "tissue fitted from b (s/mm2)": threshold})


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


_fit = fitter(voxel_by_voxel(_prepare, rows=16_384))

METHOD = Method(
    name="segmented",
    title="Segmented (instant preview)",
    task="fit",
    summary=(
        "Tissue from the high b-values, then blood from what is left. Instant, and widely used; D* is "
        "noisier than in a fit of all b-values together, and D depends on the threshold."
    ),
    reference="Le Bihan et al., Radiology 168 (1988) 497-505; Luciani et al., Radiology 249 (2008) 891-899",
    parameters=SegmentedParameters,
    run=_run,
    presets=BOUND_PRESETS,
    context_slices=0,
    uses_torch=False,
    models=_MODELS,
)
