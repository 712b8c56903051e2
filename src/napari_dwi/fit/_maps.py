"""The images of a fit: parameter maps, their standard deviations, goodness of fit, status, residual."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._noise import NoiseLevel
from napari_dwi.fit._problem import Estimates, FitProblem, Voxels, status_codes
from napari_dwi.fit._voxels import put_back
from napari_dwi.measure.estimator_limits import Noise, lowest_sd
from napari_dwi.methods.display import Display
from napari_dwi.methods.method import OutputImage
from napari_dwi.methods.progress import Progress
from napari_dwi.physics.signal_models import SignalParameter
from napari_dwi.scan import DwiSeries, Volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROWS = 16_384
_R2 = SignalParameter(
    "R2", "R²", "coefficient of determination of the fit", "1", (0.0, 1.0), "", 1.0, (0.0, 1.0)
)


def output_images(
    series: DwiSeries,
    voxels: Voxels,
    problem: FitProblem,
    found: Estimates,
    status: NDArray[np.uint8],
    level: NoiseLevel,
    *,
    sd_maps: bool,
    noise: Noise,
    progress: Progress,
) -> tuple[OutputImage, ...]:
    """All images of a fit.

    Parameters
    ----------
    series : DwiSeries
        The volumes that were fitted.
    voxels, problem, found
        What was fitted, and the result: NaN where a voxel has none.
    status : ndarray, uint8, shape (x, y, z)
        What became of every voxel.
    level : NoiseLevel
        Noise level for the standard deviations.
    sd_maps : bool
        Whether there are maps of these.
    noise : str
        ``"gaussian"`` or ``"rician"``, for standard deviations that ``found`` leaves out.
    progress : Progress
        Where to learn of a stop.

    Returns
    -------
    tuple of OutputImage
        Parameters, their standard deviations, R2, status and residual.
    """
    model = problem.model
    facts = {
        "Model": model.name,
        "Formula": model.formula,
        "Bounds": {p.name: list(pair) for p, pair in zip(model.shape, problem.bounds.tolist(), strict=True)},
        "FittedBValues": problem.b.tolist(),
        "VolumesAveraged": problem.weights.astype(int).tolist(),
        "NoiseSigma": level.sigma if np.isfinite(level.sigma) else None,
        "NoiseSigmaFrom": level.origin,
    }

    def image(role: str, ending: str, data: NDArray[Any], what: SignalParameter, text: str) -> OutputImage:
        progress.check()
        whole = np.full(status.shape, np.nan, dtype=np.float32, order="F")
        whole[voxels.inside] = data
        display = Display(
            what.symbol, what.screen_factor, what.screen_unit, what.screen_limits, what.colormap
        )
        unit = "" if what.unit == "1" else what.unit
        volume = Volume(whole, series.grid, "map", unit, f"{series.name} {role}")
        aside = what not in model.shape
        return OutputImage(
            role, f"model-{model.entity}_{ending}", volume, text, what.unit, display, facts, aside
        )

    images = [
        image(p.name, f"param-{p.name}_dwimap", found.values[:, n], p, f"{p.symbol}: {p.meaning}")
        for n, p in enumerate(model.parameters)
    ]
    if sd_maps:
        sd = found.sd
        if sd is None:
            sd = _fisher_sd(problem, found.values, level.sigma, noise, progress)
        for n, p in enumerate(model.parameters):
            high = None if p.screen_limits is None else p.screen_limits[1] / 3
            shown = replace(
                p,
                symbol=f"{p.symbol} SD",
                screen_limits=None if high is None else (0.0, high),
                colormap="inferno",
            )
            text = f"Standard deviation of {p.symbol}"
            images.append(image(f"{p.name} SD", f"param-{p.name}_desc-sd_dwimap", sd[:, n], shown, text))
    fitted, goodness = _fitted_signal(problem, voxels, found.values, progress)
    images.append(image("R2", "param-R2_dwimap", goodness, _R2, "Coefficient of determination, 1 at best"))
    codes = status_codes(model)
    images.append(
        OutputImage(
            "status",
            f"model-{model.entity}_desc-status_dwimap",
            Volume(status.astype(np.float32), series.grid, "labels", "", f"{series.name} status"),
            "What became of every voxel of the fit",
            "1",
            Display(codes=codes),
            {**facts, "StatusCodes": {str(code): meaning for code, meaning in codes.items()}},
            aside=True,
        )
    )
    residual = np.full(series.signal.shape, np.nan, dtype=np.float32, order="F")
    put_back(voxels.signal - fitted, voxels, residual, progress.check)
    images.append(
        OutputImage(
            "residual",
            f"model-{model.entity}_desc-residual_dwi",
            replace(series, signal=residual, name=f"{series.name} residual", source=None),
            "Signal minus fitted signal",
            facts=facts,
            aside=True,
        )
    )
    return tuple(images)


def _fisher_sd(
    problem: FitProblem, values: NDArray[np.floating[Any]], sigma: float, noise: Noise, progress: Progress
) -> NDArray[np.float64]:
    sd = np.full(values.shape, np.nan)
    for first in range(0, len(values), _ROWS):
        progress.check()
        rows = slice(first, first + _ROWS)
        sd[rows] = lowest_sd(problem.model, problem.b, values[rows], sigma, problem.weights, noise)
    return sd


def _fitted_signal(
    problem: FitProblem, voxels: Voxels, values: NDArray[np.floating[Any]], progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The signal of the fit and the coefficient of determination."""
    fitted = np.empty_like(voxels.signal)
    goodness = np.empty(len(values))
    share = problem.weights / problem.weights.sum()
    for first in range(0, len(values), _ROWS):
        progress.check()
        rows = slice(first, first + _ROWS)
        signal = voxels.signal[rows].astype(np.float64)
        model_signal = problem.model.signal(problem.b, values[rows])
        fitted[rows] = model_signal
        spread = (share * (signal - (share * signal).sum(axis=1, keepdims=True)) ** 2).sum(axis=1)
        goodness[rows] = 1 - (share * (signal - model_signal) ** 2).sum(axis=1) / spread
    return fitted, goodness
