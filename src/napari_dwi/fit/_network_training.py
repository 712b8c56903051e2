"""Training of voxel networks, several at once, on one thread of the CPU.

The networks are so small that a step costs little more than calling it. Several are therefore stacked
along a first axis and trained together. For the same reason they are trained with NumPy: PyTorch is no
faster at this size, and takes seconds to load, during which no stop could be heard.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.fit._adam import Adam
from napari_dwi.fit._network import VoxelNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_dwi.fit._network_recipe import Recipe
    from napari_dwi.fit._network_voxels import TrainingVoxels
    from napari_dwi.methods.progress import Progress

    Array = NDArray[np.floating[Any]]
    # loss(estimates, signal, label): the loss of every network, and its gradient by the estimates.
    Loss = Callable[["Array", "Array", "Array"], tuple["Array", "Array"]]

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
    rng = np.random.default_rng((recipe.seed, 1))
    scale = np.mean(recipe.ranges, axis=1).astype(np.float32)
    stack = Stack.of(recipe, start, rng)
    optimiser = Adam(stack.weights.shape)
    loss_of = _loss_of_signal(recipe, scale) if recipe.loss == "signal" else _loss_of_parameters(recipe)
    label = voxels.label / scale
    n_held_out = max(1, int(_HELD_OUT * len(label)))
    held_out = voxels.signal[:n_held_out], label[:n_held_out]
    learnt = voxels.signal[n_held_out:], label[n_held_out:]
    batch_size = min(recipe.batch_size, len(learnt[0]))
    best, best_loss = stack.weights.copy(), np.full(recipe.restarts, np.inf)
    improved_at, first = 0, len(learnt[0])
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(1, recipe.steps + 1):
            if first + batch_size > len(learnt[0]):
                order, first = rng.permutation(len(learnt[0])), 0
            rows = order[first : first + batch_size]
            first += batch_size
            gradient = stack.gradient(learnt[0][rows], learnt[1][rows], loss_of)
            stack.weights[...] += optimiser.change(gradient, _rate(recipe, step))
            if step % _STEPS_BETWEEN_LOOKS == 0 or step == recipe.steps:
                seen = _held_out_loss(stack, loss_of, held_out, progress)
                better = seen < best_loss
                best[better], best_loss[better] = stack.weights[better], seen[better]
                improved_at = step if better.any() else improved_at
                phrase = f"training step {step}/{recipe.steps}, held-out loss {best_loss.min():.4g}"
                progress.report(step / recipe.steps, phrase)
                if step - improved_at > recipe.patience * recipe.steps:
                    break
            elif step % _STEPS_BETWEEN_CHECKS == 0:
                progress.check()
    chosen = int(best_loss.argmin())
    return Stack(best[chosen : chosen + 1], stack.sizes).network(scale), float(best_loss[chosen])


def _rate(recipe: Recipe, step: int) -> float:
    if not recipe.rate_falls:
        return recipe.learning_rate
    return 0.5 * recipe.learning_rate * (1 + cos(pi * (step - 1) / recipe.steps))


@dataclass(frozen=True, eq=False)
class Stack:
    """Networks of the same shape, side by side.

    Parameters
    ----------
    weights : ndarray, float32, shape (n_networks, n_weights)
        The weights and then the biases of every layer, layer after layer.
    sizes : tuple of int
        Units of the input, of every hidden layer, and of the output.
    """

    weights: NDArray[np.float32]
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, recipe: Recipe, start: VoxelNetwork | None, rng: np.random.Generator) -> Stack:
        """As many networks as the recipe has restarts, each with the weights of ``start`` or random ones."""
        sizes = (len(recipe.b_values), *[recipe.width] * recipe.layers, len(recipe.ranges))
        parts = []
        for n, (n_in, n_out) in enumerate(pairwise(sizes)):
            if start is None:
                reach = n_in**-0.5
                parts.append(rng.uniform(-reach, reach, (recipe.restarts, (n_in + 1) * n_out)))
            else:
                given = np.concatenate([start.weights[n].ravel(), start.biases[n]])
                parts.append(np.tile(given, (recipe.restarts, 1)))
        return cls(np.concatenate(parts, axis=1).astype(np.float32), sizes)

    def layers(self, values: NDArray[np.float32]) -> list[tuple[Array, Array]]:
        """Views on weights (n_networks, n_in, n_out) and biases (n_networks, 1, n_out) of every layer."""
        found, first = [], 0
        for n_in, n_out in pairwise(self.sizes):
            middle, last = first + n_in * n_out, first + (n_in + 1) * n_out
            weight = values[:, first:middle].reshape(-1, n_in, n_out)
            found.append((weight, values[:, middle:last].reshape(-1, 1, n_out)))
            first = last
        return found

    def estimates(self, signal: Array) -> Array:
        """What every network says, in shares of the mean of each range, (n_networks, n_voxels, p)."""
        return np.asarray(np.abs(self._passed(signal)[0]))

    def gradient(self, signal: Array, label: Array, loss_of: Loss) -> NDArray[np.float32]:
        """The gradient of every network's loss by its weights, as ``weights`` (back-propagation)."""
        last, inputs, slopes = self._passed(signal)
        _, upward = loss_of(np.abs(last), signal, label)
        upward = upward * np.sign(last)
        found = np.empty_like(self.weights)
        layers, wanted = self.layers(self.weights), self.layers(found)
        for n in reversed(range(len(layers))):
            np.matmul(np.swapaxes(inputs[n], -1, -2), upward, out=wanted[n][0])
            upward.sum(axis=1, keepdims=True, out=wanted[n][1])
            if n:
                upward = (upward @ np.swapaxes(layers[n][0], -1, -2)) * slopes[n - 1]
        return found

    def network(self, scale: NDArray[np.float32]) -> VoxelNetwork:
        """The first of them, whose estimates are shares of ``scale``."""
        layers = self.layers(self.weights)
        weights = tuple(np.ascontiguousarray(weight[0]) for weight, _ in layers)
        return VoxelNetwork(weights, tuple(np.ascontiguousarray(bias[0, 0]) for _, bias in layers), scale)

    def _passed(self, signal: Array) -> tuple[Array, list[Array], list[Array]]:
        """The last layer before its absolute value, what went into each layer, and the slopes of units."""
        units: Array = signal[None]
        inputs, slopes = [units], []
        *hidden, (last_weight, last_bias) = self.layers(self.weights)
        for weight, bias in hidden:
            units = units @ weight
            units += bias
            # The exponential linear unit and its slope are both made of this.
            slope = np.exp(np.minimum(units, 0))
            units = np.maximum(units, 0, out=units)
            units += slope
            units -= 1
            inputs.append(units)
            slopes.append(slope)
        return units @ last_weight + last_bias, inputs, slopes


def _loss_of_parameters(recipe: Recipe) -> Loss:
    """The mean square of the weighted errors of the parameters (eqs. 7, 9, 10)."""
    weights = np.square(np.array(recipe.loss_weights, dtype=np.float32))

    def loss(estimates: Array, _signal: Array, label: Array) -> tuple[Array, Array]:
        error = estimates - label
        weighted = weights * error
        size = error.shape[1] * error.shape[2]
        return (weighted * error).sum(axis=(1, 2)) / size, weighted * np.float32(2 / size)

    return loss


def _loss_of_signal(recipe: Recipe, scale: NDArray[np.float32]) -> Loss:
    """The mean square of the error of the signal (eq. 8)."""
    model = recipe.signal_model
    averaged = np.array(recipe.averaged, dtype=np.float32)
    averaged /= averaged.sum()
    b_values = np.array(recipe.b_values, dtype=np.float32)

    def loss(estimates: Array, signal: Array, _label: Array) -> tuple[Array, Array]:
        values = estimates * scale
        error = model.signal(b_values, values) - signal
        weighted = averaged * error
        size = error.shape[1]
        by_value = (weighted[..., None, :] @ model.jacobian(b_values, values))[..., 0, :]
        return (weighted * error).sum(axis=(1, 2)) / size, by_value * scale * np.float32(2 / size)

    return loss


def _held_out_loss(
    stack: Stack, loss_of: Loss, held_out: tuple[Array, Array], progress: Progress
) -> NDArray[np.float64]:
    """The held-out loss of every network of the stack; a voxel is looked at by all of them or none."""
    signal, label = held_out
    rows_at_once = max(1, _ROWS_AT_ONCE // len(stack.weights))
    # With many networks some of the held-out voxels tell the best of them as well as all.
    count = min(len(signal), 2 * rows_at_once)
    total = np.zeros(len(stack.weights))
    for first in range(0, count, rows_at_once):
        progress.check()
        rows = slice(first, min(first + rows_at_once, count))
        loss, _ = loss_of(stack.estimates(signal[rows]), signal[rows], label[rows])
        total += (rows.stop - rows.start) * loss
    return total / count
