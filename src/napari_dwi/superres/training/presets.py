"""Settings of networks and of their training that have a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig

RECOMMENDED, PAPER_FIRST, PAPER_TUNED = "recommended", "paper first", "paper tuned"

# One cycle of the learning rate is worth what its end is worth, so no early stopping cuts it short.
_CYCLE_EPOCHS = 60
# Of the paper (sections 4.2.2, 6.1 and 6.2). It does not tell by how much its learning rates fell: our
# decay is the middle one of the three it tried. Its networks were not told the noise level.
_PAPER = TrainingConfig(
    batch_size=32, crop=0, epochs=200, fewest_epochs=10, patience=6, decay=0.3, decay_epochs=10
)

PRESETS: Mapping[str, tuple[NetworkConfig, TrainingConfig]] = MappingProxyType(
    {
        RECOMMENDED: (
            NetworkConfig(widths=(16, 32, 64)),
            TrainingConfig(
                balanced=True,
                learning_rate=2e-3,
                schedule="one-cycle",
                epochs=_CYCLE_EPOCHS,
                patience=_CYCLE_EPOCHS,
            ),
        ),
        PAPER_FIRST: (
            NetworkConfig(widths=(64, 128, 256), down="mean", up="transposed", noise_input=False),
            replace(_PAPER, optimiser="rmsprop", learning_rate=1e-4, schedule="plateau"),
        ),
        PAPER_TUNED: (
            NetworkConfig(widths=(128, 128, 64), residual=False, noise_input=False),
            replace(_PAPER, optimiser="adam", learning_rate=3.139e-4, schedule="step"),
        ),
    }
)
