"""What the voxel networks share: their parameters, and the fit with a network trained for the protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._fitting import fitter, voxel_by_voxel
from napari_dwi.fit._parameters import BoundedFitParameters, FitParameters, model_choice
from napari_dwi.fit._problem import Estimates, FitChunk, FitProblem, Voxels
from napari_dwi.measure.estimator_limits import Noise
from napari_dwi.methods.method import Context, Inputs, Output
from napari_dwi.methods.parameters import flag, number, whole
from napari_dwi.methods.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.fit._network_files import TrainedNetwork
    from napari_dwi.fit._network_recipe import Recipe

MODELS = ("ivim-dfast", "ivim")
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


def _from(default: float, high: float, what: str, unit: str = "10⁻³ mm²/s") -> Any:
    help_text = f"Lowest {what} of the training voxels; what lies below cannot be found."
    return number(default, low=0, high=high, unit=unit, help=help_text, advanced=True)


def _to(default: float, high: float, what: str, unit: str = "10⁻³ mm²/s") -> Any:
    help_text = f"Highest {what} of the training voxels; what lies above cannot be found."
    return number(default, low=0, high=high, unit=unit, help=help_text, advanced=True)


def _weight(what: str) -> Any:
    return number(
        1.0, low=0, high=1e6, help=f"What errors of {what} count in training, beside 1.", advanced=True
    )


@dataclass(frozen=True, kw_only=True)
class NetworkParameters(BoundedFitParameters):
    """Parameters of every voxel network; the defaults train within a minute."""

    model: str = model_choice(*MODELS)
    snr: float = number(
        0.0, low=0, high=1000, help="SNR at the lowest b-value to train for; 0 takes that of the scan."
    )
    f_trained_low: float = _from(0.1, 1, "perfusion fraction (0 to 1)", "")
    f_trained_high: float = _to(0.5, 1, "perfusion fraction (0 to 1)", "")
    D_trained_low: float = _from(0.4, 20, "D")
    D_trained_high: float = _to(3.0, 20, "D")
    Dstar_trained_low: float = _from(10.0, 1000, "D*")
    Dstar_trained_high: float = _to(150.0, 1000, "D*")
    Dfast_trained_low: float = _from(10.0, 1000, "Dfast")
    Dfast_trained_high: float = _to(150.0, 1000, "Dfast")
    S0_trained_low: float = number(
        0.8, low=0.05, high=20, help="Lowest S0 of the training voxels, over a typical one.", advanced=True
    )
    S0_trained_high: float = number(
        1.2, low=0.05, high=20, help="Highest S0 of the training voxels, over a typical one.", advanced=True
    )
    f_weight: float = _weight("the perfusion fraction")
    D_weight: float = _weight("D")
    Dstar_weight: float = _weight("D*")
    Dfast_weight: float = _weight("Dfast")
    S0_weight: float = _weight("S0")
    training_voxels: int = whole(
        100_000, low=100, high=10_000_000, help="Simulated voxels to learn from.", advanced=True
    )
    width: int = whole(
        10, low=1, high=1000, help="Units in each hidden layer; the paper has one a b-value.", advanced=True
    )
    layers: int = whole(3, low=1, high=20, help="Hidden layers.", advanced=True)
    steps: int = whole(30_000, low=1, high=10_000_000, help="Training steps at most.", advanced=True)
    batch_size: int = whole(
        100, low=1, high=1_000_000, unit="voxels", help="Voxels in one training step.", advanced=True
    )
    learning_rate: float = number(1e-3, low=1e-7, high=1.0, help="Of Adam at the start.", advanced=True)
    rate_falls: bool = flag(
        True, help="Let the learning rate fall to zero as a cosine; in the paper it stays.", advanced=True
    )
    patience: float = number(
        0.2,
        low=0.001,
        high=1,
        help="Stop training when this share of the steps brought nothing for held-out voxels.",
        advanced=True,
    )
    restarts: int = whole(
        16,
        low=1,
        high=256,
        help="Networks trained from random weights; the best of them is where training begins.",
        advanced=True,
    )
    restart_steps: int = whole(
        4000, low=1, high=10_000_000, help="Training steps of each of them.", advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for parameter in self.signal_model.parameters:
            low, high = self.trained_range(parameter.name)
            if not low < high:
                raise BadInputError(
                    f"the range of {parameter.symbol} leaves nothing to train on",
                    expected=f"{parameter.name}_trained_low below {parameter.name}_trained_high",
                    found=f"{low:g} and {high:g}",
                )

    def trained_range(self, name: str) -> tuple[float, float]:
        """Lowest and highest value of a parameter among the training voxels, as typed."""
        return getattr(self, f"{name}_trained_low"), getattr(self, f"{name}_trained_high")


# The paper's own bounds of labels, and its training: minutes to an hour.
PAPER: Mapping[str, float | bool] = {
    "f_low": 0.01,
    "f_high": 0.5,
    "D_low": 0.01,
    "D_high": 4.0,
    "steps": 150_000,
    "restart_steps": 150_000,
    "rate_falls": False,
}
QUICK: Mapping[str, float | bool] = {"training_voxels": 30_000, "steps": 8000, "restart_steps": 2000}
# What organs hold beyond the ranges of the paper.
BROAD: Mapping[str, float | bool] = {
    "f_trained_low": 0.0,
    "f_trained_high": 0.7,
    "D_trained_low": 0.1,
    "D_trained_high": 4.0,
    "Dstar_trained_low": 5.0,
    "Dstar_trained_high": 200.0,
    "Dfast_trained_low": 5.0,
    "Dfast_trained_high": 200.0,
}
PRESETS: Mapping[str, Mapping[str, float | bool]] = {"paper": PAPER, "quick": QUICK, "broad": BROAD}


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
        snr=parameters.snr or _bin_of(snr_of(voxels, problem, recipe, order)),
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


def _bin_of(snr: float) -> float:
    """The middle of the bin of an SNR."""
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
