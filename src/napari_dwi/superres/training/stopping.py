"""When to end training."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class EarlyStopping:
    """Ends training that has not become better for a while.

    Parameters
    ----------
    patience : int
        Epochs without a better validation loss that are enough.
    fewest_epochs : int
        Epochs that are always run.
    losses : list of float
        Validation loss of every epoch so far.
    """

    patience: int = 6
    fewest_epochs: int = 10
    losses: list[float] = field(default_factory=list)

    def add(self, loss: float) -> bool:
        """Take the loss of one more epoch; whether it is the best so far. NaN never is."""
        self.losses.append(loss)
        return self.best_epoch == len(self.losses)

    @property
    def best_epoch(self) -> int:
        """The epoch (from 1) with the lowest loss, the first of them; 0 if there is none."""
        finite = [(loss, epoch) for epoch, loss in enumerate(self.losses, 1) if loss < float("inf")]
        return min(finite)[1] if finite else 0

    @property
    def is_over(self) -> bool:
        """Whether enough epochs have passed since the best one."""
        epochs = len(self.losses)
        return epochs >= self.fewest_epochs and epochs - self.best_epoch >= self.patience
