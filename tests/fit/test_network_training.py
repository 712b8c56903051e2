from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.fit._network import VoxelNetwork
from napari_dwi.fit._network_files import packed
from napari_dwi.fit._network_recipe import Recipe
from napari_dwi.fit._network_training import Stack, _loss_of_parameters, _loss_of_signal, train
from napari_dwi.fit._network_voxels import TrainingVoxels, training_voxels
from napari_dwi.methods.progress import Progress

from .recipes import small_recipe

QUIET = Progress()


@pytest.fixture(scope="module")
def voxels() -> TrainingVoxels:
    return training_voxels(small_recipe(), QUIET)


@pytest.fixture(scope="module")
def network(voxels: TrainingVoxels) -> VoxelNetwork:
    return train(small_recipe(steps=1000), voxels, None, QUIET)[0]


def error(network: VoxelNetwork, voxels: TrainingVoxels, recipe: Recipe) -> np.ndarray:
    """Mean square error of every parameter in shares of the mean of its range."""
    scale = np.mean(recipe.ranges, axis=1)
    return (((network(voxels.signal) - voxels.label) / scale) ** 2).mean(axis=0)


def test_a_network_comes_closer_to_the_labels_than_their_mean(
    network: VoxelNetwork, voxels: TrainingVoxels
) -> None:
    scale = np.mean(small_recipe().ranges, axis=1)
    spread = (voxels.label / scale).var(axis=0)
    assert (error(network, voxels, small_recipe())[:3] < 0.7 * spread[:3]).all()


def test_the_loss_told_is_that_of_voxels_held_out(voxels: TrainingVoxels) -> None:
    recipe = small_recipe()
    network, loss = train(recipe, voxels, None, QUIET)
    held_out = TrainingVoxels(voxels.signal[:300], voxels.label[:300])
    assert loss == pytest.approx(error(network, held_out, recipe).mean(), rel=1e-4)


def test_the_same_recipe_gives_the_same_weights_and_another_seed_others(voxels: TrainingVoxels) -> None:
    first, second, other = (
        packed(train(small_recipe(seed=seed), voxels, None, QUIET)[0]) for seed in (3, 3, 4)
    )
    assert first == second
    assert first != other


def test_networks_trained_side_by_side_do_not_know_of_each_other(
    network: VoxelNetwork, voxels: TrainingVoxels
) -> None:
    one, three = (train(small_recipe(restarts=n), voxels, network, QUIET)[0] for n in (1, 3))
    for weight, other in zip(one.weights, three.weights, strict=True):
        np.testing.assert_allclose(weight, other, rtol=1e-3, atol=1e-4)


def test_training_goes_on_from_the_network_it_is_given(network: VoxelNetwork, voxels: TrainingVoxels) -> None:
    recipe = small_recipe(restarts=1, steps=1, learning_rate=1e-7)
    after, _ = train(recipe, voxels, network, QUIET)
    for weight, before in zip(after.weights, network.weights, strict=True):
        np.testing.assert_allclose(weight, before, atol=1e-5)


def test_a_parameter_that_counts_more_is_found_better(voxels: TrainingVoxels) -> None:
    errors = []
    for weight in (1e-3, 1e3):
        recipe = small_recipe(loss_weights=(1.0, 1.0, weight, 1.0), restarts=1, steps=400)
        errors.append(error(train(recipe, voxels, None, QUIET)[0], voxels, recipe)[2])
    assert errors[1] < 0.9 * errors[0]


def test_a_network_learns_to_explain_the_signal_without_labels(voxels: TrainingVoxels) -> None:
    recipe = small_recipe(loss="signal", steps=400)
    unlabelled = replace(voxels, label=np.zeros_like(voxels.label))
    network, loss = train(recipe, unlabelled, None, QUIET)
    explained = recipe.signal_model.signal(recipe.b_values, network(voxels.signal))
    noise = 1 / recipe.snr
    assert ((explained - voxels.signal) ** 2).mean() < (3 * noise) ** 2
    assert loss == pytest.approx(((explained - voxels.signal) ** 2)[:300].mean(), rel=1e-3)


def test_training_ends_when_it_brings_nothing_any_more(voxels: TrainingVoxels) -> None:
    fractions: list[float] = []
    progress = Progress(lambda fraction, _phrase: fractions.append(fraction))
    train(small_recipe(steps=6000, learning_rate=1.0, rate_falls=False, patience=0.1), voxels, None, progress)
    assert fractions[-1] < 1


@pytest.mark.parametrize("loss", ["parameters", "signal"])
def test_the_gradient_is_that_of_the_loss(voxels: TrainingVoxels, loss: str) -> None:
    recipe = small_recipe(loss=loss, width=4, loss_weights=(1.0, 2.0, 0.5, 3.0))
    scale = np.mean(recipe.ranges, axis=1)
    loss_of = _loss_of_signal(recipe, scale) if loss == "signal" else _loss_of_parameters(recipe)
    stack = Stack.of(recipe, None, np.random.default_rng(1))
    stack = Stack(stack.weights.astype(np.float64), stack.sizes)
    signal, label = voxels.signal[:20].astype(np.float64), voxels.label[:20] / scale
    gradient = stack.gradient(signal, label, loss_of)
    step = 1e-6
    for n in range(0, stack.weights.shape[1], 5):
        values = []
        for sign in (-1, 1):
            moved = stack.weights.copy()
            moved[:, n] += sign * step
            values.append(loss_of(Stack(moved, stack.sizes).estimates(signal), signal, label)[0])
        expected = (values[1] - values[0]) / (2 * step)
        np.testing.assert_allclose(gradient[:, n], expected, rtol=1e-3, atol=1e-7)


def test_a_trained_network_says_what_it_said_in_training(voxels: TrainingVoxels) -> None:
    recipe = small_recipe(restarts=1)
    stack = Stack.of(recipe, None, np.random.default_rng(1))
    scale = np.mean(recipe.ranges, axis=1).astype(np.float32)
    np.testing.assert_allclose(
        stack.network(scale)(voxels.signal), stack.estimates(voxels.signal)[0] * scale, rtol=1e-4, atol=1e-6
    )
