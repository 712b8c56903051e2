from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.physics.phantoms.ivim_squares import (
    D_OF_ROWS,
    D_STAR_OF_COLUMNS,
    F_OF_SLICES,
    simulate_ivim_squares,
)
from napari_dwi.physics.signal import ivim


def test_every_combination_is_a_region_of_its_own_with_its_own_signal() -> None:
    scan = simulate_ivim_squares(float("inf"), square=3)
    maps = {name: volume.data for name, volume in scan.parameters.items()}
    n = len(F_OF_SLICES) * len(D_OF_ROWS) * len(D_STAR_OF_COLUMNS)
    codes, counts = np.unique(scan.labels.data, return_counts=True)
    assert codes.tolist() == list(range(1, n + 1))
    assert set(counts) == {9}
    for code, name in scan.label_names.items():
        inside = scan.labels.data == code
        f, d, d_star = (np.unique(maps[key][inside]) for key in ("f", "D", "Dstar"))
        assert name == f"f {f[0]:g}, D {d[0] * 1e3:g}, D* {d_star[0] * 1e3:g}"
        expected = ivim(scan.truth.b_values.values, 1000.0, f[0], d[0], d_star[0])
        np.testing.assert_allclose(scan.truth.signal[inside], np.tile(expected, (9, 1)), rtol=1e-5)


def test_the_snr_is_s0_over_sigma() -> None:
    scan = simulate_ivim_squares(20.0, square=8)
    assert scan.sigma == 50
    error = scan.series.signal[..., 0] - 1000
    assert error.std() == pytest.approx(50, rel=0.05)


def test_an_snr_must_be_positive() -> None:
    with pytest.raises(BadInputError, match="not a signal-to-noise ratio"):
        simulate_ivim_squares(0.0)
