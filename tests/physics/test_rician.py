from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.rician import add_rician_noise, correct_rician_bias, rician_mean

METHODS = ("koay", "gudbjartsson-patz")


@pytest.mark.parametrize("amplitude", [0.0, 1.0, 3.0, 20.0])
def test_the_mean_is_that_of_many_noisy_magnitudes(amplitude: float, rng: np.random.Generator) -> None:
    sigma, repeats = 2.5, 200_000
    magnitudes = add_rician_noise(np.full(repeats, amplitude * sigma), sigma, rng)
    standard_error = magnitudes.std() / np.sqrt(repeats)
    assert magnitudes.mean() == pytest.approx(rician_mean(amplitude * sigma, sigma), abs=4 * standard_error)


def test_the_second_moment_of_noisy_magnitudes_is_that_of_rice(rng: np.random.Generator) -> None:
    magnitudes = add_rician_noise(np.full(200_000, 3.0), 2.0, rng)
    assert np.mean(magnitudes**2) == pytest.approx(3.0**2 + 2 * 2.0**2, rel=0.01)


def test_without_noise_the_signal_stays(rng: np.random.Generator) -> None:
    assert add_rician_noise([0.0, 5.0], 0.0, rng).tolist() == [0.0, 5.0]


def test_the_mean_of_pure_noise_is_the_noise_floor() -> None:
    assert rician_mean(0.0, 3.0) == pytest.approx(3.0 * np.sqrt(np.pi / 2))


def test_a_strong_signal_keeps_its_mean() -> None:
    amplitudes = np.logspace(2, 8, 25)
    assert rician_mean(amplitudes, 1.0) == pytest.approx(amplitudes, rel=1e-4)


def test_the_mean_rises_without_a_jump() -> None:
    amplitudes = np.linspace(0, 1100, 110_001)
    means = rician_mean(amplitudes, 1.0)
    rise = np.diff(means)
    assert (rise > 0).all()
    assert rise.max() < 0.01 + 1e-9


def test_koay_takes_the_bias_off_the_mean_at_every_amplitude() -> None:
    sigma = 7.0
    amplitudes = sigma * np.concatenate([np.linspace(0, 40, 4001), np.logspace(1.6, 6, 40)])
    corrected = correct_rician_bias(rician_mean(amplitudes, sigma), sigma)
    assert np.abs(corrected - amplitudes).max() < 1e-3 * sigma


def test_koay_gives_zero_at_and_below_the_noise_floor() -> None:
    floor = 2.0 * np.sqrt(np.pi / 2)
    assert correct_rician_bias([0.0, 0.5 * floor, floor], 2.0) == pytest.approx([0, 0, 0], abs=1e-6)


def test_gudbjartsson_patz_takes_sigma_off_in_quadrature() -> None:
    corrected = correct_rician_bias([5.0, 4.0, 0.0], 4.0, "gudbjartsson-patz")
    assert corrected == pytest.approx([3.0, 0.0, 4.0])


@pytest.mark.parametrize("method", METHODS)
def test_no_value_stays_no_value(method: str) -> None:
    corrected = correct_rician_bias([np.nan, 10.0], 1.0, method)
    assert np.isnan(corrected).tolist() == [True, False]


@pytest.mark.parametrize("method", METHODS)
def test_without_noise_there_is_nothing_to_correct(method: str) -> None:
    assert correct_rician_bias([0.0, 10.0], 0.0, method).tolist() == [0.0, 10.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_correction_leaves_what_it_was_given(method: str) -> None:
    magnitude = np.array([1.0, 10.0])
    correct_rician_bias(magnitude, 1.0, method)
    assert magnitude.tolist() == [1.0, 10.0]


def test_an_unknown_correction_is_refused_by_name() -> None:
    with pytest.raises(BadInputError, match="found rice"):
        correct_rician_bias([1.0], 1.0, "rice")


@pytest.mark.parametrize("sigma", [-1.0, np.nan, np.inf])
def test_an_impossible_noise_level_is_refused(sigma: float) -> None:
    with pytest.raises(BadInputError, match="noise level"):
        correct_rician_bias([1.0], sigma)


@pytest.mark.parametrize("method", METHODS)
def test_every_slice_can_have_a_noise_level_of_its_own(method: str) -> None:
    magnitude = np.random.default_rng(0).uniform(0, 500, (6, 5, 3))
    sigmas = np.array([10.0, 0.0, 40.0])
    corrected = correct_rician_bias(magnitude, sigmas, method)
    for z, sigma in enumerate(sigmas):
        np.testing.assert_allclose(corrected[..., z], correct_rician_bias(magnitude[..., z], sigma, method))


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.5])
def test_noise_can_be_correlated_in_the_plane_without_getting_weaker(correlation: float) -> None:
    noisy = add_rician_noise(np.full((80, 80, 20), 1e4), 30.0, np.random.default_rng(0), correlation)
    noise = noisy - 1e4
    assert noise.std() == pytest.approx(30, rel=0.02)
    for axis in (0, 1):
        one, other = np.moveaxis(noise, axis, 0)[:-1], np.moveaxis(noise, axis, 0)[1:]
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(correlation, abs=0.02)
