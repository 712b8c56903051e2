"""What the voxel networks share: the fit with a network trained for the protocol, or kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._network_parameters import NetworkParameters
from napari_dwi.fit._parameters import FitParameters
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem, Voxels
from napari_dwi.measure.estimator_limits import Noise
from napari_dwi.methods.method import Context, Inputs, Output
from napari_dwi.methods.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.fit._network_files import TrainedNetwork
    from napari_dwi.fit._network_recipe import Recipe

REFERENCE = "Epstein et al., Choice of training label matters, MELBA (2022)"
NO_OWN_SD = (
    "Networks give no uncertainty: the SD maps are the lowest possible for an unbiased estimate at the "
    "values found."
)

# One network serves SNRs that differ by less than a fourth of a factor of two; 15 and 30 are in the middle.
_SNR_OF_BIN = 15.0
_BINS_PER_OCTAVE = 4
_SNR_LIMITS = (4.0, 240.0)
# The user is told of an SNR further from that of the training than by this factor.
_FAR = 1.5
# All networks of a protocol begin with the weights of one trained on true parameters at this SNR.
_START_SNR = 30.0
_SHARE_OF_TRAINING = 0.97


@dataclass(frozen=True)
class Learning:
    """What a method trains its network for.

    Parameters
    ----------
    loss : str
        ``"parameters"`` or ``"signal"``; see `napari_dwi.fit._network_recipe.Recipe`.
    alpha : float
        What maximum likelihood labels count.
    label_noise : str
        Their noise model.
    drop_at_bounds : bool
        Whether voxels with a label at a bound are left out.
    """

    loss: Literal["parameters", "signal"] = "parameters"
    alpha: float = 0.0
    label_noise: Literal["gaussian", "rician"] = "rician"
    drop_at_bounds: bool = True


def network_fitter(
    learning: Callable[[Any], Learning],
) -> Callable[[Inputs, FitParameters, Context], Output]:
    """The run function of a method that trains a voxel network for the protocol, or takes the one kept.

    Parameters
    ----------
    learning : callable
        ``learning(parameters)`` says what the network is trained for.

    Returns
    -------
    callable
        The sidecars of its images name the network by the SHA-256 of its weights.
    """

    def run(inputs: Inputs, parameters: FitParameters, context: Context) -> Output:
        notes: list[str] = []
        facts: dict[str, Any] = {}

        def fit(
            voxels: Voxels, problem: FitProblem, chosen: NetworkParameters, context: Context
        ) -> Estimates:
            from napari_dwi.fit._network_keeping import kept_network

            order = np.lexsort((problem.weights, problem.b))
            recipe = recipe_for(problem, order, voxels, chosen, learning(chosen), context.seed)
            notes.extend(_unlike(recipe.snr, snr_of(voxels, problem, recipe, order)))
            before, after = _split(context.progress, _SHARE_OF_TRAINING)
            found = kept_network(recipe, before)
            notes.extend(found.notes)
            facts["Network"] = {
                "SHA256": found.trained.sha256,
                "HeldOutLoss": found.trained.held_out_loss,
                "Recipe": recipe.as_json(),
            }
            return voxel_by_voxel(lambda *_: _chunk(found.trained, recipe, order, problem))(
                voxels, problem, chosen, replace(context, progress=after)
            )

        output = fitter(fit, needs_noise=True, noise=_rician)(inputs, parameters, context)
        images = tuple(replace(image, facts={**image.facts, **facts}) for image in output.images)
        return replace(output, images=images, warnings=(*output.warnings, *notes))

    return run


def recipe_for(
    problem: FitProblem,
    order: NDArray[np.intp],
    voxels: Voxels,
    parameters: NetworkParameters,
    learning: Learning,
    seed: int,
) -> Recipe:
    """How the network for some voxels is trained.

    Parameters
    ----------
    problem : FitProblem
        The protocol, the bounds and the noise level.
    order : ndarray of int, shape (n_b,)
        The order of the volumes by b-value.
    voxels : Voxels
        What is fitted; it decides the SNR where none is typed.
    parameters : NetworkParameters
        Settings.
    learning : Learning
        What the network is trained for.
    seed : int
        Seed of the training.
    """
    from napari_dwi.fit._network_recipe import Recipe

    names = problem.model.names
    factors = [1e-3 if parameter.unit == "mm2/s" else 1.0 for parameter in problem.model.parameters]
    ranges = tuple(
        (low * factor, high * factor)
        for (low, high), factor in zip(map(parameters.trained_range, names), factors, strict=True)
    )
    recipe = Recipe(
        model=problem.model.name,
        b_values=tuple(problem.b[order].tolist()),
        averaged=tuple(problem.weights[order].astype(int).tolist()),
        snr=_START_SNR,
        ranges=ranges,
        loss="parameters",
        alpha=0.0,
        label_noise="none",
        label_bounds=(),
        drop_at_bounds=False,
        loss_weights=(1.0,) * len(names),
        width=parameters.width,
        layers=parameters.layers,
        voxels=parameters.training_voxels,
        steps=parameters.restart_steps,
        batch_size=parameters.batch_size,
        learning_rate=parameters.learning_rate,
        rate_falls=parameters.rate_falls,
        patience=parameters.patience,
        restarts=parameters.restarts,
        seed=seed,
    )
    labelled = learning.alpha > 0
    return replace(
        recipe,
        snr=parameters.snr or bin_of(snr_of(voxels, problem, recipe, order)),
        loss=learning.loss,
        alpha=learning.alpha,
        label_noise=learning.label_noise if labelled else "none",
        label_bounds=tuple((low, high) for low, high in problem.bounds.tolist()) if labelled else (),
        drop_at_bounds=learning.drop_at_bounds and labelled,
        loss_weights=tuple(getattr(parameters, f"{name}_weight") for name in names),
        steps=parameters.steps,
        restarts=1,
        start=recipe,
    )


def snr_of(voxels: Voxels, problem: FitProblem, recipe: Recipe, order: NDArray[np.intp]) -> float:
    """The SNR at the lowest b-value that half of the voxels exceed; NaN if the noise is not known.

    Parameters
    ----------
    voxels, problem, recipe, order
        As for `recipe_for`.
    """
    if problem.sigma is None or not problem.sigma > 0:
        return float("nan")
    return float(np.median(recipe.scale_of(voxels.signal[:, order]))) / problem.sigma


def bin_of(snr: float) -> float:
    """The middle of the bin of an SNR: what its network is trained for."""
    if not np.isfinite(snr):
        raise BadInputError("the SNR to train for is not known", remedy="Type the SNR or the noise level.")
    within = min(max(snr, _SNR_LIMITS[0]), _SNR_LIMITS[1])
    bins = round(_BINS_PER_OCTAVE * log2(within / _SNR_OF_BIN))
    return float(_SNR_OF_BIN * 2 ** (bins / _BINS_PER_OCTAVE))


def _unlike(trained_for: float, found: float) -> tuple[str, ...]:
    """What to say where a network was trained for another SNR than that of the scan."""
    if not np.isfinite(found):
        return ()
    one, other = (min(snr, _SNR_LIMITS[1]) for snr in (trained_for, found))
    if other / _FAR <= one <= other * _FAR:
        return ()
    return (f"the network was trained for an SNR of {trained_for:.3g}; that of the scan is {found:.3g}",)


def _chunk(trained: TrainedNetwork, recipe: Recipe, order: NDArray[np.intp], problem: FitProblem) -> FitChunk:
    """The function that fits a chunk; estimates beyond the bounds are set to them."""
    low, high = problem.bounds.T.astype(np.float32)

    def fit(signal: NDArray[np.float32]) -> Estimates:
        sorted_signal = signal[:, order]
        scale = recipe.scale_of(sorted_signal)[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = trained.network(sorted_signal / scale)
            values[:, -1:] *= scale
        np.clip(values[:, :-1], low, high, out=values[:, :-1])
        return Estimates(values, None, scale[:, 0] > 0)

    return fit


def _rician(_parameters: FitParameters) -> Noise:
    return "rician"


def _split(progress: Progress, share: float) -> tuple[Progress, Progress]:
    middle = progress.start + (progress.stop - progress.start) * share
    return replace(progress, stop=middle), replace(progress, start=middle)
