from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._log_linear import decay_lines
from napari_dwi.physics.rician import add_rician_noise
from napari_dwi.physics.signal_models import ADC

B = np.array([0.0, 200, 600, 1000])
ONES = np.ones(4)


@pytest.mark.parametrize("iterations", [0, 1, 5])
def test_an_exponential_is_a_line_whatever_the_weights(iterations: int) -> None:
    signal = ADC.signal(B, [[1.3e-3, 700.0], [0.0, 5e-5], [2e-3, 1e9]])
    rate, amplitude = decay_lines(signal, B, ONES, iterations=iterations)
    np.testing.assert_allclose(rate, [1.3e-3, 0, 2e-3], atol=1e-12)
    np.testing.assert_allclose(amplitude, [700, 5e-5, 1e9])


def test_values_that_are_not_positive_do_not_count() -> None:
    signal = ADC.signal(B, [[1.3e-3, 700.0]] * 2)
    signal[0, 3], signal[1, 2] = 0, -5
    rate, _ = decay_lines(signal, B, ONES)
    np.testing.assert_allclose(rate, 1.3e-3)


def test_fewer_than_two_b_values_with_signal_make_no_line() -> None:
    signal = np.array([[100.0, 0, 0, 0], [0, 0, 0, 0]])
    rate, _ = decay_lines(signal, B, ONES)
    assert np.isnan(rate).all()


def test_weighting_keeps_noise_at_high_b_from_spreading(rng: np.random.Generator) -> None:
    truth = np.tile([1.5e-3, 1.0], (5000, 1))
    signal = add_rician_noise(ADC.signal(B, truth), 0.05, rng)
    spread = [decay_lines(signal, B, ONES, iterations=n)[0].std() for n in (0, 1, 5)]
    assert spread[2] < spread[0]
    assert spread[1] < spread[0]
    bias = [abs(decay_lines(signal, B, ONES, iterations=n)[0].mean() - 1.5e-3) for n in (1, 5)]
    # Measured weights favour what noise has made larger; predicted ones do not.
    assert bias[1] < bias[0]
