"""Training of voxel networks, several at once, on one thread of the CPU.

The networks are so small that a step costs little more than calling it. Several are therefore stacked
along a first axis and trained together: sixteen take twice the time of one.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import elu

from napari_dwi.fit._network import VoxelNetwork
from napari_dwi.methods.device import torch_threads

if TYPE_CHECKING:
    from napari_dwi.fit._network_recipe import Recipe
    from napari_dwi.fit._network_voxels import TrainingVoxels
    from napari_dwi.methods.progress import Progress
    from napari_dwi.physics.signal_models import SignalModel

_HELD_OUT = 0.2
# Voxels passed through the stack at once when the held-out loss is looked at: some hundredths of a second.
_ROWS_AT_ONCE = 40_000
_STEPS_BETWEEN_LOOKS = 500
_STEPS_BETWEEN_CHECKS = 10


def train(
    recipe: Recipe, voxels: TrainingVoxels, start: VoxelNetwork | None, progress: Progress
) -> tuple[VoxelNetwork, float]:
    """Train by Adam; of several networks, the one with the lowest held-out loss is kept.

    Parameters
    ----------
    recipe : Recipe
        How.
    voxels : TrainingVoxels
        On what.
    start : VoxelNetwork, optional
        Weights to begin with; random ones if absent.
    progress : Progress
        Where to report, and to learn of a stop.

    Returns
    -------
    VoxelNetwork, float
        The network at its lowest held-out loss, and that loss: the mean square of the weighted errors
        in shares of the mean of each range, or of the error of the signal.
    """
    # Steps are too short to share, and the number of threads must not change the weights.
    with torch_threads(1):
        return _trained(recipe, voxels, start, progress)


def _trained(
    recipe: Recipe, voxels: TrainingVoxels, start: VoxelNetwork | None, progress: Progress
) -> tuple[VoxelNetwork, float]:
    random = torch.Generator().manual_seed(recipe.seed)
    scale = torch.tensor(np.mean(recipe.ranges, axis=1), dtype=torch.float32)
    layers = _first_layers(recipe, start, random)
    optimiser = torch.optim.Adam(layers, lr=recipe.learning_rate, fused=True)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, recipe.steps)
    signal, label = torch.from_numpy(voxels.signal), torch.from_numpy(voxels.label) / scale
    n_held_out = max(1, int(_HELD_OUT * len(signal)))
    loss_of = _loss(recipe, scale)
    held_out = signal[:n_held_out], label[:n_held_out]
    learnt = signal[n_held_out:], label[n_held_out:]
    batch_size = min(recipe.batch_size, len(learnt[0]))
    best = [layer.detach().clone() for layer in layers]
    best_loss = torch.full((recipe.restarts,), float("inf"))
    improved_at, first = 0, len(learnt[0])
    for step in range(1, recipe.steps + 1):
        if first + batch_size > len(learnt[0]):
            order = torch.randperm(len(learnt[0]), generator=random)
            shuffled, first = (learnt[0][order], learnt[1][order]), 0
        rows = slice(first, first + batch_size)
        first += batch_size
        loss = loss_of(layers, shuffled[0][rows], shuffled[1][rows]).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if recipe.rate_falls:
            falling.step()
        if step % _STEPS_BETWEEN_LOOKS == 0 or step == recipe.steps:
            seen = _held_out_loss(loss_of, layers, held_out, progress)
            better = seen < best_loss
            for kept, layer in zip(best, layers, strict=True):
                kept[better] = layer.detach()[better]
            best_loss = torch.where(better, seen, best_loss)
            improved_at = step if bool(better.any()) else improved_at
            phrase = f"training step {step}/{recipe.steps}, held-out loss {float(best_loss.min()):.4g}"
            progress.report(step / recipe.steps, phrase)
            if step - improved_at > recipe.patience * recipe.steps:
                break
        elif step % _STEPS_BETWEEN_CHECKS == 0:
            progress.check()
    chosen = int(best_loss.argmin())
    arrays = [layer[chosen].numpy() for layer in best]
    weights = tuple(np.ascontiguousarray(array) for array in arrays[::2])
    biases = tuple(np.ascontiguousarray(array[0]) for array in arrays[1::2])
    return VoxelNetwork(weights, biases, scale.numpy()), float(best_loss[chosen])


def _first_layers(
    recipe: Recipe, start: VoxelNetwork | None, random: torch.Generator
) -> list[torch.nn.Parameter]:
    """Weights (restarts, n_in, n_out) and biases (restarts, 1, n_out) of the layers, in turn."""
    sizes = [len(recipe.b_values), *[recipe.width] * recipe.layers, len(recipe.ranges)]
    layers = []
    for n, (n_in, n_out) in enumerate(pairwise(sizes)):
        if start is None:
            both = (2 * torch.rand(recipe.restarts, n_in + 1, n_out, generator=random) - 1) / n_in**0.5
        else:
            stacked = np.concatenate([start.weights[n], start.biases[n][None]])
            both = torch.from_numpy(stacked).repeat(recipe.restarts, 1, 1)
        layers += [torch.nn.Parameter(both[:, :-1].clone()), torch.nn.Parameter(both[:, -1:].clone())]
    return layers


def _outputs(layers: list[torch.nn.Parameter], signal: torch.Tensor) -> torch.Tensor:
    """What every network of the stack says, (restarts, n_voxels, n_parameters)."""
    units = signal.expand(len(layers[0]), -1, -1)
    for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
        units = elu(torch.baddbmm(bias, units, weight))
    return torch.baddbmm(layers[-1], units, layers[-2]).abs()


def _loss(recipe: Recipe, scale: torch.Tensor) -> Any:
    """The loss of every network of the stack (eqs. 7 to 10) by layers, signal and label."""
    weights = torch.tensor(recipe.loss_weights)
    averaged = torch.tensor(recipe.averaged) / sum(recipe.averaged)
    b_values = np.array(recipe.b_values, dtype=np.float32)

    def of_parameters(
        layers: list[torch.nn.Parameter], signal: torch.Tensor, label: torch.Tensor
    ) -> torch.Tensor:
        return (weights * (_outputs(layers, signal) - label)).square().mean(dim=(1, 2))

    def of_signal(
        layers: list[torch.nn.Parameter], signal: torch.Tensor, _label: torch.Tensor
    ) -> torch.Tensor:
        values = _outputs(layers, signal) * scale
        fitted: torch.Tensor = _Signal.apply(values, recipe.signal_model, b_values)  # type: ignore[no-untyped-call]
        return (averaged * (fitted - signal).square()).sum(dim=2).mean(dim=1)

    return of_signal if recipe.loss == "signal" else of_parameters


class _Signal(torch.autograd.Function):
    """The signal of parameters, with the derivatives that the signal model brings along."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, model: SignalModel, b_values: Any) -> torch.Tensor:
        parameters = values.detach().numpy()
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(torch.from_numpy(model.jacobian(b_values, parameters)))
        return torch.from_numpy(model.signal(b_values, parameters))

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[torch.Tensor, None, None]:
        (jacobian,) = ctx.saved_tensors
        return (gradients[0][..., None, :] @ jacobian)[..., 0, :], None, None


@torch.inference_mode()
def _held_out_loss(
    loss_of: Any,
    layers: list[torch.nn.Parameter],
    held_out: tuple[torch.Tensor, torch.Tensor],
    progress: Progress,
) -> torch.Tensor:
    """The held-out loss of every network of the stack; a voxel is looked at by all of them or none."""
    signal, label = held_out
    rows_at_once = max(1, _ROWS_AT_ONCE // len(layers[0]))
    # With many networks some of the held-out voxels tell the best of them as well as all.
    some = slice(0, 2 * rows_at_once)
    total = torch.zeros(len(layers[0]))
    for rows in torch.arange(len(signal[some])).split(rows_at_once):
        progress.check()
        total += len(rows) * loss_of(layers, signal[rows], label[rows])
    return total / len(signal[some])
