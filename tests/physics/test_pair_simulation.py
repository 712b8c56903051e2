from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.k_space import k_space_cropped, zero_filled
from napari_dwi.physics.pair_simulation import noise_ratio, simulate_pair


def blob(size: int = 64) -> np.ndarray:
    x = np.linspace(-3, 3, size, endpoint=False)
    return 100 * np.exp(-(x[:, None] ** 2) - x**2)


@pytest.mark.parametrize(("averages", "ratio"), [(1, 0.5), (4, 1.0), (5, 1.118034)])
def test_the_quick_scan_is_as_noisy_as_k_space_demands(
    averages: int, ratio: float, rng: np.random.Generator
) -> None:
    """Reconstructed from samples that all carry the same noise."""
    assert noise_ratio(averages) == pytest.approx(ratio, abs=1e-6)
    real, imaginary = rng.normal(size=(2, averages, 128, 128))
    samples = real + 1j * imaginary
    # An image is the sum over k-space, without a factor that would depend on its size.
    high = np.fft.ifft2(samples.mean(axis=0), norm="forward")
    low = np.fft.ifft2(samples[0, :64, :64], norm="forward")
    assert low.real.std() / high.real.std() == pytest.approx(ratio, rel=0.03)


@pytest.mark.parametrize("averages", [1, 5])
def test_both_scans_have_the_noise_they_say(averages: int, rng: np.random.Generator) -> None:
    pair = simulate_pair(np.full((128, 128), 1000.0), 8.0, rng, averages=averages)
    assert pair.low.shape == (64, 64)
    assert pair.low.std() == pytest.approx(8.0, rel=0.03)
    assert pair.high.std() == pytest.approx(pair.sigma_high, rel=0.03)
    assert pair.low.std() / pair.high.std() == pytest.approx(np.sqrt(averages / 4), rel=0.03)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_without_noise_the_quick_scan_is_the_band_limited_object(
    factor: int, rng: np.random.Generator
) -> None:
    truth = blob(factor * 16)
    pair = simulate_pair(truth, 0.0, rng, factor=factor)
    np.testing.assert_allclose(pair.high, truth, rtol=1e-6)
    band_limited = zero_filled(k_space_cropped(truth, factor), factor)
    np.testing.assert_allclose(zero_filled(pair.low, factor), band_limited, atol=1e-4)


def test_air_holds_the_noise_of_magnitudes(rng: np.random.Generator) -> None:
    pair = simulate_pair(np.zeros((128, 128)), 4.0, rng)
    assert pair.low.mean() == pytest.approx(4.0 * np.sqrt(np.pi / 2), rel=0.02)
    assert pair.low.std() == pytest.approx(0.655 * 4.0, rel=0.03)


def test_slices_of_a_stack_are_scanned_alike(rng: np.random.Generator) -> None:
    pair = simulate_pair(np.stack([blob(), 2 * blob()], axis=2), 0.0, rng)
    assert pair.low.shape == (32, 32, 2)
    np.testing.assert_allclose(2 * pair.low[..., 0], pair.low[..., 1], rtol=1e-5)


@pytest.mark.parametrize(("sigma", "averages"), [(-1.0, 5), (np.nan, 5), (1.0, 0)])
def test_pairs_that_cannot_be_are_refused(sigma: float, averages: int, rng: np.random.Generator) -> None:
    with pytest.raises(BadInputError, match="cannot be simulated"):
        simulate_pair(blob(), sigma, rng, averages=averages)
