"""What all fit methods share: which volumes and voxels, chunks, status, maps, figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._maps import output_images
from napari_dwi.fit._noise import NoiseLevel, estimated_noise, residual_sigma
from napari_dwi.fit._parameters import AUTOMATIC, AVERAGE, FitParameters
from napari_dwi.fit._problem import (
    BELOW_NOISE,
    FITTED,
    NOT_CONVERGED,
    Estimates,
    FitProblem,
    FitVoxels,
    PrepareFit,
    Voxels,
    has_values,
    marked_bounds,
    status_codes,
)
from napari_dwi.fit._voxels import gathered, screened
from napari_dwi.measure.estimator_limits import Noise
from napari_dwi.methods.method import Context, Inputs, Output
from napari_dwi.physics.signal_models import UNWEIGHTED_B, SignalModel
from napari_dwi.scan import BValues, DwiSeries
from napari_dwi.scan.averaging import averaged, is_directional, trace_weighted

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 6144
# Shape parameters of IVIM; the work on a voxel grows with the square of their number.
_USUAL_SIZE = 3
# No diffusion scan stops here: b-values this small are in ms/um2.
_SMALLEST_HIGHEST_B = 20.0
_SHARE_OF_FIT = (0.05, 0.85)
# Beyond this share of voxels at a bound the user is told.
_MANY_AT_BOUNDS = 0.1
_FEW_VALUES = 0.01


def _gaussian(_parameters: FitParameters) -> Noise:
    return "gaussian"


def fitter(
    fit: FitVoxels, *, needs_noise: bool = False, noise: Callable[[Any], Noise] = _gaussian
) -> Callable[[Inputs, FitParameters, Context], Output]:
    """The run function of a fit method.

    Parameters
    ----------
    fit : callable
        ``fit(voxels, problem, parameters, context)`` gives the `Estimates` of all voxels, such as
        ``voxel_by_voxel(prepare)``.
    needs_noise : bool
        Whether ``problem.sigma`` must be known; it is estimated where the user typed none.
    noise : callable
        ``noise(parameters)`` says whether the method takes the noise to be ``"gaussian"`` or
        ``"rician"``; standard deviations that ``fit`` leaves out follow from the Fisher information
        of that. Rician noise must always be known.

    Returns
    -------
    callable
        Adds what all fits share: choice of volumes and voxels, status, maps, residual, figures.

    Raises
    ------
    BadInputError
        From the callable, if there are too few b-values for the model or no voxel to fit.
    """

    def run(inputs: Inputs, parameters: FitParameters, context: Context) -> Output:
        context.progress.report(0.0, "preparing")
        series, weights = _volumes(inputs.series, parameters)
        problem = FitProblem(
            parameters.signal_model,
            series.b_values.values,
            weights,
            np.array(parameters.bounds(), dtype=np.float64),
            parameters.noise_sigma or None,
            parameters.s0_bounds(),
            parameters.start(),
        )
        _check_b_values(problem.model, series.b_values)
        check = context.progress.check
        status = screened(series.signal, problem.b, _mask(inputs, check), check)
        inside = status == FITTED
        if not inside.any():
            raise BadInputError(
                "there is no voxel to fit", expected="signal that decays", remedy="Choose another mask."
            )
        voxels = gathered(series.signal, inside, check)
        notes: list[str] = []
        kind = noise(parameters)
        level = NoiseLevel(parameters.noise_sigma, "what was typed")
        if not level.sigma and (needs_noise or kind == "rician" or parameters.noise_from != AUTOMATIC):
            source = parameters.noise_from
            level = estimated_noise(inputs.series, voxels, problem, context.progress, source)
            problem = replace(problem, sigma=level.sigma)
            notes.append(f"noise level {level.sigma:.4g} estimated from {level.origin}")
        start, stop = _SHARE_OF_FIT
        part = replace(context.progress, start=_within(context, start), stop=_within(context, stop))
        found = fit(voxels, problem, parameters, replace(context, progress=part))
        values = found.values.astype(np.float64, copy=False)
        usable = np.asarray(np.isfinite(values).all(axis=1))
        if found.converged is not None:
            usable &= found.converged
        of_voxel = np.where(usable, FITTED, NOT_CONVERGED).astype(np.uint8)
        of_voxel[values[:, -1] <= 0] = BELOW_NOISE
        values = np.where((of_voxel == FITTED)[:, None], values, np.nan)
        status[inside] = marked_bounds(of_voxel, values, problem.all_bounds)
        context.progress.report(stop, "standard deviations and residuals")
        if not level.sigma:
            level = NoiseLevel(residual_sigma(voxels.signal, values, problem), "the residual of this fit")
        images = output_images(
            series,
            voxels,
            problem,
            replace(found, values=values),
            status,
            level,
            sd_maps=parameters.sd_maps,
            noise=kind,
            progress=context.progress,
        )
        figures = _figures(status, problem.model, level)
        return Output(images, figures, (*notes, *_warnings(status)))

    return run


def voxel_by_voxel(prepare: PrepareFit, *, rows: int = _ROWS) -> FitVoxels:
    """A function for all voxels from one that fits any number of them, each by itself.

    Parameters
    ----------
    prepare : callable
        ``prepare(problem, parameters, context)`` does what is done once and gives the function that
        fits a chunk of signals.
    rows : int
        Voxels in a chunk, fewer for models larger than IVIM; no more than are fitted in 0.1 s, so
        that a stop is heard.
    """

    def fit_all(voxels: Voxels, problem: FitProblem, parameters: Any, context: Context) -> Estimates:
        fit = prepare(problem, parameters, context)
        total = len(voxels.signal)
        size = max(_USUAL_SIZE, len(problem.model.shape))
        step = context.chunk(rows * _USUAL_SIZE**2 // size**2)
        parts = []
        for first in range(0, total, step):
            context.progress.report(first / total, f"voxel {first} of {total}")
            parts.append(fit(voxels.signal[first : first + step]))
        context.progress.report(1.0, f"voxel {total} of {total}")
        sds = [part.sd for part in parts if part.sd is not None]
        flags = [part.converged for part in parts if part.converged is not None]
        return Estimates(
            np.concatenate([part.values for part in parts]),
            np.concatenate(sds) if sds else None,
            np.concatenate(flags) if flags else None,
        )

    return fit_all


def _volumes(series: DwiSeries, parameters: FitParameters) -> tuple[DwiSeries, NDArray[np.float64]]:
    """The volumes to fit, and how many of the series went into each."""
    if parameters.b_values:
        chosen = np.unique(np.concatenate([series.b_values.indices(b) for b in parameters.b_values]))
        series = series.volumes(chosen)
    ones = np.ones(len(series.b_values))
    if parameters.repeats != AVERAGE or len(series.b_values.distinct) == len(series.b_values):
        return series, ones
    together = trace_weighted(series) if is_directional(series) else averaged(series)
    counts = [len(series.b_values.indices(b)) for b in together.b_values.values]
    return replace(together, notes=series.notes), np.array(counts, dtype=np.float64)


def _check_b_values(model: SignalModel, b_values: BValues) -> None:
    distinct = b_values.distinct
    if UNWEIGHTED_B / 1000 < distinct[-1] < _SMALLEST_HIGHEST_B:
        raise BadInputError(
            "the b-values seem to be in another unit",
            expected="s/mm2",
            found=f"{b_values}",
            remedy="b-values in ms/um2 are to be multiplied by 1000.",
        )
    expected = f"at least {model.fewest_b_values} different b-values"
    if distinct[-1] <= UNWEIGHTED_B:
        raise BadInputError("without diffusion weighting there is nothing to fit", found="only b = 0")
    if len(distinct) < model.fewest_b_values:
        raise BadInputError(
            f"too few b-values for {model.title}", expected=expected, found=f"{len(distinct)} ({b_values})"
        )
    if model.needs_unweighted and distinct[0] > UNWEIGHTED_B:
        raise BadInputError(
            f"{model.title} needs a volume at b = 0",
            found=f"{b_values}",
            remedy="Choose another model.",
        )


def _mask(inputs: Inputs, check: Callable[[], None]) -> NDArray[np.bool_]:
    from napari_dwi.measure.foreground import foreground_mask

    return foreground_mask(inputs.series, check) if inputs.mask is None else inputs.mask.data > 0


def _within(context: Context, share: float) -> float:
    progress = context.progress
    return progress.start + (progress.stop - progress.start) * share


def _figures(status: NDArray[np.uint8], model: SignalModel, level: NoiseLevel) -> dict[str, float]:
    """How many voxels came to what, and the noise level used."""
    counts = np.bincount(status.ravel())
    figures = {
        f"voxels: {meaning}": float(counts[code])
        for code, meaning in status_codes(model).items()
        if code < len(counts) and counts[code]
    }
    if np.isfinite(level.sigma):
        figures[f"noise sigma, from {level.origin} (scanner units)"] = level.sigma
    return figures


def _warnings(status: NDArray[np.uint8]) -> list[str]:
    fitted = has_values(status)
    at_bounds = fitted & (status != FITTED)
    said = []
    if at_bounds.sum() > _MANY_AT_BOUNDS * max(1, fitted.sum()):
        share = 100 * at_bounds.sum() / fitted.sum()
        said.append(f"{share:.0f} % of the voxels stopped at a bound: see the status map")
    failed = int((status == NOT_CONVERGED).sum())
    if failed > _FEW_VALUES * max(1, fitted.sum()):
        said.append(f"{failed} voxels did not converge: see the status map")
    return said
