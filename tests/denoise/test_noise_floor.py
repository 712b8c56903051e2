from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.denoise._noise_floor import AFTER, NoiseFloor
from napari_dwi.measure.rician_sigma import RicianSigma
from napari_dwi.physics.rician import add_rician_noise, correct_rician_bias, rician_mean

SHAPE = (12, 10, 3, 2)
BY_SLICE = np.array([20.0, 40.0, 80.0])


def never() -> None:
    """Nobody asks to stop."""


def test_every_slice_loses_its_own_floor() -> None:
    clean = np.full(SHAPE, 60.0)
    magnitude = rician_mean(clean, BY_SLICE.reshape(1, 1, 3, 1)).astype(np.float32)
    floor = NoiseFloor(RicianSigma(BY_SLICE, "as given"), "koay", AFTER, 2)
    np.testing.assert_allclose(floor.removed_from(magnitude, never), clean, rtol=1e-3)


def test_slices_may_be_stacked_along_any_axis() -> None:
    rng = np.random.default_rng(0)
    magnitude = add_rician_noise(np.full((3, 12, 10, 1), 100.0), 30.0, rng).astype(np.float32)
    floor = NoiseFloor(RicianSigma(BY_SLICE, "as given"), "gudbjartsson-patz", AFTER, 0)
    found = floor.removed_from(magnitude, never)
    for n, sigma in enumerate(BY_SLICE):
        expected = correct_rician_bias(magnitude[n], sigma, "gudbjartsson-patz")
        np.testing.assert_allclose(found[n], expected, rtol=1e-5)


def test_levels_of_slices_are_told_where_they_differ() -> None:
    floor = NoiseFloor(RicianSigma(BY_SLICE, "estimated from the air"), "koay", AFTER, 2)
    assert list(floor.figures().values()) == pytest.approx([BY_SLICE.mean(), 20, 80])
    assert "every slice has a level of its own" in floor.warning()
    even = NoiseFloor(RicianSigma(np.full(3, 20.0), "as given"), "koay", AFTER, 2)
    assert list(even.figures()) == ["noise sigma (scanner units)"]
    assert "every slice" not in even.warning()


def test_images_that_a_scanner_has_processed_are_warned_of_more_strongly() -> None:
    plain, blanked = (
        NoiseFloor(RicianSigma(np.full(3, 20.0), "as given", share), "koay", AFTER, 2).warning()
        for share in (0.0, 0.4)
    )
    assert "scanners often process images before export" in plain
    assert "40 % of the background is blanked" in blanked
