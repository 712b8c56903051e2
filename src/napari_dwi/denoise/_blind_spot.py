"""Networks trained on the slices of one noisy volume, which never see what they must predict.

A network that predicts a voxel without having seen it cannot learn its noise, provided that this is
independent of its neighbours' noise. Some voxels are kept aside, as inputs only: what the network
says of them tells when it begins to learn the others' noise by heart.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.methods.method import Context

_CROP = 64
_STEPS_BETWEEN_LOOKS = 20
_HELD_OUT = 0.03
_MOST_VALIDATION_CROPS = 8


class BlindSpotTask(Protocol):
    """What a network is to learn, and how it is used afterwards.

    Slices are (batch, 1, x, y), of order one around 0. ``targets`` are the voxels of the slices that
    may be learnt from or are held out.
    """

    def loss(
        self, network: nn.Module, noisy: torch.Tensor, targets: torch.Tensor, random: torch.Generator
    ) -> torch.Tensor:
        """The error to make small, over some of the targets."""

    def held_out_loss(
        self, network: nn.Module, noisy: torch.Tensor, held_out: torch.Tensor
    ) -> torch.Tensor | None:
        """The error at voxels not learnt from; ``None`` if the task has no such notion."""

    def predict(self, network: nn.Module, noisy: torch.Tensor, context: Context) -> torch.Tensor:
        """The denoised slices."""


@dataclass(frozen=True)
class SliceTraining:
    """How to train: steps, slices (or crops of them) in a step, and rate of Adam at the start."""

    steps: int
    batch_size: int
    learning_rate: float


def denoise_slices(
    image: NDArray[np.float32],
    known: NDArray[np.bool_],
    network: nn.Module,
    task: BlindSpotTask,
    training: SliceTraining,
    multiple: int,
    context: Context,
    seed: int,
) -> NDArray[np.float32]:
    """Train a network on the slices of a volume and let it denoise them.

    Parameters
    ----------
    image : ndarray, shape (x, y, z)
        Noisy, without NaN, of order one around 0; z is the slice axis.
    known : ndarray of bool, shape (x, y, z)
        Voxels whose values were measured.
    network : Module
        The network, fresh.
    task : BlindSpotTask
        What to learn.
    training : SliceTraining
        Settings.
    multiple : int
        Slices are filled up with zeros to multiples of this.
    context : Context
        Device, progress and stop.
    seed : int
        Seed of the order and the voxels left out.

    Returns
    -------
    ndarray, float32, shape (x, y, z)
        The prediction of the network as it was when the held-out voxels were predicted best.
    """
    nx, ny, _ = image.shape
    # Zeros rather than reflections, which would show the network what it must not see.
    pad = [(0, -nx % multiple), (0, -ny % multiple), (0, 0)]
    slices, may_count = (
        torch.from_numpy(np.ascontiguousarray(np.moveaxis(np.pad(array, pad), 2, 0)))[:, None].to(
            context.device
        )
        for array in (image, known)
    )
    train(network.to(context.device), slices, may_count, task, training, context, seed)
    denoised = torch.empty(slices.shape)
    with torch.inference_mode():
        for z in range(len(slices)):
            context.progress.check()
            denoised[z] = task.predict(network, slices[z : z + 1], context)[0].cpu()
    return np.moveaxis(denoised[:, 0, :nx, :ny].numpy(), 0, 2)


def train(
    network: nn.Module,
    slices: torch.Tensor,
    known: torch.Tensor,
    task: BlindSpotTask,
    training: SliceTraining,
    context: Context,
    seed: int,
) -> None:
    """Train a network in place, and set it back to where held-out voxels were predicted best."""
    random = torch.Generator().manual_seed(seed)
    held_out = known & (torch.rand(known.shape, generator=random) < _HELD_OUT).to(known.device)
    learnt = known & ~held_out
    size = tuple(min(_CROP, n) for n in slices.shape[2:])
    validation = _crops(slices, size, _MOST_VALIDATION_CROPS, random)
    optimiser = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.steps)
    best_loss, best_state = float("inf"), None
    phrase = "training"
    for step in range(1, training.steps + 1):
        corners = _crops(slices, size, training.batch_size, random)
        optimiser.zero_grad(set_to_none=True)
        # One crop after the other, so that a stop is noticed in time.
        for corner in corners:
            context.progress.check()
            noisy, targets = _cut(slices, corner, size), _cut(learnt, corner, size)
            loss = task.loss(network, noisy, targets, random) / len(corners)
            context.progress.check()
            loss.backward()
        optimiser.step()
        schedule.step()
        if step % _STEPS_BETWEEN_LOOKS == 0 or step == training.steps:
            seen = _held_out_loss(network, slices, held_out, task, validation, size, context)
            if seen is not None:
                phrase = f"step {step}/{training.steps}, held-out loss {seen:.4g}"
                if seen < best_loss:
                    best_loss, best_state = seen, copy.deepcopy(network.state_dict())
        context.progress.report(step / training.steps, phrase)
    if best_state is not None:
        network.load_state_dict(best_state)


@torch.inference_mode()
def _held_out_loss(
    network: nn.Module,
    slices: torch.Tensor,
    held_out: torch.Tensor,
    task: BlindSpotTask,
    corners: list[tuple[int, int, int]],
    size: tuple[int, ...],
    context: Context,
) -> float | None:
    total = 0.0
    for corner in corners:
        context.progress.check()
        loss = task.held_out_loss(network, _cut(slices, corner, size), _cut(held_out, corner, size))
        if loss is None:
            return None
        total += float(loss)
    return total


def _crops(
    slices: torch.Tensor, size: tuple[int, ...], count: int, random: torch.Generator
) -> list[tuple[int, int, int]]:
    """Slice and corner of some crops drawn at random."""
    ends = (len(slices), *(n - edge + 1 for n, edge in zip(slices.shape[2:], size, strict=True)))
    drawn = [torch.randint(end, (count,), generator=random).tolist() for end in ends]
    return list(zip(*drawn, strict=True))


def _cut(slices: torch.Tensor, corner: tuple[int, int, int], size: tuple[int, ...]) -> torch.Tensor:
    z, x, y = corner
    return slices[z : z + 1, :, x : x + size[0], y : y + size[1]]
