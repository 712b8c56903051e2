from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from napari_dwi.errors import MethodFailedError, Stopped
from napari_dwi.methods.progress import Progress
from napari_dwi.superres.training import _stepping
from napari_dwi.superres.training._optimising import optimiser_of
from napari_dwi.superres.training._stepping import Stepper
from napari_dwi.superres.training._unet import UNet
from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig
from napari_dwi.superres.training.examples import Example

from ...watching import Watch

CONFIG = NetworkConfig(widths=(2, 4))


def batch(n: int = 5) -> Example:
    rng = np.random.default_rng(0)
    image = rng.random((n, 1, 12, 14), dtype=np.float32)
    return Example(image, image**2, rng.uniform(0.02, 0.1, n).astype(np.float32))


class CrampedUNet(UNet):
    """A network on a device with memory for so many slices."""

    def __init__(self, slices: int) -> None:
        super().__init__(CONFIG)
        self.slices = slices

    def forward(self, image: torch.Tensor, *more: Any) -> torch.Tensor:
        if len(image) > self.slices:
            raise torch.OutOfMemoryError("out of memory")
        return super().forward(image, *more)


def stepped(network: UNet, progress: Progress | None = None, **settings: Any) -> tuple[float, torch.Tensor]:
    """The loss of one step, and all weights after it."""
    config = TrainingConfig(optimiser="sgd", learning_rate=0.1, **settings)
    stepper = Stepper(network, optimiser_of(network, config), config, "cpu", progress or Progress())
    loss = stepper.step(batch())
    return loss, torch.cat([weight.detach().flatten() for weight in network.parameters()])


def seeded(slices: int = 100) -> CrampedUNet:
    torch.manual_seed(1)
    return CrampedUNet(slices)


@pytest.mark.parametrize(
    "settings", [{"loss": "mse", "balanced": True}, {"loss": "mae"}, {"loss": "hybrid", "alpha": 0.3}]
)
def test_a_step_in_parts_is_the_same_step(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    loss, weights = stepped(seeded(), **settings)
    monkeypatch.setattr(_stepping, "_WORK_AT_ONCE", 1.0)
    # Not even two slices are taken at once now, or memory would run out.
    loss_in_parts, weights_in_parts = stepped(seeded(slices=1), **settings)
    assert loss_in_parts == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(weights_in_parts, weights)


def test_a_step_that_does_not_fit_is_taken_in_smaller_parts() -> None:
    loss, weights = stepped(seeded())
    loss_in_parts, weights_in_parts = stepped(seeded(slices=1))
    assert loss_in_parts == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(weights_in_parts, weights)


def test_where_no_slice_fits_there_is_a_remedy() -> None:
    with pytest.raises(MethodFailedError, match=r"not enough memory.*smaller crops or with fewer widths"):
        stepped(seeded(slices=0))


def test_a_stop_is_heard_between_layers_on_the_way_forth_and_back() -> None:
    undisturbed = Watch()
    _, before = stepped(seeded(), undisturbed.progress)
    layers = sum(1 for layer in seeded().modules() if not any(layer.children()))
    assert undisturbed.looks == 2 * layers
    for look in (2, layers + 2):
        network = seeded()
        watch = Watch(stop_at=look)
        with pytest.raises(Stopped):
            stepped(network, watch.progress)
        assert watch.looks == look
        # Nothing was learnt from half a step.
        after = torch.cat([weight.detach().flatten() for weight in network.parameters()])
        start = torch.cat([weight.detach().flatten() for weight in seeded().parameters()])
        torch.testing.assert_close(after, start)
    assert not torch.equal(before, start)
