"""What the scripts share that train networks on simulated shapes: a run that says how far it is."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from napari_dwi.methods.device import chosen_device, torch_threads
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.training._training import train
from napari_dwi.superres.training.checkpoint import Checkpoint
from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.examples import ShapeExamples

NOISE = (0.01, 0.15)
_SECONDS_BETWEEN_LINES = 10.0


def train_on_shapes(
    network: NetworkConfig,
    training: TrainingConfig,
    examples: ShapeExamples,
    options: argparse.Namespace,
    about: Mapping[str, object],
    start: Checkpoint | None = None,
) -> None:
    """Train in the folder ``options.out`` and print losses; ``about`` is what the network says too."""
    shown = 0.0

    def show(fraction: float, phrase: str) -> None:
        nonlocal shown
        if time.monotonic() - shown > _SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            print(f"{100 * fraction:5.1f} %  {phrase}", flush=True)

    said = {
        "TrainedOn": "simulated scans of random shapes; no image of a patient or an animal",
        "Images": options.images,
    }
    with torch_threads(options.threads):
        trained = train(
            network,
            training,
            examples,
            noise_range=NOISE,
            about=said | dict(about),
            start=start,
            folder=options.out,
            device=chosen_device(options.device),
            progress=Progress(show),
        )
    for record in trained.history:
        print(f"{record.epoch:4d}  {record.training_loss:.6f}  {record.validation_loss:.6f}")
