from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_dwi.measure.noise_sigma import neighbours_likeness, noise_sds
from napari_dwi.scan import BValues, DwiSeries

from ..synthetic import make_grid, make_series


def never() -> None:
    """Nobody asks to stop."""


def in_units_of_sigma(amplitude: float) -> float:
    """SD of Rician noise by drawing it."""
    draws = np.random.default_rng(1).normal(size=(2, 1_000_000))
    return float(np.hypot(amplitude + draws[0], draws[1]).std())


def constant_tissue(amplitude: float, sigma: float) -> DwiSeries:
    """A block of tissue in much air, with Rician noise."""
    clean = np.zeros((48, 48, 4, 2))
    clean[14:34, 14:34] = (1000, amplitude)
    real, imaginary = np.random.default_rng(0).normal(0, sigma, (2, *clean.shape))
    signal = np.hypot(clean + real, imaginary).astype(np.float32)
    return DwiSeries(signal, make_grid((48, 48, 4)), BValues(np.array([0, 800])))


def test_a_typed_noise_level_is_that_of_strong_signals_and_smaller_in_weak_ones() -> None:
    strong, weak = noise_sds(constant_tissue(0.0, 50.0), 50.0, 2, never)
    assert strong.origin == weak.origin == "as given"
    # The margin of two voxels of air around the tissue is part of the foreground.
    assert strong.sd == pytest.approx(50, rel=0.02)
    assert weak.sd == pytest.approx(50 * in_units_of_sigma(0), rel=0.02)


def test_the_air_tells_the_noise_where_there_is_enough() -> None:
    for noise in noise_sds(constant_tissue(500.0, 50.0), 0.0, 2, never):
        assert noise.origin == "from the air"
        assert noise.sd == pytest.approx(50, rel=0.06)


def test_without_air_differences_of_neighbours_tell_it() -> None:
    scan = make_series((40, 36, 6), sigma=60)
    cut = scan.series.signal[12:28, 11:25]
    series = DwiSeries(cut, make_grid(cut.shape[:3]), scan.series.b_values)
    for noise in noise_sds(series, 0.0, 2, never):
        assert noise.origin == "from differences of neighbours"
        assert noise.sd == pytest.approx(60, rel=0.15)


def test_noise_that_is_alike_between_neighbours_is_not_taken_for_less() -> None:
    rng = np.random.default_rng(0)
    noise = gaussian_filter(rng.normal(0, 1, (60, 60, 4, 3)), (0.5, 0.5, 0, 0))
    signal = (500 + 40 * noise / noise.std()).astype(np.float32)
    series = DwiSeries(signal, make_grid((60, 60, 4)), BValues(np.array([0, 400, 800])))
    for found in noise_sds(series, 0.0, 2, never):
        assert found.sd == pytest.approx(40, rel=0.15)
    assert neighbours_likeness(series, 2, never) > 1.2
    white = (500 + 40 * rng.normal(0, 1, noise.shape)).astype(np.float32)
    assert neighbours_likeness(replace(series, signal=white), 2, never) < 1.1


def test_a_volume_without_noise_has_none() -> None:
    series = DwiSeries(
        np.full((12, 10, 3, 2), 7, np.float32), make_grid((12, 10, 3)), BValues(np.array([0, 800]))
    )
    assert [noise.sd for noise in noise_sds(series, 0.0, 2, never)] == [0, 0]
