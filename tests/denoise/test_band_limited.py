from __future__ import annotations

import math

import numpy as np
import pytest

from napari_dwi.denoise._band_limited import axis_coordinates, band_limited_encoding


@pytest.mark.parametrize(("omega_max", "n_frequencies"), [(20.0, 20), (7.5, 4), (2.0, 2)])
def test_features_are_those_of_the_formula(omega_max: float, n_frequencies: int) -> None:
    positions = np.array([-1.0, -0.3, 0.0, 0.25, 1.0])
    encoded = band_limited_encoding(positions, omega_max, n_frequencies)
    assert encoded.shape == (5, 2 * n_frequencies)
    assert encoded.dtype == np.float32
    for row, p in zip(encoded, positions, strict=True):
        for k in range(n_frequencies):
            w = 1 + k * (omega_max - 1) / (n_frequencies - 1)
            x = math.pi * w / omega_max
            fade = math.sin(x) / x
            assert row[k] == pytest.approx(math.sin(w * p) * fade, abs=1e-6)
            assert row[n_frequencies + k] == pytest.approx(math.cos(w * p) * fade, abs=1e-6)


def test_the_last_frequency_is_gone_at_the_cut_off() -> None:
    encoded = band_limited_encoding(np.linspace(-1, 1, 50), 20.0, 20)
    # sin(pi) as a double is 1e-16: zero for every purpose.
    assert np.abs(encoded[:, [19, 39]]).max() < 1e-15
    assert np.abs(encoded[:, [18, 38]]).max() > 0.01


def test_higher_frequencies_weigh_less() -> None:
    weights = np.hypot(*np.split(band_limited_encoding(np.array([0.4]), 20.0, 20), 2, axis=1))[0]
    assert (np.diff(weights) < 0).all()
    assert weights[0] == pytest.approx(np.sinc(1 / 20))


@pytest.mark.parametrize("n", [2, 3, 18])
def test_coordinates_run_from_minus_1_to_1(n: int) -> None:
    coordinates = axis_coordinates(n)
    assert len(coordinates) == n
    assert (coordinates[0], coordinates[-1]) == (-1, 1)
    np.testing.assert_allclose(np.diff(coordinates), 2 / (n - 1))


def test_a_single_voxel_lies_in_the_middle() -> None:
    np.testing.assert_array_equal(axis_coordinates(1), [0])
