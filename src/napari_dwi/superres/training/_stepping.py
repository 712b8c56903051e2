"""Single training steps: in parts that fit into memory, and stopped between two layers."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_dwi.errors import MethodFailedError
from napari_dwi.methods.progress import Progress
from napari_dwi.superres._non_local_means import non_local_means
from napari_dwi.superres.training._losses import loss_of
from napari_dwi.superres.training.examples import Example, batches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.superres.training._unet import UNet
    from napari_dwi.superres.training.config import NetworkConfig, TrainingConfig

# Multiplications of a forward pass that the CPU makes at once: a step that computes more is taken in parts,
# for the sake of memory and of whoever waits for it to stop.
_WORK_AT_ONCE = 4e9


class Stepper:
    """Trains and validates one network.

    Parameters
    ----------
    network : UNet
        On its device. From now on, each of its layers looks whether to stop.
    optimiser : Optimizer
        For its weights.
    config : TrainingConfig
        Which loss.
    device : str
        Where the network is. On CUDA with mixed precision.
    progress : Progress
        Looked at between the layers.
    """

    def __init__(
        self,
        network: UNet,
        optimiser: torch.optim.Optimizer,
        config: TrainingConfig,
        device: str,
        progress: Progress,
    ) -> None:
        self._network = network
        self._optimiser = optimiser
        self._config = config
        self._device = device
        self._progress = progress
        self._most_slices = config.batch_size
        _look_between_layers(network, progress.check)

    def step(self, batch: Example) -> float:
        """Change the weights once; the loss before.

        Raises
        ------
        MethodFailedError
            If not even a single slice fits into memory.
        """
        while True:
            at_once = min(self._most_slices, self._slices_at_once(batch), len(batch.image))
            try:
                return self._step(batch, at_once)
            except torch.OutOfMemoryError as err:
                if at_once == 1:
                    raise MethodFailedError(
                        "not enough memory to train this network",
                        found="a single slice does not fit",
                        remedy="Train on smaller crops or with fewer widths.",
                    ) from err
            # Only outside the except block has the traceback let go of what filled the memory.
            self._most_slices = at_once // 2
            self._optimiser.zero_grad(set_to_none=True)
            gc.collect()
            if self._device == "cuda":
                torch.cuda.empty_cache()

    @torch.inference_mode()
    def validate(self, examples: Iterator[Example]) -> tuple[float, float]:
        """Loss and mean squared error, means over whole slices as they are, none of them changed."""
        losses, errors = [], []
        for batch in batches(examples, 1):
            self._progress.check()
            made, target, noise = self._passed(batch)
            losses.append(float(loss_of(made, target, noise, self._config)))
            errors.append(float(((made.float() - target) ** 2).mean()))
        return float(np.mean(losses)), float(np.mean(errors))

    def _step(self, batch: Example, at_once: int) -> float:
        self._optimiser.zero_grad(set_to_none=True)
        n, total = len(batch.image), 0.0
        for first in range(0, n, at_once):
            rows = slice(first, first + at_once)
            part = Example(batch.image[rows], batch.target[rows], batch.noise[rows])
            made, target, noise = self._passed(part)
            loss = loss_of(made, target, noise, self._config) * (len(part.image) / n)
            loss.backward()
            total += float(loss.detach())
        self._optimiser.step()
        return total

    def _passed(self, batch: Example) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What the network makes of a batch, what it should, and the noise."""
        target, noise = _on(self._device, batch.target), _on(self._device, batch.noise)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=self._device == "cuda"):
            return made_by(self._network, batch, self._device, self._progress), target, noise

    def _slices_at_once(self, batch: Example) -> int:
        if self._device != "cpu":
            return len(batch.image)
        height, width = batch.image.shape[-2:]
        return max(1, int(_WORK_AT_ONCE / _work(self._network.config, height * width)))


def made_by(network: UNet, batch: Example, device: str, progress: Progress) -> torch.Tensor:
    """What a network makes of the images of a batch, shape (n, 1, h, w)."""
    means = guide_of(network, batch, progress)
    guide = None if means is None else _on(device, means)
    made: torch.Tensor = network(_on(device, batch.image), _on(device, batch.noise), guide)
    return made


def guide_of(network: UNet, batch: Example, progress: Progress) -> NDArray[np.float32] | None:
    """What a network is told besides the images of a batch, shape (n, 1, h, w), if it is told anything."""
    if network.config.guide == "none":
        return None
    unseen = replace(progress, on_report=_ignore)
    means = [
        non_local_means(image.transpose(1, 2, 0), float(noise), network.config.factor, unseen)
        for image, noise in zip(batch.image, batch.noise, strict=True)
    ]
    return np.stack(means).transpose(0, 3, 1, 2)


def _on(device: str, values: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).to(device)


def _ignore(fraction: float, phrase: str) -> None:
    """How far the guide of a single slice is, which nobody wants to know."""


def _look_between_layers(network: torch.nn.Module, check: Callable[[], None]) -> None:
    """Have every layer look whether to stop, on the way forth and on the way back."""

    def look(_gradient: torch.Tensor) -> None:
        check()

    def passed(_layer: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        check()
        if output.requires_grad:
            output.register_hook(look)

    for layer in network.modules():
        if not any(layer.children()):
            layer.register_forward_hook(passed)


def _work(config: NetworkConfig, n_voxels: int) -> float:
    """About how many multiplications a forward pass of one slice takes."""
    total, before = 0.0, 2
    for level, width in enumerate(config.widths):
        is_last = level == len(config.widths) - 1
        # Two convolutions on the way down; on the way up one that gains resolution and two more.
        total += 9 * n_voxels / 4**level * (before * width + width**2 * (1 if is_last else 5))
        before = width
    return total
