"""The outer loop of DI-CNN and SI-CNN, with a record of every iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from napari_dwi.fit._image_steps import replaced, similar_mean, why_stop

if TYPE_CHECKING:
    from napari_dwi.fit._image_training import Epoch, ImageTraining

# Samples renewed at once: some hundredths of a second on one core.
_SAMPLES_AT_ONCE = 500_000


@dataclass(frozen=True)
class Rules:
    """How the signals that a network learns from are renewed.

    Parameters
    ----------
    fitting_max : float
        Fitting error from which a sample becomes the prediction, in the unit of the divided signal.
    around_diff : float or None
        Difference up to which neighbours are similar, in that unit; ``None`` leaves step A out (DI-CNN).
    tolerance : float
        Share of the first change below which the loop stops (lambda).
    limit : int
        Iterations at most.
    epochs : int
        Training epochs of an iteration, at most.
    """

    fitting_max: float = 0.03
    around_diff: float | None = 0.02
    tolerance: float = 0.01
    limit: int = 80
    epochs: int = 20

    def times(self, unit: float) -> Rules:
        """These rules with thresholds that are multiples of ``unit``."""
        around = None if self.around_diff is None else self.around_diff * unit
        return replace(self, fitting_max=self.fitting_max * unit, around_diff=around)


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of simulated slices.

    Parameters
    ----------
    signal : Tensor, shape (n_slices, n_b, height, width)
        Signal without noise, divided like the measured one.
    values : Tensor, shape (n_slices, n_parameters, height, width)
        The parameters, S0 divided like the signal.
    """

    signal: torch.Tensor
    values: torch.Tensor


@dataclass(frozen=True)
class Iteration:
    """What one iteration did.

    Parameters
    ----------
    number : int
        Counted from 1.
    change : float
        Root mean square change of the signals learnt, over the mask.
    replaced : float
        Share of the samples that became the prediction.
    neighbours : float
        Voxels, the voxel itself among them, that a signal is the mean of.
    epochs : tuple of Epoch
        The training that followed.
    signal_error : float, optional
        Root mean square error of the signals learnt, where the truth is known.
    rmse : tuple of float, optional
        Root mean square error of every parameter after the training, where the truth is known.
    """

    number: int
    change: float
    replaced: float
    neighbours: float
    epochs: tuple[Epoch, ...] = field(repr=False)
    signal_error: float | None = None
    rmse: tuple[float, ...] | None = None


def iterations(
    training: ImageTraining,
    rules: Rules,
    *,
    on_step: Callable[[int, float, int], None],
    truth: Truth | None = None,
) -> tuple[list[Iteration], str]:
    """Renew the signals and train on them, again and again.

    Parameters
    ----------
    training : ImageTraining
        After its warm-up; changed in place.
    rules : Rules
        How.
    on_step : callable
        ``on_step(iteration, change, epoch)`` hears of every epoch; it may raise `Stopped`.
    truth : Truth, optional
        To measure errors by.

    Returns
    -------
    list of Iteration, str
        What happened, and why it ended: ``"tolerance"`` or ``"limit"``.
    """
    done: list[Iteration] = []
    while True:
        number = len(done) + 1
        renewed, share, neighbours = _renewed(training, rules)
        change = rms(renewed - training.signal, training.inside)
        training.learn_from(renewed)
        on_step(number, change, 0)
        epochs = training.train(rules.epochs, lambda epoch, _, n=number, c=change: on_step(n, c, epoch))  # type: ignore[misc]
        done.append(Iteration(number, change, share, neighbours, tuple(epochs), *errors(training, truth)))
        why = why_stop([one.change for one in done], rules.tolerance, rules.limit)
        if why is not None:
            return done, why


def errors(training: ImageTraining, truth: Truth | None) -> tuple[float | None, tuple[float, ...] | None]:
    """Root mean square errors of the signals learnt and of every parameter; ``None`` without truth."""
    if truth is None:
        return None, None
    off = training.values() - truth.values
    return rms(training.signal - truth.signal, training.inside), tuple(
        rms(off[:, n : n + 1], training.inside) for n in range(off.shape[1])
    )


def rms(stack: torch.Tensor, inside: torch.Tensor) -> float:
    """The root mean square of a stack (n_slices, n, height, width) within a mask."""
    mask = inside[:, None]
    samples = mask.sum() * stack.shape[1]
    return float(((stack.square() * mask).sum() / samples).sqrt())


def _renewed(training: ImageTraining, rules: Rules) -> tuple[torch.Tensor, float, float]:
    """The signals after steps A and B, the share of samples replaced, and the mean number of voxels."""
    predicted = training.predicted()
    parts, n_replaced, n_around = [], 0, 0.0
    slices_at_once = max(1, _SAMPLES_AT_ONCE // predicted[0].numel())
    for rows in torch.arange(len(predicted)).split(slices_at_once):
        training.check()
        signal, guess, inside = (stack[rows] for stack in (training.signal, predicted, training.inside))
        mean, count = signal, inside.float()
        if rules.around_diff is not None:
            mean, count = similar_mean(signal, guess, inside, rules.around_diff)
        new, bad = replaced(mean, signal, guess, rules.fitting_max)
        parts.append(new * inside[:, None])
        n_replaced += int((bad & inside[:, None]).sum())
        n_around += float(count.sum())
    voxels = float(training.inside.sum())
    return torch.cat(parts), n_replaced / (voxels * predicted.shape[1]), n_around / voxels
