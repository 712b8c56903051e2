"""Voxels to train a network on: parameters, noisy signals, and the labels they are given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_dwi.errors import BadInputError
from napari_dwi.fit._network_recipe import Recipe
from napari_dwi.fit._problem import FITTED, FitProblem, marked_bounds
from napari_dwi.methods.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Simulated or fitted well within 0.2 s, so that a stop is heard.
_ROWS = 1024
# Fewer would leave nothing to hold out.
_FEWEST = 10


@dataclass(frozen=True, eq=False)
class TrainingVoxels:
    """Voxels in random order.

    Parameters
    ----------
    signal : ndarray, float32, shape (n_voxels, n_b)
        Noisy signal over that of the lowest b-value.
    label : ndarray, float32, shape (n_voxels, n_parameters)
        What the network should say, in the units of the model, S0 in the unit of ``signal``.
    """

    signal: NDArray[np.float32]
    label: NDArray[np.float32]


def training_voxels(recipe: Recipe, progress: Progress) -> TrainingVoxels:
    """Simulate voxels and label them (Epstein et al. 2022, section 3.3).

    A sum of the losses to two labels (eq. 10) has the gradient of the loss to the label between them,
    which is therefore the one given.

    Parameters
    ----------
    recipe : Recipe
        How the network is trained.
    progress : Progress
        Where to report, and to learn of a stop.

    Raises
    ------
    BadInputError
        If hardly any voxel has a usable label.
    """
    rng = np.random.default_rng(recipe.seed)
    problem = _label_problem(recipe)
    signals, labels = [], []
    for first in range(0, recipe.voxels, _ROWS):
        progress.report(first / recipe.voxels, f"training voxel {first} of {recipe.voxels}")
        truth = _drawn(recipe, min(_ROWS, recipe.voxels - first), rng)
        signal = noisy_signal(recipe, truth, rng)
        label = truth
        usable = recipe.scale_of(signal) > 0
        if recipe.alpha > 0:
            likely, found = _most_likely(recipe, problem, signal)
            label = (1 - recipe.alpha) * truth + recipe.alpha * likely
            usable &= found
        signal, label = signal[usable], label[usable]
        scale = recipe.scale_of(signal)[:, None]
        label[:, -1:] /= scale
        signals.append((signal / scale).astype(np.float32))
        labels.append(label.astype(np.float32))
    usable_voxels = sum(map(len, signals))
    if usable_voxels < _FEWEST:
        raise BadInputError(
            "no training voxel can be labelled",
            expected="maximum likelihood estimates within the bounds",
            remedy="Widen the bounds, or keep labels at a bound.",
        )
    return TrainingVoxels(np.concatenate(signals), np.concatenate(labels))


def noisy_signal(recipe: Recipe, truth: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float32]:
    """Signals with Rician noise, averaged over as many measurements as those of the recipe.

    Parameters
    ----------
    recipe : Recipe
        b-values, averages and noise level.
    truth : ndarray, shape (n_voxels, n_parameters)
        Parameters.
    rng : numpy.random.Generator
        Where the noise is drawn from.

    Returns
    -------
    ndarray, float32, shape (n_voxels, n_b)
    """
    clean = recipe.signal_model.signal(recipe.b_values, truth)
    averaged = np.array(recipe.averaged)
    total = np.zeros_like(clean)
    for n in range(averaged.max()):
        some = clean[:, averaged > n]
        real, imaginary = rng.normal(0.0, recipe.sigma, (2, *some.shape))
        total[:, averaged > n] += np.hypot(some + real, imaginary)
    return np.asarray(total / averaged, dtype=np.float32)


def _drawn(recipe: Recipe, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    low, high = np.array(recipe.ranges).T
    return rng.uniform(low, high, (count, len(low)))


def _label_problem(recipe: Recipe) -> FitProblem:
    return FitProblem(
        recipe.signal_model,
        np.array(recipe.b_values),
        np.array(recipe.averaged, dtype=np.float64),
        np.array(recipe.label_bounds),
        recipe.sigma,
    )


def _most_likely(
    recipe: Recipe, problem: FitProblem, signal: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Maximum likelihood estimates, and which of them are fit to learn from."""
    from napari_dwi.fit._least_squares import least_squares
    from napari_dwi.fit._rician import rician_likelihood

    if recipe.label_noise == "rician":
        found = rician_likelihood(signal, problem, recipe.sigma)
    else:
        found = least_squares(signal, problem)
    values = found.values.astype(np.float64, copy=False)
    usable = np.asarray(np.isfinite(values).all(axis=1))
    if found.converged is not None:
        usable &= found.converged
    if recipe.drop_at_bounds:
        inside = np.full(len(values), FITTED, dtype=np.uint8)
        usable &= marked_bounds(inside, values, problem.bounds) == FITTED
    return np.where(usable[:, None], values, 0.0), usable
