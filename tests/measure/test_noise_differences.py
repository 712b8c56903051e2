from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_dwi.measure.noise_differences import difference_noise_sd


@pytest.mark.parametrize("shape", [(60, 50, 4), (60, 50, 1), (1, 200, 40), (1, 1, 4000)], ids=str)
def test_the_sd_of_white_noise_is_found(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    noise = rng.normal(100, 7, shape)
    assert difference_noise_sd(noise) == pytest.approx(7, rel=0.06)


def test_slopes_and_a_few_edges_hardly_matter(rng: np.random.Generator) -> None:
    x, y, z = np.indices((60, 50, 4))
    tissue = 3 * x - 5 * y + 40 * z + 500.0 * (np.hypot(x - 30, y - 25) < 12)
    assert difference_noise_sd(tissue + rng.normal(0, 7, x.shape)) == pytest.approx(7, rel=0.1)


def test_only_the_mask_counts_and_values_that_are_missing_do_not(rng: np.random.Generator) -> None:
    image = rng.normal(0, 2, (40, 40, 3))
    image[20:] *= 10
    image[3, 4] = np.nan
    mask = np.zeros(image.shape, dtype=bool)
    mask[:20] = True
    assert difference_noise_sd(image, mask) == pytest.approx(2, rel=0.06)
    assert difference_noise_sd(image, ~mask) == pytest.approx(20, rel=0.06)


@pytest.mark.parametrize("shape", [(8, 8, 2), (1, 1, 1), (2, 2, 1)], ids=str)
def test_a_constant_has_no_noise(shape: tuple[int, int, int]) -> None:
    assert difference_noise_sd(np.full(shape, 5.0)) == 0
    assert difference_noise_sd(np.full(shape, np.nan)) == 0


def test_larger_steps_see_less_of_the_likeness_of_neighbours(rng: np.random.Generator) -> None:
    alike = gaussian_filter(rng.normal(0, 1, (200, 200, 2)), (0.6, 0.6, 0))
    near, far = (difference_noise_sd(alike, step=step) / alike.std() for step in (1, 3))
    assert near < 0.8
    assert far == pytest.approx(1, rel=0.05)
