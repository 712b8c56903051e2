from __future__ import annotations

import numpy as np
import pytest

from napari_dwi.errors import BadInputError
from napari_dwi.measure.estimator_quality import ParameterGrid, estimator_quality
from napari_dwi.measure.estimator_tables import (
    crossing_rows,
    marginal_limit,
    marginal_rows,
    summaries,
    tissue_grid,
)
from napari_dwi.physics.signal_models import ADC, IVIM, IVIM_DFAST, MODELS, SignalModel

B = np.array([0.0, 400.0, 800.0])
SIGMA = 0.02
GRID = tissue_grid(ADC, 4)


def log_slope(signal: np.ndarray) -> np.ndarray:
    adc = np.log(signal[:, 0] / signal[:, -1]) / B[-1]
    return np.stack([adc, signal[:, 0]], axis=-1).astype(np.float64)


def same(signal: np.ndarray) -> np.ndarray:
    return np.tile([1.5e-3, 1.0], (len(signal), 1))


def test_the_grid_of_the_paper_is_the_default() -> None:
    grid = tissue_grid(IVIM_DFAST)
    assert grid.shape == (10, 10, 10, 1)
    np.testing.assert_allclose(
        [axis[[0, -1]] for axis in grid.axes[:3]], [(0.1, 0.5), (4e-4, 3e-3), (0.01, 0.15)]
    )
    assert grid.axes[3] == [1.0]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_model_has_a_grid_of_moderate_size(model: SignalModel) -> None:
    grid = tissue_grid(model)
    assert min(grid.shape[:-1]) >= 2
    assert 10 <= np.prod(grid.shape) <= 1024
    assert (model.signal(B, grid.truth) > 0).all()


def test_ranges_can_be_chosen() -> None:
    grid = tissue_grid(IVIM, 3, {"D": (1e-3, 2e-3)})
    np.testing.assert_allclose(grid.axes[1], [1e-3, 1.5e-3, 2e-3])
    with pytest.raises(BadInputError, match="ivim has no parameter Dfast; expected one of f, D, Dstar"):
        tissue_grid(IVIM, 3, {"Dfast": (1e-2, 1e-1)})
    with pytest.raises(BadInputError, match="rise"):
        tissue_grid(IVIM, 3, {"D": (2e-3, 1e-3)})
    with pytest.raises(BadInputError, match="at least 1, found 0"):
        tissue_grid(IVIM, 0)


def test_a_good_estimator_comes_near_the_limit_and_none_without_bias_below() -> None:
    grid = ParameterGrid.spread(ADC, [(0.8e-3, 1.6e-3), (1.0, 1.0)], (3, 1))
    two = np.array([0.0, 800.0])
    quality = estimator_quality(log_slope, grid, two, 0.01, repeats=4000)
    limit = marginal_limit(grid, two, 0.01, "ADC")
    # With as many b-values as parameters the straight line through them is the likeliest.
    np.testing.assert_allclose(quality.marginal("ADC").sd, limit, rtol=0.05)


def test_a_summary_tells_shrinkage_from_accuracy() -> None:
    (sees,) = summaries(estimator_quality(log_slope, GRID, B, SIGMA, repeats=200), B, SIGMA, 200)
    (blind,) = summaries(estimator_quality(same, GRID, B, SIGMA, repeats=200), B, SIGMA, 200)
    assert sees.parameter == blind.parameter == "ADC"
    assert sees.gain == pytest.approx(1, abs=0.1)
    assert blind.gain == pytest.approx(0, abs=1e-9)
    assert blind.sd == pytest.approx(0, abs=1e-12)
    assert blind.absolute_bias == pytest.approx(np.abs(1.5e-3 - GRID.axes[0]).mean())
    assert blind.limit == sees.limit > 0
    assert sees.missing == 0


def test_signals_without_an_estimate_are_counted() -> None:
    def never(signal: np.ndarray) -> np.ndarray:
        return np.full((len(signal), 2), np.nan)

    (row,) = summaries(estimator_quality(never, GRID, B, SIGMA, repeats=20), B, SIGMA, 20)
    assert row.missing == 1
    assert np.isnan([row.bias, row.sd, row.rmse, row.gain]).all()


def test_rows_hold_what_was_measured() -> None:
    quality = estimator_quality(log_slope, GRID, B, SIGMA, repeats=50)
    rows = list(marginal_rows({"slope": quality}, B, SIGMA))
    assert [row["true"] for row in rows] == list(GRID.axes[0])
    np.testing.assert_allclose([row["bias"] for row in rows], quality.marginal("ADC").bias)
    assert {(row["method"], row["parameter"], row["unit"]) for row in rows} == {("slope", "ADC", "mm2/s")}
    crossings = list(crossing_rows({"slope": quality, "same": quality}))
    assert len(crossings) == 2 * quality.count.size
    np.testing.assert_allclose([row["mean_ADC"] for row in crossings[:4]], quality.mean[:, 0, 0])
    assert crossings[0]["n"] == 50
