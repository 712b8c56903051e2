from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.presets import PRESETS


def test_both_configurations_of_the_paper_are_there() -> None:
    network, training = PRESETS["paper first"]
    assert (network.widths, network.down, network.up, network.residual) == (
        (64, 128, 256),
        "mean",
        "transposed",
        True,
    )
    assert (training.learning_rate, training.optimiser, training.schedule) == (1e-4, "rmsprop", "plateau")
    network, training = PRESETS["paper tuned"]
    assert (network.widths, network.down, network.up, network.residual) == (
        (128, 128, 64),
        "strided",
        "bilinear",
        False,
    )
    assert (training.learning_rate, training.optimiser, training.schedule) == (3.139e-4, "adam", "step")


@pytest.mark.parametrize("name", ["paper first", "paper tuned"])
def test_what_the_paper_kept_fixed_is_fixed(name: str) -> None:
    network, training = PRESETS[name]
    assert (network.activation, network.noise_input) == ("relu", False)
    assert (training.loss, training.batch_size, training.epochs) == ("mse", 32, 200)
    assert (training.patience, training.fewest_epochs) == (6, 10)


@pytest.mark.parametrize("name", PRESETS)
def test_there_is_such_a_network(name: str) -> None:
    import torch

    from napari_dwi.superres.training._unet import UNet

    network, training = PRESETS[name]
    assert isinstance(network, NetworkConfig)
    assert isinstance(training, TrainingConfig)
    image = torch.from_numpy(np.zeros((1, 1, 9, 14), np.float32))
    assert UNet(network)(image, torch.tensor([0.05])).shape == image.shape
