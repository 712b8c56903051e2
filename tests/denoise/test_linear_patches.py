from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.denoise._linear_patches import LinearPatches, OwnNeighbours, predict_linearly
from napari_dwi.denoise._linear_prediction import ToPredict
from napari_dwi.methods.progress import Progress

SHAPE = (12, 10, 6)
ONE_GROUP = np.zeros(SHAPE, dtype=np.intp)
EVERYWHERE = np.ones(SHAPE, dtype=bool)


def predicted(
    images: np.ndarray,
    how: LinearPatches,
    groups: np.ndarray = ONE_GROUP,
    learnt_from: np.ndarray = EVERYWHERE,
) -> np.ndarray:
    """The prediction of the first image."""
    wanted = ToPredict(images.astype(np.float32), np.array([0]), groups, learnt_from)
    return predict_linearly(wanted, how, Progress())[0]


@pytest.mark.parametrize("ridge", [True, False])
def test_a_linear_function_of_neighbouring_voxels_is_found(ridge: bool, rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, *SHAPE))
    target = 2 + 3 * np.roll(first, 1, axis=0) - second
    # Rolled values come back in at the border.
    inner = np.zeros(SHAPE, bool)
    inner[1:-1, 1:-1, 1:-1] = True
    how = LinearPatches(1, "none", ridge)
    found = predicted(np.stack([target, first, second]), how, learnt_from=inner)
    np.testing.assert_allclose(found[inner], target[inner], atol=1e-3)


def test_groups_have_weights_of_their_own(rng: np.random.Generator) -> None:
    other = rng.normal(size=SHAPE)
    groups = np.zeros(SHAPE, dtype=np.intp)
    groups[6:] = 1
    target = np.where(groups == 1, 5 * other, -other)
    how = LinearPatches(0, "none", ridge=False)
    np.testing.assert_allclose(predicted(np.stack([target, other]), how, groups), target, atol=1e-4)
    assert np.abs(predicted(np.stack([target, other]), how) - target).max() > 1


@pytest.mark.parametrize("own", ["all", "other slices"])
@pytest.mark.parametrize("shape", [(12, 10, 6), (14, 12, 2), (14, 12, 1), (2, 14, 12)], ids=str)
def test_no_voxel_helps_to_predict_itself_not_even_at_the_border(
    own: OwnNeighbours, shape: tuple[int, int, int], rng: np.random.Generator
) -> None:
    """White noise cannot be predicted from its neighbours, so that hardly any weight is left."""
    noise = rng.normal(size=(1, *shape))
    how = LinearPatches(2, own, ridge=True)
    everywhere, one_group = np.ones(shape, bool), np.zeros(shape, np.intp)
    wanted = ToPredict(noise.astype(np.float32), np.array([0]), one_group, everywhere)
    found = predict_linearly(wanted, how, Progress())[0]
    assert np.mean((found - found.mean()) * noise[0]) < 0.2


def test_ridge_predicts_pure_noise_by_its_mean_where_least_squares_learns_it(
    rng: np.random.Generator,
) -> None:
    noise = rng.normal(size=(3, *SHAPE))
    shrunk = predicted(noise, LinearPatches(1, "none", ridge=True))
    learnt = predicted(noise, LinearPatches(1, "none", ridge=False))
    assert shrunk.std() < 0.5 * learnt.std()


def test_images_that_do_not_vary_predict_nothing_and_do_no_harm(rng: np.random.Generator) -> None:
    other = rng.normal(size=SHAPE)
    images = np.stack([2 * other, other, np.full(SHAPE, 4.0), np.zeros(SHAPE)])
    np.testing.assert_allclose(predicted(images, LinearPatches(1, "none", ridge=True)), 2 * other, atol=1e-3)
    constant = np.stack([np.full(SHAPE, 3.0), other])
    np.testing.assert_allclose(predicted(constant, LinearPatches(1, "all", ridge=True)), 3, atol=1e-5)
