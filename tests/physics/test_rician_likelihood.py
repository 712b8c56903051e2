from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.rician_likelihood import bessel_terms, rician_information


def log_likelihood(magnitude: np.ndarray, amplitude: float) -> np.ndarray:
    """Of a Rician magnitude, sigma 1, less what does not depend on the amplitude."""
    logarithm, _ = bessel_terms(magnitude * amplitude)
    return logarithm - 0.5 * (magnitude - amplitude) ** 2


def test_the_terms_neither_overflow_nor_vanish() -> None:
    logarithm, ratio = bessel_terms(np.array([0.0, 1e-3, 1.0, 700.0, 1e8]))
    assert np.isfinite(logarithm).all()
    assert logarithm[0] == 0
    assert ratio[0] == 0
    assert ratio[1] == pytest.approx(0.5e-3, rel=1e-3)
    assert ratio[-1] == pytest.approx(1)
    assert (np.diff(ratio) > 0).all()


@pytest.mark.parametrize("amplitude", [0.5, 2.0, 8.0])
def test_the_ratio_is_the_slope_of_the_likelihood(amplitude: float) -> None:
    magnitude = np.array([0.1, 1.0, 3.0, 9.0])
    _, ratio = bessel_terms(magnitude * amplitude)
    step = 1e-5
    slope = (log_likelihood(magnitude, amplitude + step) - log_likelihood(magnitude, amplitude - step)) / (
        2 * step
    )
    np.testing.assert_allclose(magnitude * ratio - amplitude, slope, atol=1e-8)


@pytest.mark.parametrize("amplitude", [0.3, 1.0, 3.0, 12.5])
def test_the_information_is_the_mean_square_of_the_slope(amplitude: float, rng: np.random.Generator) -> None:
    magnitude = add_rician_noise(np.full(400_000, amplitude), 1.0, rng)
    _, ratio = bessel_terms(magnitude * amplitude)
    expected = np.mean((magnitude * ratio - amplitude) ** 2)
    assert rician_information(amplitude) == pytest.approx(expected, rel=0.01)


def test_magnitudes_tell_nothing_of_no_signal_and_all_of_a_strong_one() -> None:
    information = rician_information(np.array([0.0, 0.5, 1, 2, 5, 11.99, 12.01, 100]))
    assert information[0] == pytest.approx(0, abs=1e-6)
    assert (np.diff(information) > 0).all()
    assert information[-1] == pytest.approx(1, abs=1e-3)
    assert information[5] == pytest.approx(information[6], abs=1e-4)
    assert np.isnan(rician_information(np.nan))
