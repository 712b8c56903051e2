from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.measure.value_statistics import reference_errors, value_statistics

SHAPE = (24, 20, 2)


def test_the_spread_of_known_values() -> None:
    found = value_statistics([1.0, np.nan, 2.0, 3.0, 4.0, 5.0, np.inf])
    assert (found.n, found.n_missing) == (5, 2)
    assert (found.lower_quartile, found.median, found.upper_quartile) == (2.0, 3.0, 4.0)
    assert found.mean == 3.0
    assert found.sd == pytest.approx(np.std([1, 2, 3, 4, 5], ddof=1))


def test_too_few_values_have_no_spread() -> None:
    nothing, one = value_statistics([np.nan]), value_statistics([7.0])
    assert (nothing.n, nothing.n_missing) == (0, 1)
    assert np.isnan([nothing.mean, nothing.median, nothing.sd, one.sd]).all()
    assert one.mean == one.median == 7.0


@pytest.fixture
def reference(rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(50, 100, SHAPE).astype(np.float32)


def test_a_shift_is_bias_and_noise_is_scatter(reference: np.ndarray, rng: np.random.Generator) -> None:
    inside = np.ones(SHAPE, bool)
    noise = rng.normal(0, 2, SHAPE)
    found = reference_errors((reference + 5 + noise).astype(np.float32), reference, inside)
    assert found.n == reference.size
    assert found.bias == pytest.approx(5, abs=0.2)
    assert found.sd == pytest.approx(2, abs=0.15)
    assert found.rmse**2 == pytest.approx(found.bias**2 + found.sd**2 * (1 - 1 / found.n), rel=1e-5)
    assert found.psnr == pytest.approx(20 * np.log10(reference.max() / found.rmse), abs=1e-3)
    assert 0 < found.ssim < 1


def test_only_the_region_and_known_voxels_count(reference: np.ndarray) -> None:
    image = reference.copy()
    image[12:] += 30
    image[0, 0, 0] = np.nan
    inside = np.zeros(SHAPE, bool)
    inside[:12] = True
    found = reference_errors(image, reference, inside)
    assert found.n == inside.sum() - 1
    assert (found.bias, found.rmse) == (0, 0)
    assert found.ssim == pytest.approx(1)


def test_narrow_slices_have_no_structural_similarity(reference: np.ndarray) -> None:
    found = reference_errors(reference[:8] + 1, reference[:8], np.ones((8, *SHAPE[1:]), bool))
    assert np.isnan(found.ssim)
    assert found.bias == pytest.approx(1)


def test_nothing_in_common_has_no_errors(reference: np.ndarray) -> None:
    found = reference_errors(np.full_like(reference, np.nan), reference, np.ones(SHAPE, bool))
    assert found.n == 0
    assert np.isnan([found.bias, found.sd, found.rmse, found.psnr, found.ssim]).all()
