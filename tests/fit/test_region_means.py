from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.fit._region_means import RegionFits, fit_region_means
from napari_dwi.methods.registry import find_method
from napari_dwi.physics.signal_models import IVIM
from napari_dwi.scan import DwiSeries

from .curves import B_VALUES, Curves, make_curves

TRUTH = np.array([[0.15, 0.8e-3, 30e-3, 900.0], [0.3, 1.6e-3, 70e-3, 1200.0]])


@pytest.fixture(scope="module")
def halves() -> Curves:
    """Two regions of one tissue each, with much noise."""
    curves = make_curves("ivim", shape=(20, 30, 4))
    rng = np.random.default_rng(4)
    signal = np.empty(curves.series.signal.shape, np.float32)
    for n, values in enumerate(TRUTH):
        part = (slice(10 * n, 10 * n + 10),)
        signal[part] = IVIM.signal(B_VALUES, values) + rng.normal(0, 60, signal[part].shape)
    return replace(curves, series=replace(curves.series, signal=signal))


def fits_of(series: DwiSeries, method: str = "least-squares", **settings: str) -> RegionFits:
    left = np.zeros(series.grid.shape, bool)
    left[:10] = True
    chosen = find_method(method)
    parameters = chosen.settings().with_settings(settings)
    return fit_region_means(series, {"left": left, "right": ~left}, chosen, parameters, device="cpu")


@pytest.mark.parametrize("method", ["least-squares", "segmented", "maximum-likelihood", "bayes"])
def test_means_give_what_noisy_voxels_cannot(halves: Curves, method: str) -> None:
    found = fits_of(halves.series, method).found
    for n, (name, limit) in enumerate((("f", 0.12), ("D", 0.06), ("Dstar", 0.35))):
        np.testing.assert_allclose(found[name], TRUTH[:, n], rtol=limit)
        assert (np.abs(found[name] - TRUTH[:, n]) < 4 * found.sd[name]).all()


def test_the_table_has_a_row_for_each_region(halves: Curves) -> None:
    header, *rows = fits_of(halves.series).table
    assert header[:5] == ("region", "n", "f", "f SD", "D (mm2/s)")
    assert [row[:2] for row in rows] == [("left", "1200"), ("right", "1200")]
    assert float(rows[1][header.index("D (mm2/s)")]) == pytest.approx(1.6e-3, rel=0.06)
    assert rows[0][-1] == "fitted"


def test_voxels_without_a_value_do_not_count(halves: Curves) -> None:
    signal = halves.series.signal.copy()
    signal[3, 3, 3, 2] = np.nan
    found = fits_of(replace(halves.series, signal=signal)).found
    assert np.isfinite(found["D"]).all()
    signal[:10] = np.nan
    found = fits_of(replace(halves.series, signal=signal)).found
    np.testing.assert_array_equal(np.isnan(found["D"]), [True, False])


def test_an_empty_region_is_told(halves: Curves) -> None:
    method = find_method("least-squares")
    nothing = np.zeros(halves.series.grid.shape, bool)
    with pytest.raises(BadInputError, match="region lesion is empty"):
        fit_region_means(halves.series, {"lesion": nothing}, method, method.settings(), device="cpu")
