from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.fit._adam import Adam


def test_the_first_steps_are_as_long_as_the_rate_whatever_the_gradient() -> None:
    gradient = np.array([[1e-3, -5.0], [200.0, -1e-5]], dtype=np.float32)
    optimiser = Adam(gradient.shape)
    for _ in range(3):
        np.testing.assert_allclose(optimiser.change(gradient, 0.1), -0.1 * np.sign(gradient), rtol=2e-3)


def test_the_bottom_of_a_narrow_valley_is_reached() -> None:
    curvature, bottom = np.array([1.0, 100.0], dtype=np.float32), np.array([3.0, -2.0], dtype=np.float32)
    place, optimiser = np.zeros(2, dtype=np.float32), Adam((2,))
    for step in range(3000):
        place += optimiser.change(curvature * (place - bottom), 0.1 * (1 - step / 3000))
    assert place == pytest.approx(bottom, abs=1e-3)
