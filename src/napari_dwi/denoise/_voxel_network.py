"""A fully connected network from voxel descriptors to one intensity, trained on the noisy image."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.denoise._voxel_features import VoxelFeatures
    from napari_dwi.methods.method import Context

# Held-out voxels are looked at once an epoch, and more often where epochs are long.
_STEPS_BETWEEN_LOOKS = 100
_MOST_HELD_OUT = 20_000
# What one core passes through the paper's network well within 0.2 s, so that a stop is noticed in time.
_ROWS_AT_ONCE_CPU = 1024
_ROWS_AT_ONCE_GPU = 65_536


@dataclass(frozen=True)
class Training:
    """How to train: widths, passes, batch in voxels, rate of Adam, and the share held out (0 to 1)."""

    width: int
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float


def train(
    features: VoxelFeatures,
    target: NDArray[np.float32],
    voxels: NDArray[np.intp],
    training: Training,
    context: Context,
    seed: int,
) -> nn.Module:
    """Train four fully connected layers by mean squared error (BL-INR, section 2.2).

    Parameters
    ----------
    features : VoxelFeatures
        Descriptors of voxels.
    target : ndarray, float32, shape (x, y, z)
        The noisy image, scaled to order one.
    voxels : ndarray of int
        Flat indices to train on, shuffled; the first of them are held out.
    training : Training
        Settings.
    context : Context
        Device, progress and stop.
    seed : int
        Seed of weights and order.

    Returns
    -------
    Module
        The network after the last step, or after the step at which the held-out voxels were
        predicted best: from there on the training voxels' noise is learnt by heart.
    """
    device = context.device
    torch.manual_seed(seed)
    network = _layers(features.n_features, training.width).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    flat_target = torch.from_numpy(target.reshape(-1)).to(device)
    n_held_out = min(round(training.held_out * len(voxels)), len(voxels) - 1, _MOST_HELD_OUT)
    held_out = torch.from_numpy(voxels[:n_held_out]).to(device)
    learnt = torch.from_numpy(voxels[n_held_out:])
    batch_size = min(training.batch_size, len(learnt))
    steps_per_epoch = -(-len(learnt) // batch_size)
    n_steps = steps_per_epoch * training.epochs
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    order = torch.Generator().manual_seed(seed)
    look_every = min(steps_per_epoch, _STEPS_BETWEEN_LOOKS)
    best_loss, best_state = float("inf"), None
    step = 0
    for epoch in range(training.epochs):
        shuffled = learnt[torch.randperm(len(learnt), generator=order)].to(device)
        phrase = f"epoch {epoch + 1}/{training.epochs}"
        for batch in shuffled.split(batch_size):
            loss = _gradient(network, features, flat_target, batch, context)
            optimiser.step()
            schedule.step()
            step += 1
            if n_held_out and (step % look_every == 0 or step == n_steps):
                seen = _held_out_loss(network, features, flat_target, held_out, context)
                phrase = f"epoch {epoch + 1}/{training.epochs}, held-out loss {seen:.4g}"
                if seen < best_loss:
                    best_loss, best_state = seen, copy.deepcopy(network.state_dict())
            elif not n_held_out and step % look_every == 0:
                phrase = f"epoch {epoch + 1}/{training.epochs}, loss {float(loss):.4g}"
            context.progress.report(step / n_steps, phrase)
    if best_state is not None:
        network.load_state_dict(best_state)
    return network


@torch.inference_mode()
def predict(
    network: nn.Module, features: VoxelFeatures, shape: tuple[int, ...], context: Context
) -> NDArray[np.float32]:
    """The network's image: its prediction at every voxel, float32, shape (x, y, z)."""
    n_voxels = int(np.prod(shape))
    predicted = torch.empty(n_voxels)
    for rows in torch.arange(n_voxels).split(_rows_at_once(context)):
        context.progress.check()
        predicted[rows] = network(features(rows.to(context.device)))[:, 0].cpu()
    return predicted.numpy().reshape(shape)


def _rows_at_once(context: Context) -> int:
    return context.chunk(_ROWS_AT_ONCE_CPU if context.device == "cpu" else _ROWS_AT_ONCE_GPU)


def _layers(n_features: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_features, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )


def _gradient(
    network: nn.Module,
    features: VoxelFeatures,
    target: torch.Tensor,
    batch: torch.Tensor,
    context: Context,
) -> torch.Tensor:
    """Leave the gradient of the batch's mean squared error in the network; return the error.

    The batch goes through in pieces whose gradients add up, as memory and a prompt stop demand.
    """
    network.zero_grad(set_to_none=True)
    total = torch.zeros((), device=target.device)
    for rows in batch.split(_rows_at_once(context)):
        context.progress.check()
        error = network(features(rows))[:, 0] - target[rows]
        loss = error.square().sum() / len(batch)
        context.progress.check()
        loss.backward()
        total += loss.detach()
    return total


@torch.inference_mode()
def _held_out_loss(
    network: nn.Module,
    features: VoxelFeatures,
    target: torch.Tensor,
    held_out: torch.Tensor,
    context: Context,
) -> float:
    total = 0.0
    for rows in held_out.split(_rows_at_once(context)):
        context.progress.check()
        total += float((network(features(rows))[:, 0] - target[rows]).square().sum())
    return total / len(held_out)
