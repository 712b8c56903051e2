"""Fully connected networks from voxel descriptors to one intensity, trained on the noisy images."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from napari_dwi.denoise._voxel_features import VoxelFeatures
    from napari_dwi.methods.method import Context

# Held-out samples are looked at once an epoch, and more often where epochs are long.
_STEPS_BETWEEN_LOOKS = 25
# Training on for so many looks that see nothing better is in vain.
_MOST_LOOKS_IN_VAIN = 12
_MOST_HELD_OUT = 40_000
_MOST_TO_STANDARDISE = 20_000
# What one core passes through the paper's network well within 0.2 s, so that a stop is noticed in
# time; the narrower the network, the more, as far as memory is quick.
_ROWS_OF_PAPER_CPU = 1024
_PAPER_WIDTH = 1024
_MOST_ROWS_CPU = 8192
_ROWS_AT_ONCE_GPU = 65_536


@dataclass(frozen=True)
class Training:
    """How to train.

    Parameters
    ----------
    width : int
        Units of each hidden layer.
    members : int
        Networks trained side by side, each on samples held out from others.
    steps, epochs : int
        Steps of Adam; 0 takes so many passes over the samples instead.
    batch_size : int
        Samples in one step.
    learning_rate : float
        Of Adam at the start; falls as a cosine.
    held_out : float
        Share of the samples (0 to 1) kept aside by each network.
    averaging : float
        Weights are averaged over steps, the older ones by this factor less from step to step; 0
        takes them as they are.
    """

    width: int
    members: int
    steps: int
    epochs: int
    batch_size: int
    learning_rate: float
    held_out: float
    averaging: float


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks, the samples (flat indices) each has not learnt from, and their held-out error.

    ``held_out_error`` is the mean squared error over all held-out samples at the step that was
    kept, in squares of the target's unit; NaN where none are held out.
    """

    members: nn.ModuleList
    held_out: tuple[torch.Tensor, ...]
    held_out_error: float


class VoxelNetwork(nn.Module):
    """Position encoding and four fully connected layers (BL-INR, section 2.1).

    With ``bfloat16`` the hidden layers compute with numbers of 16 bits; their weights and what comes
    out keep 32.
    """

    def __init__(
        self,
        encoding: nn.Module,
        n_features: int,
        width: int,
        *,
        zero_start: bool = False,
        bfloat16: bool = False,
    ) -> None:
        super().__init__()
        self.encoding, self._bfloat16 = encoding, bfloat16
        n_position: int = encoding.n_features  # type: ignore[assignment]
        self.last = nn.Linear(width, 1)
        self.hidden = nn.Sequential(
            nn.Linear(n_position + n_features, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
        )
        if zero_start:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

    def forward(self, positions: torch.Tensor, described: torch.Tensor) -> torch.Tensor:
        """Intensities (batch,) of voxel indices (batch, 3) and their features (batch, n_features)."""
        told = torch.cat([self.encoding(positions), described], dim=1)
        with torch.autocast(told.device.type, torch.bfloat16, enabled=self._bfloat16):
            hidden: torch.Tensor = self.hidden(told)
        intensities: torch.Tensor = self.last(hidden.to(self.last.weight.dtype))
        return intensities[:, 0]


def train(
    features: VoxelFeatures,
    make_network: Callable[[int], VoxelNetwork],
    target: torch.Tensor,
    samples: torch.Tensor,
    training: Training,
    context: Context,
    seed: int,
) -> Trained:
    """Train networks by mean squared error (BL-INR, section 2.2).

    Parameters
    ----------
    features : VoxelFeatures
        Descriptors of samples.
    make_network : callable
        ``make_network(seed)`` gives an untrained network.
    target : Tensor, shape (n_targets * n_voxels,)
        What to learn at every sample, of order one.
    samples : Tensor of int
        What to train on, shuffled.
    training : Training
        Settings.
    context : Context
        Device, progress and stop.
    seed : int
        Seed of weights and order.

    Returns
    -------
    Trained
        The networks after the last step, or after the step at which they predicted what each had
        held out best, all together: from there on the training samples' noise is learnt by heart.
    """
    device, n_members = context.device, training.members
    torch.manual_seed(seed)
    members = nn.ModuleList([make_network(seed + 7919 * n) for n in range(n_members)]).to(device)
    folds, learnt = _folds(samples, training)
    held_out = tuple(fold.to(device) for fold in folds)
    batch_size = min(training.batch_size, min(len(each) for each in learnt))
    steps_per_epoch = -(-len(learnt[0]) // batch_size)
    n_steps = training.steps or steps_per_epoch * training.epochs
    optimiser = torch.optim.Adam(members.parameters(), lr=training.learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    averaged = copy.deepcopy(members) if training.averaging else members
    look_every = min(steps_per_epoch, _STEPS_BETWEEN_LOOKS)
    best_loss, best_state, in_vain = float("inf"), None, 0
    batches = [_batches(each, batch_size, seed + n) for n, each in enumerate(learnt)]
    for step in range(1, n_steps + 1):
        optimiser.zero_grad(set_to_none=True)
        loss = sum(
            _add_gradient(member, features, target, next(batch).to(device), context)
            for member, batch in zip(members, batches, strict=True)
        )
        optimiser.step()
        schedule.step()
        _average(averaged, members, training.averaging, step)
        phrase = f"step {step}/{n_steps}"
        if step % look_every == 0 or step == n_steps:
            if folds:
                seen = _held_out_loss(averaged, features, target, held_out, context)
                phrase += f", held-out loss {seen:.4g}"
                in_vain += 1
                if seen < best_loss:
                    best_loss, best_state, in_vain = seen, copy.deepcopy(averaged.state_dict()), 0
            else:
                phrase += f", loss {float(loss) / n_members:.4g}"
        context.progress.report(step / n_steps, phrase)
        if in_vain == _MOST_LOOKS_IN_VAIN:
            break
    if best_state is not None:
        averaged.load_state_dict(best_state)
    return Trained(averaged, held_out, best_loss if folds else float("nan"))


@torch.inference_mode()
def predict(
    members: nn.ModuleList, features: VoxelFeatures, samples: torch.Tensor, context: Context
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Samples piece by piece, and what each network says of them: (n,) and (n_members, n)."""
    for rows in samples.split(_rows_at_once(members, context)):
        context.progress.check()
        there = rows.to(context.device)
        positions, described = features.positions(there), features(there)
        said = []
        for member in members:
            context.progress.check()
            said.append(member(positions, described))
        yield rows, torch.stack(said).cpu()


def standardising_samples(samples: torch.Tensor) -> torch.Tensor:
    """As many of the shuffled samples as tell mean and SD of the features well enough."""
    return samples[:_MOST_TO_STANDARDISE]


def _folds(samples: torch.Tensor, training: Training) -> tuple[tuple[torch.Tensor, ...], list[torch.Tensor]]:
    """For each network what it holds out and what it learns from; the former is empty if nothing is."""
    n_members = training.members
    size = min(round(training.held_out * len(samples)), len(samples) - 1)
    if size == 0:
        return (), [samples] * n_members
    apart = max(size, len(samples) // n_members)
    rolled = [samples.roll(-n * apart) for n in range(n_members)]
    looked_at = min(size, max(1, _MOST_HELD_OUT // n_members))
    return tuple(each[:looked_at] for each in rolled), [each[size:] for each in rolled]


def _batches(samples: torch.Tensor, batch_size: int, seed: int) -> Iterator[torch.Tensor]:
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from samples[torch.randperm(len(samples), generator=order)].split(batch_size)


def _rows_at_once(network: nn.Module, context: Context) -> int:
    if context.device != "cpu":
        return context.chunk(_ROWS_AT_ONCE_GPU)
    widest = max(parameter.shape[0] for parameter in network.parameters())
    rows = _ROWS_OF_PAPER_CPU * max(1, _PAPER_WIDTH // widest)
    return context.chunk(min(rows, _MOST_ROWS_CPU))


def _add_gradient(
    network: nn.Module,
    features: VoxelFeatures,
    target: torch.Tensor,
    batch: torch.Tensor,
    context: Context,
) -> torch.Tensor:
    """Leave the gradient of the batch's mean squared error in the network; return the error.

    The batch goes through in pieces whose gradients add up, as memory and a prompt stop demand.
    """
    total = torch.zeros((), device=target.device)
    for rows in batch.split(_rows_at_once(network, context)):
        context.progress.check()
        error = network(features.positions(rows), features(rows)) - target[rows]
        loss = error.square().sum() / len(batch)
        context.progress.check()
        loss.backward()
        total += loss.detach()
    return total


@torch.no_grad()
def _average(averaged: nn.ModuleList, members: nn.ModuleList, decay: float, step: int) -> None:
    """Move the averaged weights towards the newest, faster in the first steps."""
    if averaged is members:
        return
    decay = min(decay, (1 + step) / (10 + step))
    for mean, new in zip(averaged.parameters(), members.parameters(), strict=True):
        mean.lerp_(new, 1 - decay)


@torch.inference_mode()
def _held_out_loss(
    members: nn.ModuleList,
    features: VoxelFeatures,
    target: torch.Tensor,
    held_out: tuple[torch.Tensor, ...],
    context: Context,
) -> float:
    total = 0.0
    for member, fold in zip(members, held_out, strict=True):
        for rows in fold.split(_rows_at_once(member, context)):
            context.progress.check()
            error = member(features.positions(rows), features(rows)) - target[rows]
            total += float(error.square().sum())
    return total / sum(len(fold) for fold in held_out)
