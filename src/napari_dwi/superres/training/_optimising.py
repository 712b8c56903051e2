"""Optimisers and the fall of the learning rate, by the names of the configuration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

if TYPE_CHECKING:
    from napari_dwi.superres.training.config import TrainingConfig

_MOMENTUM = 0.9
# Of the highest learning rate of a cycle, where it begins and where it ends.
_CYCLE_START, _CYCLE_END = 25.0, 1e4


class Schedule:
    """A schedule that is told what it needs: the end of a step, of an epoch, or the validation loss.

    Parameters
    ----------
    optimiser : Optimizer
        Whose learning rate it sets.
    config : TrainingConfig
        Which schedule.
    steps : int
        Steps of an epoch.
    """

    def __init__(self, optimiser: torch.optim.Optimizer, config: TrainingConfig, steps: int) -> None:
        self._total_steps = steps * config.epochs
        self._kind = config.schedule
        self._scheduler: Any = None
        if config.schedule == "exponential":
            self._scheduler = lr_scheduler.ExponentialLR(optimiser, config.decay)
        elif config.schedule == "step":
            self._scheduler = lr_scheduler.StepLR(optimiser, config.decay_epochs, config.decay)
        elif config.schedule == "plateau":
            self._scheduler = lr_scheduler.ReduceLROnPlateau(
                optimiser, factor=config.decay, patience=config.decay_epochs
            )
        elif config.schedule == "one-cycle":
            self._scheduler = lr_scheduler.OneCycleLR(
                optimiser,
                config.learning_rate,
                total_steps=self._total_steps,
                div_factor=_CYCLE_START,
                final_div_factor=_CYCLE_END,
                cycle_momentum=False,
            )

    def after_step(self) -> None:
        """Go on after a training step."""
        if self._kind == "one-cycle" and self._scheduler.last_epoch < self._total_steps - 1:
            self._scheduler.step()

    def after_epoch(self, validation_loss: float) -> None:
        """Go on after an epoch: the plateau is told the loss, the others count epochs."""
        if self._kind == "plateau":
            self._scheduler.step(validation_loss)
        elif self._kind in ("exponential", "step"):
            self._scheduler.step()

    def state(self) -> dict[str, Any]:
        """What it has to remember; ready for JSON."""
        if self._scheduler is None:
            return {}
        said = self._scheduler.state_dict()
        return {name: value for name, value in said.items() if _is_plain(value)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from where it was."""
        if self._scheduler is not None:
            self._scheduler.load_state_dict(state)


def schedule_of(optimiser: torch.optim.Optimizer, config: TrainingConfig, steps: int) -> Schedule:
    """The schedule a configuration asks for; ``steps`` is the number of steps in an epoch."""
    return Schedule(optimiser, config, steps)


def optimiser_of(network: torch.nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser a configuration asks for."""
    weights, rate = network.parameters(), config.learning_rate
    if config.optimiser == "adam":
        return torch.optim.Adam(weights, lr=rate)
    if config.optimiser == "adamw":
        return torch.optim.AdamW(weights, lr=rate)
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=rate, momentum=_MOMENTUM)
    return torch.optim.RMSprop(weights, lr=rate)


def _is_plain(value: object) -> bool:
    """Whether JSON has such a value; what it has not is the same in every schedule of the kind."""
    return isinstance(value, list | int) or (isinstance(value, float) and math.isfinite(value))
