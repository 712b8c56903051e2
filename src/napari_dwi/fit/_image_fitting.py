"""What the image networks share: the fit of all voxels as slices, and the record of its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError, MethodFailedError
from napari_dwi.fit._fitting import fitter
from napari_dwi.fit._image_parameters import IN_NOISE, ImageNetworkParameters, RenewingParameters
from napari_dwi.fit._image_stack import image_stack
from napari_dwi.fit._noise import estimated_noise
from napari_dwi.fit._parameters import FitParameters
from napari_dwi.fit._problem import Estimates, FitProblem, Voxels
from napari_dwi.methods.method import Context, Inputs, Output

if TYPE_CHECKING:
    from napari_dwi.fit._image_iterations import Iteration, Rules
    from napari_dwi.fit._image_stack import ImageStack
    from napari_dwi.fit._image_training import Epoch, ImageTraining, Training

REFERENCE = (
    "Huang, Phys Med Biol 67 (2022) 215018 (the unsupervised CNN); SI-CNN, supplementary materials. No "
    "source code is public: what these leave open was reconstructed, see docs/image-networks.md"
)
# Of a fit that renews its signals.
_SHARE_OF_WARM_UP = 0.3

# The rules by which signals are renewed, for parameters; ``None`` for none.
MakeRules = Callable[[Any], "Rules | None"]


@dataclass(frozen=True, eq=False)
class Trained:
    """An image network after its training.

    Parameters
    ----------
    training : ImageTraining
        The network and the signals it learnt last.
    stack : ImageStack
        Where its voxels lie.
    warm_up : tuple of Epoch
        The training on the measured signals.
    iterations : tuple of Iteration
        What happened each time that the signals were renewed.
    stopped_by : str
        ``"tolerance"`` or ``"limit"``; empty without iterations.
    """

    training: ImageTraining
    stack: ImageStack
    warm_up: tuple[Epoch, ...]
    iterations: tuple[Iteration, ...]
    stopped_by: str

    @property
    def facts(self) -> dict[str, Any]:
        """The record of the training, ready for JSON; losses are mean squares of the divided signal."""
        last = self.iterations[-1].epochs if self.iterations else self.warm_up
        return {
            "WarmUpLoss": [epoch.loss for epoch in self.warm_up],
            "WarmUpHeldOutLoss": [epoch.held_out_loss for epoch in self.warm_up],
            "Iterations": [
                {
                    "Change": one.change,
                    "Replaced": one.replaced,
                    "VoxelsAveraged": one.neighbours,
                    "Epochs": len(one.epochs),
                    "Loss": one.epochs[-1].loss,
                    "HeldOutLoss": best_held_out(one.epochs),
                }
                for one in self.iterations
            ],
            "StoppedBy": self.stopped_by or None,
            "FinalHeldOutLoss": best_held_out(last),
        }

    @property
    def figures(self) -> dict[str, float]:
        """What a user reads of the training."""
        found = {"warm-up epochs" if self.iterations else "epochs": float(len(self.warm_up))}
        held_out = {"of held-out samples": self.warm_up}
        if self.iterations:
            found["iterations"] = float(len(self.iterations))
            found["last change of the signals (%)"] = 100 * self.iterations[-1].change
            held_out = {
                "of held-out samples before renewing": self.warm_up,
                "of held-out samples after renewing": self.iterations[-1].epochs,
            }
        for words, epochs in held_out.items():
            loss = best_held_out(epochs)
            if loss is not None:
                found[f"error {words} (%)"] = 100 * loss**0.5
        return found


def best_held_out(epochs: Sequence[Epoch]) -> float | None:
    """The lowest held-out loss of some epochs; ``None`` where nothing was held out."""
    losses = [epoch.held_out_loss for epoch in epochs if epoch.held_out_loss is not None]
    return min(losses) if losses else None


def image_fitter(rules: MakeRules) -> Callable[[Inputs, FitParameters, Context], Output]:
    """The run function of a method that trains an image network on the scan it fits.

    Parameters
    ----------
    rules : callable
        ``rules(parameters)`` says how the signals are renewed, or that they are not (``None``).

    Returns
    -------
    callable
        The sidecars of its images hold the record of the training.
    """

    def run(inputs: Inputs, parameters: FitParameters, context: Context) -> Output:
        found: list[Trained] = []
        notes: list[str] = []

        def fit(
            voxels: Voxels, problem: FitProblem, chosen: ImageNetworkParameters, context: Context
        ) -> Estimates:
            if _asks_for_noise(chosen) and problem.sigma is None:
                level = estimated_noise(inputs.series, voxels, problem, context.progress, chosen.noise_from)
                problem = replace(problem, sigma=level.sigma)
                notes.append(f"thresholds in units of the noise level {level.sigma:.4g} from {level.origin}")
            axis = inputs.series.grid.slice_axis
            trained = train_on(voxels, problem, chosen, rules(chosen), axis, context)
            found.append(trained)
            return _estimates(trained, problem)

        output = fitter(fit)(inputs, parameters, context)
        facts = {"Training": found[0].facts}
        images = tuple(replace(image, facts={**image.facts, **facts}) for image in output.images)
        figures = {**output.figures, **found[0].figures}
        return Output(images, figures, (*output.warnings, *notes))

    return run


def train_on(
    voxels: Voxels,
    problem: FitProblem,
    parameters: ImageNetworkParameters,
    rules: Rules | None,
    slice_axis: int,
    context: Context,
) -> Trained:
    """Train an image network on the voxels of a fit.

    Parameters
    ----------
    voxels, problem : Voxels, FitProblem
        What is fitted.
    parameters : ImageNetworkParameters
        Settings.
    rules : Rules or None
        How the signals are renewed, if they are.
    slice_axis : int
        Axis across the slices (0 to 2).
    context : Context
        Device, seed, progress and stop.
    """
    from napari_dwi.fit._image_iterations import iterations

    stack = image_stack(voxels, problem, slice_axis, parameters.divided_by, context.progress.check)
    if rules is not None and _asks_for_noise(parameters):
        rules = rules.times(_divided_sigma(stack, problem))
    training = start_training(stack, problem, parameters, context)
    share = 1.0 if rules is None else _SHARE_OF_WARM_UP
    progress = context.progress

    def after_epoch(number: int, epoch: Epoch) -> None:
        phrase = f"epoch {number}/{parameters.epochs}, loss {epoch.loss:.3g}"
        progress.report(share * number / parameters.epochs, phrase if rules is None else f"warm-up {phrase}")

    warm_up = training.train(parameters.epochs, after_epoch)
    if rules is None:
        progress.report(1.0, f"{len(warm_up)} epochs")
        return Trained(training, stack, tuple(warm_up), (), "")

    def after_step(number: int, change: float, epoch: int) -> None:
        done = (number - 1 + epoch / (rules.epochs + 1)) / rules.limit
        progress.report(share + (1 - share) * done, f"iteration {number}/{rules.limit}, change {change:.2g}")

    steps, why = iterations(training, rules, on_step=after_step)
    return Trained(training, stack, tuple(warm_up), tuple(steps), why)


def renewing(parameters: RenewingParameters) -> Rules:
    """The rules by which DI-CNN and SI-CNN renew their signals."""
    from napari_dwi.fit._image_iterations import Rules

    return Rules(
        fitting_max=parameters.fitting_max,
        around_diff=parameters.around,
        tolerance=parameters.tolerance,
        limit=parameters.limit,
        epochs=parameters.iteration_epochs,
    )


def start_training(
    stack: ImageStack, problem: FitProblem, parameters: ImageNetworkParameters, context: Context
) -> ImageTraining:
    """A network that has learnt nothing yet, for the slices of a stack."""
    import torch

    from napari_dwi.fit._image_network import Decoder
    from napari_dwi.fit._image_training import ImageTraining

    order = stack.order
    bounds = [*map(tuple, problem.bounds.tolist()), (parameters.S0_low, parameters.S0_high)]
    decoder = Decoder(problem.model.name, problem.b[order].tolist(), bounds)
    weights = problem.weights[order] / problem.weights.mean()
    return ImageTraining(
        torch.from_numpy(stack.signal),
        torch.from_numpy(stack.inside),
        torch.from_numpy(weights.astype(np.float32)),
        decoder,
        _training(parameters),
        context,
    )


def _asks_for_noise(parameters: ImageNetworkParameters) -> bool:
    return isinstance(parameters, RenewingParameters) and parameters.thresholds == IN_NOISE


def _divided_sigma(stack: ImageStack, problem: FitProblem) -> float:
    """The noise level of a typical sample, in the unit of the divided signal."""
    if problem.sigma is None:
        raise BadInputError("the noise level is not known", remedy="Type it (noise_sigma).")
    return problem.sigma / float(np.sqrt(np.median(problem.weights)) * np.median(stack.scale))


def _training(parameters: ImageNetworkParameters) -> Training:
    from napari_dwi.fit._image_training import Training

    return Training(
        width=parameters.width,
        dropout=parameters.dropout,
        learning_rate=parameters.learning_rate,
        batch=parameters.batch,
        patch=parameters.patch,
        patience=parameters.patience,
        delta=parameters.delta,
        held_out=parameters.held_out,
        best_weights=parameters.best_weights,
        centred_input=parameters.centred_input,
        keeps_input=isinstance(parameters, RenewingParameters) and parameters.keep_input,
    )


def _estimates(trained: Trained, problem: FitProblem) -> Estimates:
    """The parameters of every voxel in the units of the problem."""
    trained.training.show_all()
    values = trained.stack.at_voxels(trained.training.values().cpu().numpy()).astype(np.float64)
    if not np.isfinite(values).all():
        raise MethodFailedError("the network did not learn anything", remedy="Lower the learning rate.")
    values[:, -1] *= trained.stack.scale
    low, high = problem.bounds.T
    values[:, :-1] = np.clip(values[:, :-1], low, high)
    return Estimates(values)
