from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.measure.estimator_limits import fisher_information, lowest_sd
from napari_dwi.physics.signal_models import ADC, IVIM, IVIM_DFAST

B_VALUES = (0, 10, 20, 30, 50, 80, 100, 200, 400, 800)


def test_two_b_values_give_the_textbook_bound_of_the_adc() -> None:
    adc, sigma, b = 1e-3, 0.02, 800.0
    found = lowest_sd(ADC, [0, b], [adc, 1.0], sigma)[0]
    assert found == pytest.approx(sigma / b * np.sqrt(1 + np.exp(2 * b * adc)))


@pytest.mark.parametrize(
    ("truth", "snr", "expected"),
    [
        ((0.3, 1.7e-3, 80e-3), 15, (0.0693, 0.407e-3, 51.1e-3)),
        ((0.3, 1.7e-3, 80e-3), 30, (0.0345, 0.200e-3, 25.5e-3)),
        ((0.4, 1.5e-3, 20e-3), 15, (0.1374, 0.648e-3, 13.2e-3)),
    ],
)
def test_ivim_bounds_are_those_of_an_independent_calculation(
    truth: tuple[float, ...], snr: float, expected: tuple[float, ...]
) -> None:
    sd = lowest_sd(IVIM_DFAST, B_VALUES, (*truth, 1.0), 1 / snr, noise="rician")
    assert sd[:3] == pytest.approx(expected, rel=0.02)


def test_magnitudes_never_tell_more_than_real_signals() -> None:
    values = np.array([0.3, 1.7e-3, 80e-3, 1.0])
    gaussian = lowest_sd(IVIM, B_VALUES, values, 1 / 5)
    rician = lowest_sd(IVIM, B_VALUES, values, 1 / 5, noise="rician")
    assert (rician > gaussian).all()


def test_averages_count_as_often_as_they_were_measured() -> None:
    values = [0.3, 1.7e-3, 80e-3, 1.0]
    repeated = lowest_sd(IVIM, [b for b in B_VALUES for _ in range(4)], values, 0.1)
    averaged = lowest_sd(IVIM, B_VALUES, values, 0.1, weights=np.full(10, 4.0))
    np.testing.assert_allclose(averaged, repeated)
    np.testing.assert_allclose(averaged, lowest_sd(IVIM, B_VALUES, values, 0.05))


def test_what_the_b_values_do_not_determine_has_no_value() -> None:
    assert np.isnan(lowest_sd(IVIM, [0, 0, 400, 800], [0.3, 1.7e-3, 80e-3, 1.0], 0.1)[:3]).all()
    no_blood = lowest_sd(IVIM, B_VALUES, [0.0, 1.7e-3, 80e-3, 1.0], 0.1)
    assert np.isnan(no_blood[2])
    assert np.isfinite(no_blood[[0, 1, 3]]).all()


def test_maps_broadcast_and_voxels_without_value_have_none() -> None:
    values = np.tile([0.3, 1.7e-3, 80e-3, 1.0], (3, 2, 1))
    values[1, 1] = np.nan
    sd = lowest_sd(IVIM, B_VALUES, values, 0.1)
    assert sd.shape == (3, 2, 4)
    np.testing.assert_array_equal(np.isnan(sd).all(axis=-1), np.isnan(values).any(axis=-1))
    information = fisher_information(IVIM, B_VALUES, values[0], 0.1)
    np.testing.assert_allclose(information, np.swapaxes(information, -1, -2))
