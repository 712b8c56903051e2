"""The losses of a run, epoch by epoch, as its folder keeps them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from napari_dwi.errors import BadInputError
from napari_dwi.methods.strict_json import from_json

METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch came to: a line of ``metrics.jsonl``.

    Parameters
    ----------
    epoch : int
        From 1.
    training_loss : float
        Mean over the steps of the epoch.
    validation_loss, validation_mse : float
        After it; the mean squared error is comparable between runs with other losses.
    learning_rate : float
        At its end.
    """

    epoch: int
    training_loss: float
    validation_loss: float
    validation_mse: float
    learning_rate: float


def read_history(folder: Path) -> tuple[EpochRecord, ...]:
    """Every epoch of a run so far; none where no epoch was finished.

    Raises
    ------
    BadInputError
        If the file is damaged.
    """
    path = folder / METRICS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    try:
        said = [json.loads(line) for line in lines]
    except ValueError as err:
        raise BadInputError("the losses of this run cannot be read", file=path, found=str(err)) from err
    return tuple(from_json(EpochRecord, one, path) for one in said)
