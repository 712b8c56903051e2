from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.physics.signal import ivim, monoexponential

B_VALUES = (0, 50, 400, 800)


def test_free_diffusion_has_fallen_to_one_over_e_where_b_times_adc_is_one() -> None:
    assert monoexponential([0, 1000], 500, 1e-3) == pytest.approx([500, 500 / np.e])


def test_the_logarithm_of_free_diffusion_is_a_line_of_slope_minus_adc() -> None:
    signal = monoexponential(B_VALUES, 300, 0.8e-3)
    assert np.diff(np.log(signal)) / np.diff(B_VALUES) == pytest.approx([-0.8e-3] * 3)


def test_without_perfusion_ivim_is_free_diffusion() -> None:
    assert ivim(B_VALUES, 300, 0, 0.8e-3, 1e-2) == pytest.approx(monoexponential(B_VALUES, 300, 0.8e-3))


def test_the_fast_compartment_decays_with_d_star_alone() -> None:
    assert ivim(B_VALUES, 300, 1, 0.8e-3, 1e-2) == pytest.approx(monoexponential(B_VALUES, 300, 1e-2))


def test_ivim_at_a_high_b_value_extrapolates_to_the_share_of_tissue() -> None:
    s0, f, d = 100.0, 0.2, 1e-3
    late = ivim([800, 1600], s0, f, d, 0.05)
    at_zero = late[0] * np.exp(800 * d)
    assert at_zero == pytest.approx((1 - f) * s0)
    assert np.log(late[0] / late[1]) / 800 == pytest.approx(d)


def test_maps_broadcast_and_b_values_come_last() -> None:
    s0 = np.array([[100.0, 200.0, 300.0]])
    d = np.array([[1e-3], [2e-3]])
    signal = ivim(B_VALUES, s0, 0.1, d, 0.02)
    assert signal.shape == (2, 3, 4)
    assert signal[1, 2] == pytest.approx(ivim(B_VALUES, 300.0, 0.1, 2e-3, 0.02))
