from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.denoise._local_means import LocalMeans, reach_of_noise

SPACING_MM = (2.0, 2.5, 4.0)


def means_among(inside: np.ndarray) -> LocalMeans:
    return LocalMeans(inside, SPACING_MM, lambda: None)


@pytest.mark.parametrize("alike", [False, True])
def test_a_voxel_is_no_part_of_the_mean_around_it(alike: bool, rng: np.random.Generator) -> None:
    image = rng.normal(size=(16, 15, 4)).astype(np.float32)
    means = means_among(np.ones(image.shape, bool))
    before = means.around(image, 4.0, reach_of_noise(alike))
    image[7, 8, 2] += 100
    changed = np.abs(means.around(image, 4.0, reach_of_noise(alike)) - before) > 1e-3
    assert not changed[7, 8, 2]
    assert changed[7, 8, 1]
    # Where noise is alike between neighbours they are left out too.
    assert changed[8, 8, 2] != alike
    assert changed[10, 8, 2]


def test_a_voxel_is_part_of_the_mean_if_nothing_is_left_out() -> None:
    image = np.zeros((9, 9, 1), np.float32)
    image[4, 4] = 1
    mean = means_among(np.ones(image.shape, bool)).around(image, 2.0)
    assert mean[4, 4, 0] == mean.max() > 0


def test_the_mean_of_a_constant_is_the_constant_and_knows_its_region() -> None:
    inside = np.zeros((12, 12, 3), bool)
    inside[:6] = True
    image = np.where(inside, 5, 1000).astype(np.float32)
    for left_out in (None, 0, 2):
        np.testing.assert_allclose(means_among(inside).around(image, 4.0, left_out)[inside], 5, rtol=1e-3)


def test_a_voxel_without_any_around_has_none() -> None:
    alone = np.ones((1, 1, 1), np.float32)
    np.testing.assert_array_equal(means_among(alone > 0).around(alone, 4.0, 0), np.zeros((1, 1, 1)))
